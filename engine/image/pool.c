/*
 * pool.c
 *		Threads that work on images while the caller does something else.
 *
 * One mutex guards the batch: `next` is the first job that nobody has taken,
 * `running` the number of jobs being decoded.  A batch has ended when all jobs
 * are taken and none runs.  Work on an image takes far longer than taking a
 * job, so the mutex is no bottleneck.  The threads keep nothing between
 * images: what decoding allocates is small (see resample.c).
 */
#include "engine/image/pool_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define STACK_BYTES	(1024 * 1024)

/* True once the batch has ended; the mutex is held. */
static bool
batch_ended(const vc_pool *pool)
{
	return pool->next == pool->count && pool->running == 0;
}

/* A thread: takes jobs until the pool ends. */
static void *
thread_main(void *arg)
{
	vc_pool    *pool = arg;

	pthread_mutex_lock(&pool->mutex);
	for (;;)
	{
		void	   *job;

		while (!pool->ending && pool->next == pool->count)
			pthread_cond_wait(&pool->work, &pool->mutex);
		if (pool->ending)
			break;
		job = pool->jobs + pool->job_size * (size_t) pool->next++;
		pool->running++;
		pthread_mutex_unlock(&pool->mutex);

		pool->function(job, pool->argument);

		pthread_mutex_lock(&pool->mutex);
		pool->running--;
		if (batch_ended(pool))
			pthread_cond_broadcast(&pool->idle);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

/* Starts threads until there are `wanted` or no more to be had. */
static void
start_threads(vc_pool *pool, int wanted)
{
	pthread_attr_t attributes;
	sigset_t	all;
	sigset_t	before;

	if (pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (pool->threads < wanted &&
		   pthread_create(&pool->thread[pool->threads], &attributes,
						  thread_main, pool) == 0)
		pool->threads++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

/* Makes the mutex and the conditions; timeouts are by the monotonic clock. */
static bool
init_locks(vc_pool *pool)
{
	pthread_condattr_t attributes;
	bool		made;

	if (pthread_mutex_init(&pool->mutex, NULL) != 0)
		return false;
	if (pthread_cond_init(&pool->work, NULL) == 0)
	{
		pthread_condattr_init(&attributes);
		pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
		made = pthread_cond_init(&pool->idle, &attributes) == 0;
		pthread_condattr_destroy(&attributes);
		if (made)
			return true;
		pthread_cond_destroy(&pool->work);
	}
	pthread_mutex_destroy(&pool->mutex);
	return false;
}

vc_status
vc_pool_create(int threads, vc_pool **pool, vc_error *error)
{
	size_t		bytes;
	vc_pool    *p;

	*pool = NULL;
	if (threads < 1)
		return vc_fail(error, VC_INVALID_ARGUMENT,
					   "a pool of %d threads cannot be made", threads);
	bytes = sizeof(*p) + (size_t) threads * sizeof(p->thread[0]);
	p = calloc(1, bytes);
	if (p == NULL)
		return vc_no_memory(error, bytes);
	if (!init_locks(p))
	{
		free(p);
		return vc_fail(error, VC_OUT_OF_MEMORY, "could not create a mutex");
	}
	start_threads(p, threads);
	if (p->threads > 0)
		*pool = p;
	else
		vc_pool_free(p);
	return VC_OK;
}

void
vc_pool_submit(vc_pool *pool, vc_job_function function, void *jobs, size_t job_size,
			   int count, const void *argument)
{
	pthread_mutex_lock(&pool->mutex);
	pool->function = function;
	pool->argument = argument;
	pool->jobs = jobs;
	pool->job_size = job_size;
	pool->count = count;
	pool->next = 0;
	atomic_store(&pool->canceled, false);
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
}

/* The monotonic time `milliseconds` from now. */
static struct timespec
time_after(int milliseconds)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (milliseconds < 0)
		milliseconds = 0;
	t.tv_sec += milliseconds / 1000;
	t.tv_nsec += (milliseconds % 1000) * 1000000L;
	if (t.tv_nsec >= 1000000000L)
	{
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	return t;
}

bool
vc_pool_wait(vc_pool *pool, int timeout_ms)
{
	struct timespec until = time_after(timeout_ms);
	bool		ended;

	pthread_mutex_lock(&pool->mutex);
	while (!batch_ended(pool) &&
		   pthread_cond_timedwait(&pool->idle, &pool->mutex, &until) != ETIMEDOUT)
		;
	ended = batch_ended(pool);
	pthread_mutex_unlock(&pool->mutex);
	return ended;
}

void
vc_pool_cancel(vc_pool *pool)
{
	atomic_store(&pool->canceled, true);
	pthread_mutex_lock(&pool->mutex);
	pool->next = pool->count;
	while (!batch_ended(pool))
		pthread_cond_wait(&pool->idle, &pool->mutex);
	pthread_mutex_unlock(&pool->mutex);
}

void
vc_pool_free(vc_pool *pool)
{
	if (pool == NULL)
		return;
	vc_pool_cancel(pool);
	pthread_mutex_lock(&pool->mutex);
	pool->ending = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
	for (int i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	pthread_cond_destroy(&pool->idle);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}

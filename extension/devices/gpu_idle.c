/*
 * gpu_idle.c
 *		Frees a GPU's memory when a backend has been idle for a while.
 *
 * A backend that waits for its client runs no code of an extension: a
 * timeout's handler may only set a flag, which nobody reads before the next
 * statement. So a thread waits, with every signal blocked. A lock decides who
 * may use the memory. The backend holds it from its first use of a model in a
 * transaction to the end of the transaction, however it ends. The thread holds
 * it while it frees.
 */
#include "extension/support/pgcompat.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "access/xact.h"

#include "extension/devices/gpu_idle.h"
#include "extension/support/settings.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;	/* uses the monotonic clock */
static bool held;				/* the backend's own thread holds the lock */
static bool watched;			/* the thread exists */

/* Only the holder of the lock may use these. */
static bool unused;				/* the memory may be freed at the deadline */
static struct timespec deadline;
static void (*release_memory) (void);

/* Ends a transaction: starts the timeout. */
static void
end_of_transaction(XactEvent event, void *argument)
{
	if (!held || event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE ||
		event == XACT_EVENT_PARALLEL_PRE_COMMIT)
		return;
	held = false;
	if (watched && setting_gpu_idle_timeout > 0)
	{
		clock_gettime(CLOCK_MONOTONIC, &deadline);
		deadline.tv_sec += setting_gpu_idle_timeout;
		unused = true;
		pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&lock);
}

void
gpu_idle_hold(void)
{
	static bool registered = false;

	if (held)
		return;
	if (!registered)
		RegisterXactCallback(end_of_transaction, NULL);
	registered = true;
	pthread_mutex_lock(&lock);
	held = true;
	unused = false;
}

static bool
is_over(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline.tv_sec ||
		(now.tv_sec == deadline.tv_sec && now.tv_nsec >= deadline.tv_nsec);
}

static void *
watch(void *argument)
{
	pthread_mutex_lock(&lock);
	for (;;)
	{
		if (!unused)
			pthread_cond_wait(&changed, &lock);
		else
			pthread_cond_timedwait(&changed, &lock, &deadline);
		if (!unused || !is_over())
			continue;
		release_memory();
		unused = false;
	}
	return NULL;
}

void
gpu_idle_watch(void (*release) (void))
{
	pthread_t	thread;
	pthread_condattr_t attributes;
	sigset_t	all,
				before;

	if (watched)
		return;
	release_memory = release;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	watched = pthread_create(&thread, NULL, watch, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (watched)
		pthread_detach(thread);
	else
		ereport(DEBUG1,
				(errmsg("could not create a thread, so GPU memory is kept until the session ends")));
}

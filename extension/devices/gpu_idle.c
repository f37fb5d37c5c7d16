/*
 * gpu_idle.c
 *		Gives a GPU's memory back when a backend has been idle for a while.
 *
 * A backend that waits for its client runs no code of an extension: a timeout's
 * handler may only set a flag, which nobody reads before the next statement.
 * So a thread waits, with every signal blocked, and a lock says whose turn it
 * is: the backend has it from its first use of a model in a transaction to the
 * transaction's end, whichever way it ends, and the thread has it while it
 * frees.
 */
#include "extension/support/pgcompat.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "access/xact.h"

#include "extension/devices/gpu_idle.h"
#include "extension/support/settings.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;	/* by the monotonic clock */
static bool held;				/* by the backend's own thread */
static bool watched;			/* the thread runs */

/* These belong to who has the lock. */
static bool unused;				/* there is something that may be released */
static struct timespec deadline;
static void (*release_memory) (void);

/* The end of a transaction: from now on the time counts. */
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
				(errmsg("visclf keeps the GPU's memory to the end of the session: no thread could be made")));
}

/*
 * threads.c
 *		How many threads OpenMP can make.
 *
 * libgomp ends the process if it cannot make a thread or has no memory for
 * one.  So this file first makes threads of the same size, all at one time,
 * and libgomp is then asked for no more than that. libgomp may make a thread
 * again later, but only one that it ended before, when a parallel region of
 * oneDNN was smaller.
 */
#include <pthread.h>
#include <stdlib.h>

#include "cpu/cpu.h"

/* The most threads that libgomp has made in this process. */
static int	started = 0;

/* The body of a thread: ends when it gets the mutex. */
static void *
wait_for_mutex(void *mutex)
{
	pthread_mutex_lock(mutex);
	pthread_mutex_unlock(mutex);
	return NULL;
}

/*
 * Makes up to `most` threads, with memory left beside them, and ends them;
 * returns their number.
 */
static int
try_threads(int most)
{
	pthread_t  *threads = calloc((size_t) most, sizeof(pthread_t));
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	int			made = 0;
	int			good = 0;

	if (threads == NULL)
		return 0;
	pthread_mutex_lock(&mutex);
	while (good == made && made < most &&
		   pthread_create(&threads[made], NULL, wait_for_mutex, &mutex) == 0)
	{
		made++;
		if (vc_cpu_room() == dnnl_success)
			good++;
	}
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < made; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return good;
}

/*
 * Returns how many of `wanted` threads libgomp has or can make, 1 or more.
 * The caller's thread is one of them.  All signals are blocked.
 */
int
vc_cpu_threads(int wanted)
{
	int			have = 1 + started;

	if (wanted > have)
	{
		wanted = have + try_threads(wanted - have);
		started = wanted - 1;
	}
	return wanted;
}

/*
 * threads.c
 *		How many threads there are to be had.
 *
 * libgomp ends the process where it cannot make a thread, or has no memory
 * for one.  So as many are made here first, of the same size and all at one
 * time, and it is asked for no more of them.  What it makes later it has ended
 * before, as a parallel region of oneDNN's was smaller than the one after.
 */
#include <pthread.h>
#include <stdlib.h>

#include "cpu/cpu.h"

/* Threads that libgomp has made in this process, at most. */
static int	started = 0;

/* A thread: ends when it has the mutex. */
static void *
wait_for_mutex(void *mutex)
{
	pthread_mutex_lock(mutex);
	pthread_mutex_unlock(mutex);
	return NULL;
}

/* Makes threads, `most` or as many as there are, with room beside them, and ends them; their number. */
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
 * Of `wanted` threads, the caller's among them, those that libgomp has or can
 * make; 1 or more.  All signals are blocked.
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

/*
 * pool_private.h
 *		What a pool of threads is.
 */
#ifndef VISCLF_POOL_PRIVATE_H
#define VISCLF_POOL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/image/pool.h"

struct vc_pool
{
	pthread_mutex_t mutex;
	pthread_cond_t work;		/* there are jobs, or it is time to end */
	pthread_cond_t idle;		/* the batch has ended */
	bool		ending;
	atomic_bool canceled;		/* the batch: what is begun may end early */
	vc_job_function function;
	const void *argument;
	char	   *jobs;
	size_t		job_size;
	int			count;
	int			next;
	int			running;
	vc_decode_options options;	/* the argument of vc_pool_decode's jobs */
	int			threads;
	pthread_t	thread[];
};

#endif							/* VISCLF_POOL_PRIVATE_H */

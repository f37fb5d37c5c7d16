/*
 * pool.h
 *		Threads that work on images while the caller does something else.
 *
 * The threads are created with every signal blocked and touch nothing but
 * the jobs they are given.  A pool serves one batch of jobs at a time.
 */
#ifndef VISCLF_POOL_H
#define VISCLF_POOL_H

#include "engine/image/image.h"

typedef struct vc_pool vc_pool;

/* One image to decode.  The caller owns data and out until the batch ends. */
typedef struct vc_decode_job
{
	const uint8_t *data;
	size_t		size;			/* bytes */
	uint8_t    *out;			/* size*size*3 bytes, see vc_image_load */
	vc_flaw		flaw;			/* of an image that has pixels */
	vc_error	error;			/* code VC_OK, or why there are no pixels */
} vc_decode_job;

/*
 * Starts `threads` (>= 1) threads, or fewer where there are no more to be had;
 * *pool is NULL where that is none.  Errors: VC_OUT_OF_MEMORY.
 */
extern vc_status vc_pool_create(int threads, vc_pool **pool, vc_error *error);

/* What a thread does with one job; argument is the same for all of a batch. */
typedef void (*vc_job_function) (void *job, const void *argument);

/*
 * Begins a batch, jobs[count] of job_size bytes each; the batch before must
 * have ended.  Jobs and argument must outlive the batch.
 */
extern void vc_pool_submit(vc_pool *pool, vc_job_function function, void *jobs,
						   size_t job_size, int count, const void *argument);

/*
 * The same to decode images; a job that is not begun, or not done, when the
 * batch is canceled has the error VC_CANCELED.  Threads do not call
 * options->limits.interrupted.
 */
extern void vc_pool_decode(vc_pool *pool, vc_decode_job *jobs, int count,
						   const vc_decode_options *options);

/* Waits at most timeout_ms; true once the batch has ended. */
extern bool vc_pool_wait(vc_pool *pool, int timeout_ms);

/* Drops the jobs not yet begun and waits for those that are, which end early. */
extern void vc_pool_cancel(vc_pool *pool);

/* Cancels, ends the threads, frees.  NULL is allowed. */
extern void vc_pool_free(vc_pool *pool);

#endif							/* VISCLF_POOL_H */

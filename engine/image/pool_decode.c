/*
 * pool_decode.c
 *		A pool's jobs that decode images: apart, so that who has other jobs
 *		needs no library for images.
 */
#include "engine/image/pool_private.h"

static bool
is_canceled(void *pool)
{
	return atomic_load(&((vc_pool *) pool)->canceled);
}

/* Decodes one image. */
static void
decode_job(void *argument, const void *options)
{
	vc_decode_job *job = argument;

	job->error.code = VC_OK;
	job->error.message[0] = '\0';
	job->error.hint[0] = '\0';
	job->error.code = vc_image_load(job->data, job->size, options, job->out,
									&job->flaw, &job->error);
}

void
vc_pool_decode(vc_pool *pool, vc_decode_job *jobs, int count, const vc_decode_options *options)
{
	for (int i = 0; i < count; i++)
		vc_fail(&jobs[i].error, VC_CANCELED, "canceled before decoding");
	pool->options = *options;
	pool->options.limits.interrupted = is_canceled;	/* the caller's is not for threads */
	pool->options.limits.argument = pool;
	vc_pool_submit(pool, decode_job, jobs, sizeof(*jobs), count, &pool->options);
}

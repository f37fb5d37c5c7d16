/*
 * decoding_batch.c
 *		Decodes a batch of images from bytea to pixels, on threads.
 */
#include "extension/support/decoding_batch.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/support/settings.h"

#define WAIT_MILLISECONDS 100

static void
release_pool(void *pool)
{
	vc_pool_free(pool);
}

vc_pool *
pool_create(MemoryContext context)
{
	int			threads = setting_compute_threads();
	vc_pool    *pool = NULL;
	vc_error	error;

	if (threads > 1)
	{
		check_status(vc_pool_create(threads, &pool, &error), &error);
		if (pool != NULL)
			release_with_context(context, release_pool, pool);
	}
	return pool;
}

void
pool_wait(vc_pool *pool)
{
	while (!vc_pool_wait(pool, WAIT_MILLISECONDS))
		check_interrupts();
}

vc_decode_limits
decode_limits(void)
{
	return (vc_decode_limits)
	{
		.pixels = setting_max_image_pixels,
		.memory = (int64) setting_decode_memory * 1024 * 1024,
		.interrupted = query_canceled
	};
}

Decoder *
decoder_create(MemoryContext context, int image_size, vc_resize resize)
{
	Decoder    *decoder = MemoryContextAllocZero(context, sizeof(*decoder));

	decoder->pool = pool_create(context);
	decoder->options.size = image_size;
	decoder->options.resize = resize;
	decoder->options.limits = decode_limits();
	return decoder;
}

DecodingBatch *
decoding_batch_create(MemoryContext context, Decoder *decoder, int capacity)
{
	DecodingBatch	   *batch = MemoryContextAllocZero(context, sizeof(*batch));
	int			size = decoder->options.size;

	batch->decoder = decoder;
	batch->capacity = capacity;
	batch->image_bytes = (size_t) size * size * 3;
	batch->jobs = MemoryContextAllocZero(context, sizeof(vc_decode_job) * capacity);
	batch->pixels = MemoryContextAllocHuge(context, batch->image_bytes * capacity);
	batch->bytes = AllocSetContextCreate(context, "visclf image bytes",
										 ALLOCSET_DEFAULT_SIZES);
	return batch;
}

int
decoding_batch_add(DecodingBatch *batch, Datum image)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->bytes);
	bytea	   *copy = DatumGetByteaPCopy(image);
	vc_decode_job *job = &batch->jobs[batch->count];

	MemoryContextSwitchTo(caller);
	Assert(batch->count < batch->capacity);
	memset(job, 0, sizeof(*job));
	job->data = (uint8_t *) VARDATA(copy);
	job->size = VARSIZE(copy) - VARHDRSZ;
	job->out = batch->pixels + batch->image_bytes * batch->count;
	return batch->count++;
}

/* Waits for the threads before the bytes are freed. */
static void
end_running(void *argument)
{
	DecodingBatch	   *batch = argument;

	if (batch->running)
		vc_pool_cancel(batch->decoder->pool);
	batch->running = false;
}

void
decoding_batch_start(DecodingBatch *batch)
{
	if (batch->decoder->pool == NULL || batch->count == 0)
		return;					/* decoding_batch_wait decodes */
	release_with_context(batch->bytes, end_running, batch);
	batch->running = true;
	vc_pool_decode(batch->decoder->pool, batch->jobs, batch->count,
				   &batch->decoder->options);
}

/* Decodes on the backend's own thread. */
static void
decode_here(DecodingBatch *batch)
{
	for (int i = 0; i < batch->count; i++)
	{
		vc_decode_job *job = &batch->jobs[i];

		check_interrupts();
		job->error.code = VC_OK;
		vc_image_load(job->data, job->size, &batch->decoder->options,
					  job->out, &job->flaw, &job->error);
		if (job->error.code == VC_CANCELED)
			throw_error(&job->error);
	}
}

void
decoding_batch_wait(DecodingBatch *batch)
{
	if (batch->running)
	{
		pool_wait(batch->decoder->pool);
		batch->running = false;
	}
	else
		decode_here(batch);
	MemoryContextReset(batch->bytes);
	for (int i = 0; i < batch->count; i++)
		vc_check_image(batch->jobs[i].error.code, &batch->jobs[i].error);
}

void
decoding_batch_reset(DecodingBatch *batch)
{
	MemoryContextReset(batch->bytes);
	batch->count = 0;
}

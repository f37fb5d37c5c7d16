/*
 * decoding_batch.h
 *		Decodes a batch of images from bytea to pixels, on threads.
 *
 * The bytes are copied, then decoded on a pool's threads while the backend
 * does something else. After an error or a cancel, the threads end before the
 * bytes are freed.
 */
#ifndef VISCLF_DECODING_BATCH_H
#define VISCLF_DECODING_BATCH_H

#include "extension/support/pgcompat.h"

#include "engine/image/pool.h"

/* Threads for the batches of one statement, and how images are decoded. */
typedef struct Decoder
{
	vc_pool    *pool;			/* NULL: one thread, the backend's own */
	vc_decode_options options;
} Decoder;

typedef struct DecodingBatch
{
	Decoder    *decoder;
	int			capacity;		/* images */
	int			count;
	vc_decode_job *jobs;		/* [capacity] */
	uint8_t    *pixels;			/* [capacity][size][size][3] */
	size_t		image_bytes;	/* of one image's pixels */
	MemoryContext bytes;		/* the images as stored, until decoded */
	bool		running;		/* on the pool */
} DecodingBatch;

/* Returns the limits that the settings put on an image; the decoder polls interrupts. */
extern vc_decode_limits decode_limits(void);

/*
 * Creates threads that end with the context. Returns NULL if the backend must
 * decode on its own thread, or no thread can be created.
 */
extern vc_pool *pool_create(MemoryContext context);

/* Waits for the pool's jobs, checking for interrupts. */
extern void pool_wait(vc_pool *pool);

/* Creates a decoder whose threads end with the context. */
extern Decoder *decoder_create(MemoryContext context, int image_size, vc_resize resize);

/* Creates a batch in the context. It must not outlive its decoder. */
extern DecodingBatch *decoding_batch_create(MemoryContext context, Decoder *decoder, int capacity);

/* Copies a bytea datum into the batch; returns its place. */
extern int	decoding_batch_add(DecodingBatch *batch, Datum image);

/* Starts decoding. A decoder runs one batch at a time. */
extern void decoding_batch_start(DecodingBatch *batch);

/*
 * Waits for the pixels, checking for interrupts, and frees the bytes. Then
 * jobs[i].error.code is the result of image i; if it has pixels, jobs[i].flaw
 * is what is wrong with them. Throws for errors that are not the image's
 * fault, such as being out of memory.
 */
extern void decoding_batch_wait(DecodingBatch *batch);

/* Empties the batch, waiting for the threads if they run. */
extern void decoding_batch_reset(DecodingBatch *batch);

#endif							/* VISCLF_DECODING_BATCH_H */

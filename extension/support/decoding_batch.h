/*
 * decoding_batch.h
 *		A number of images on their way from bytea to pixels.
 *
 * The bytes are copied and decoded on a pool's threads while the backend
 * does something else.  An error or a cancel at any time first waits for the
 * threads and then frees the bytes under them.
 */
#ifndef VISCLF_DECODING_BATCH_H
#define VISCLF_DECODING_BATCH_H

#include "extension/support/pgcompat.h"

#include "engine/image/pool.h"

/* Threads for the batches of one statement, and what images become. */
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

/* What the settings let an image take, while interrupts are looked at. */
extern vc_decode_limits decode_limits(void);

/*
 * Threads that end with the context; NULL where the backend is to use no
 * thread but its own, or none is to be had.
 */
extern vc_pool *pool_create(MemoryContext context);

/* Waits for the pool's jobs, checking for interrupts. */
extern void pool_wait(vc_pool *pool);

/* A decoder with threads that end with the context. */
extern Decoder *decoder_create(MemoryContext context, int image_size, vc_resize resize);

/* A batch whose memory is in the context, which must not outlive the decoder's. */
extern DecodingBatch *decoding_batch_create(MemoryContext context, Decoder *decoder, int capacity);

/* Copies a bytea datum into the batch; returns its place. */
extern int	decoding_batch_add(DecodingBatch *batch, Datum image);

/* Begins decoding; one batch of a decoder at a time. */
extern void decoding_batch_start(DecodingBatch *batch);

/*
 * Waits for the pixels, checking for interrupts, and lets go of the bytes.
 * Then jobs[i].error.code says what became of image i, and jobs[i].flaw what
 * is wrong with it if it has pixels; what is not the image's fault, as being
 * out of memory, throws.
 */
extern void decoding_batch_wait(DecodingBatch *batch);

/* Forgets everything, waiting for the threads if need be. */
extern void decoding_batch_reset(DecodingBatch *batch);

#endif							/* VISCLF_DECODING_BATCH_H */

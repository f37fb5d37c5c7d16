/*
 * image_sink.h
 *		From a decoder's rows to the square that was asked for: what all decoders share.
 *
 * A decoder says how large the image is (which is where limits are checked),
 * begins, gives rows from the top, and finishes.
 */
#ifndef VISCLF_IMAGE_SINK_H
#define VISCLF_IMAGE_SINK_H

#include "engine/image/image.h"
#include "engine/image/resample.h"

typedef struct vc_sink
{
	const vc_decode_options *options;
	uint8_t    *out;
	vc_flaw    *flaw;			/* never NULL */
	vc_flaw		unwanted;		/* what flaw is where the caller wants none */
	vc_error   *error;
	vc_resampler *resampler;
	int64_t		memory;			/* bytes taken, see decode_memory.h */
	int			orientation;
	int			channels;
	int			width;			/* of rows */
	int			height;
	int			rows;			/* taken */
	bool		enough;			/* out needs no more */
} vc_sink;

/* Makes a sink; flaw may be NULL. */
extern void vc_sink_init(vc_sink *sink, const vc_decode_options *options, uint8_t *out,
						 vc_flaw *flaw, vc_error *error);

/* Checks the number of stored pixels.  Errors: VC_LIMIT_EXCEEDED. */
extern vc_status vc_sink_check_pixels(vc_sink *sink, int64_t width, int64_t height);

/*
 * Whether so much memory can be had.  Asked before a library takes its own in parts,
 * for some end the process where a part is refused (libtiff 4.5 and libwebp
 * 1.2 read through a null pointer then).  Errors: VC_OUT_OF_MEMORY.
 */
extern vc_status vc_memory_there(int64_t bytes, vc_error *error);

/*
 * Takes the bytes that decoding needs besides rows, which are there then.  Errors:
 * VC_LIMIT_EXCEEDED, VC_OUT_OF_MEMORY, VC_CANCELED.
 */
extern vc_status vc_sink_take_memory(vc_sink *sink, int64_t bytes);

/*
 * How many pixels the shorter side of what becomes the output has: a decoder that
 * can scale need not give more than options->size for them.
 */
extern double vc_sink_shorter(const vc_sink *sink, int width, int height);

/*
 * Begins rows of row_width x row_height pixels with 1 (grey) or 3 (RGB) channels: an
 * image of width x height pixels as stored, times scale.  Errors: VC_OUT_OF_MEMORY.
 */
extern vc_status vc_sink_begin(vc_sink *sink, int width, int height, double scale,
							   int row_width, int row_height, int channels, int orientation);

/* Takes the next row; false once no more are needed. */
extern bool vc_sink_row(vc_sink *sink, const uint8_t *row);

/*
 * The data end before the rows do.  Fills up with grey and notes the flaw; an error
 * where over half of the rows are missing: VC_INVALID_IMAGE, VC_OUT_OF_MEMORY.
 */
extern vc_status vc_sink_cut(vc_sink *sink);

/* The same for the share that is missing, per cent, where rows do not say it. */
extern vc_status vc_sink_missing(vc_sink *sink, int missing);

/* Notes what is wrong, unless something is noted already. */
extern void vc_sink_flaw(vc_sink *sink, const char *fmt,...) VC_PRINTF(2, 3);

/* After the last row: turns the square upright. */
extern void vc_sink_finish(vc_sink *sink);

/* True, with the error filled, once decoding is to end. */
extern bool vc_sink_interrupted(vc_sink *sink);

/* Frees all, and gives the memory back. */
extern void vc_sink_free(vc_sink *sink);

/* A sample of `alpha` over white, which is what transparent images are shown on. */
static inline uint8_t
vc_over_white(unsigned int sample, unsigned int alpha)
{
	unsigned int sum = sample * alpha + 255 * (255 - alpha) + 128;

	return (uint8_t) ((sum + (sum >> 8)) >> 8);
}

#endif							/* VISCLF_IMAGE_SINK_H */

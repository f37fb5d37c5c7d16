/*
 * resample.h
 *		Part of an image to a square, row by row.
 *
 * The filter is the antialiased triangle that Pillow calls BILINEAR: 8-bit
 * samples, across first and down second, with 22-bit weights, so that the
 * results equal those of Pillow 3.3 to 12 to the bit.
 */
#ifndef VISCLF_RESAMPLE_H
#define VISCLF_RESAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/support/status.h"

/*
 * A stretch of one axis of the source, in source pixels.  It may reach past
 * the image, where all is black.  Pixels of the image that lie outside it are
 * not seen by the filter: the stretch is cut out first and then resampled.
 */
typedef struct vc_span
{
	double		start;
	double		length;			/* > 0 */
} vc_span;

typedef struct vc_resampler vc_resampler;

/*
 * Begins to resample x times y of a source of width x height pixels with 1
 * (grey) or 3 (RGB) channels into out[size][size][3].  Errors:
 * VC_OUT_OF_MEMORY; then *resampler is NULL.
 */
extern vc_status vc_resample_begin(int width, int height, int channels,
								   vc_span x, vc_span y,
								   int size, uint8_t *out,
								   vc_resampler **resampler, vc_error *error);

/*
 * Takes the source's next row, from the top: width * channels bytes.  False
 * once out is complete, which is at the last row if not before.
 */
extern bool vc_resample_row(vc_resampler *resampler, const uint8_t *row);

/* Frees.  NULL is allowed. */
extern void vc_resample_end(vc_resampler *resampler);

#endif							/* VISCLF_RESAMPLE_H */

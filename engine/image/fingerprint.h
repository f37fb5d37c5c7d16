/*
 * fingerprint.h
 *		What an image looks like in a few bytes, to find those that are nearly the same.
 *
 * An image saved again at another quality, scaled, or cut by a pixel keeps its
 * fingerprint but for little.
 */
#ifndef VISCLF_FINGERPRINT_H
#define VISCLF_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/support/status.h"

#define VC_FINGERPRINT_SIDE	16

typedef struct vc_fingerprint
{
	uint64_t	hash;			/* signs of the lowest frequencies: few bits differ where images are alike */
	float		contrast;		/* standard deviation of the brightness, 0 to 128 */
	uint8_t		grey[VC_FINGERPRINT_SIDE * VC_FINGERPRINT_SIDE];
} vc_fingerprint;

/* Makes the fingerprint of pixels[side][side][3], RGB; side is 16 at the least. */
extern void vc_fingerprint_make(const uint8_t *pixels, int side, vc_fingerprint *print);

/* True for an image without anything on it. */
extern bool vc_fingerprint_blank(const vc_fingerprint *print);

/* True where two images are nearly the same. */
extern bool vc_fingerprint_alike(const vc_fingerprint *a, const vc_fingerprint *b);

/*
 * Puts images that are nearly the same together: cluster[count] gets the lowest index of
 * those that each is with, its own where it is alone.  Blank images are alone.  Takes
 * 12 bytes an image; time is bounded also where all look alike.  Errors:
 * VC_OUT_OF_MEMORY.
 */
extern vc_status vc_fingerprint_cluster(const vc_fingerprint *prints, int64_t count, int64_t *cluster, vc_error *error);

#endif							/* VISCLF_FINGERPRINT_H */

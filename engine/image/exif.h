/*
 * exif.h
 *		The EXIF orientation of an image, and turning a square upright.
 */
#ifndef VISCLF_EXIF_H
#define VISCLF_EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True where `data`, the payload of an APP1 segment, holds EXIF. */
extern bool vc_exif_present(const uint8_t *data, size_t size);

/*
 * The orientation, 1..8, that an EXIF payload of `size` bytes states, with or
 * without "Exif" before its TIFF file; 0 where it states none, or where it makes
 * no sense.
 */
extern int	vc_exif_orientation(const uint8_t *data, size_t size);

/*
 * What an orientation does to the axes of the stored image: which of them run
 * backwards, and whether they then change places.
 */
static inline bool
vc_orientation_mirrors_x(int orientation)
{
	return orientation == 2 || orientation == 3 ||
		orientation == 7 || orientation == 8;
}

static inline bool
vc_orientation_mirrors_y(int orientation)
{
	return orientation == 3 || orientation == 4 ||
		orientation == 6 || orientation == 7;
}

static inline bool
vc_orientation_swaps(int orientation)
{
	return orientation >= 5;
}

/* Turns pixels[size][size][3] upright, in place. */
extern void vc_orientation_apply(uint8_t *pixels, int size, int orientation);

#endif							/* VISCLF_EXIF_H */

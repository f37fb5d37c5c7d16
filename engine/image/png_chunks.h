/*
 * png_chunks.h
 *		What the chunks of a PNG file say, without decoding it.
 */
#ifndef VISCLF_PNG_CHUNKS_H
#define VISCLF_PNG_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vc_png_chunks
{
	uint32_t	width;			/* pixels */
	uint32_t	height;
	int			components;		/* 1 to 4, as stored: a palette has 1 */
	const char *color_space;	/* grayscale, rgb, palette */
	bool		interlaced;
	bool		complete;		/* there is an end */
	int			exif_orientation;	/* 1..8; 0: none is stated */
	int			xmp_orientation;
} vc_png_chunks;

/* Reads the chunks; false where the header is none. */
extern bool vc_png_chunks_read(const uint8_t *data, size_t size, vc_png_chunks *chunks);

/* The orientation, 1..8: EXIF's before XMP's. */
extern int	vc_png_orientation(const vc_png_chunks *chunks);

#endif							/* VISCLF_PNG_CHUNKS_H */

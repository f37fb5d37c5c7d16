/*
 * jpeg2000_header.h
 *		What the header of a JPEG 2000 image says, before its library sees it.
 */
#ifndef VISCLF_JPEG2000_HEADER_H
#define VISCLF_JPEG2000_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vc_jpeg2000_header
{
	bool		in_boxes;		/* a JP2 file, not the codestream alone */
	uint32_t	width;			/* pixels */
	uint32_t	height;
	int			components;
	int			bits;			/* of the deepest component */
	int64_t		tiles;
	int			resolutions;	/* that it can be halved */
	bool		complete;		/* the codestream has an end */
	int			missing;		/* of its tiles' data, per cent */
	int			orientation;	/* XMP's, 1..8; 1 where none is stated */
} vc_jpeg2000_header;

/* Reads it; false where it makes no sense. */
extern bool vc_jpeg2000_header_read(const uint8_t *data, size_t size, vc_jpeg2000_header *header);

#endif							/* VISCLF_JPEG2000_HEADER_H */

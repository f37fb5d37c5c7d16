/*
 * thumbnail.h
 *		From the bytes of an image file to a small JPEG of it.
 */
#ifndef VISCLF_THUMBNAIL_H
#define VISCLF_THUMBNAIL_H

#include "engine/image/image.h"

#define VC_MAX_THUMBNAIL 1024
#define VC_MAX_PICTURE 16384

typedef struct vc_thumbnail
{
	uint8_t    *data;			/* a baseline JPEG; free() it */
	size_t		size;			/* bytes */
	int			width;			/* pixels */
	int			height;
} vc_thumbnail;

/*
 * Makes a picture of an image that is upright, has its aspect ratio to the
 * pixel, and no side of more than `side` pixels (1 to VC_MAX_THUMBNAIL); it is
 * never enlarged, and grey stays grey.  Errors: those of vc_image_load; then *out is zeroed.
 */
extern vc_status vc_thumbnail_make(const uint8_t *data, size_t size, int side,
								   const vc_decode_limits *limits, vc_thumbnail *out, vc_error *error);

/* The same with a side of up to VC_MAX_PICTURE, and the JPEG's quality, 1 to 100. */
extern vc_status vc_picture_shrink(const uint8_t *data, size_t size, int side, int quality,
								   const vc_decode_limits *limits, vc_thumbnail *out, vc_error *error);

#endif							/* VISCLF_THUMBNAIL_H */

/*
 * picture.h
 *		Reads files and makes them smaller, on threads.
 */
#ifndef VISCLF_CLIENT_PICTURE_H
#define VISCLF_CLIENT_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/support/status.h"

typedef struct picture
{
	const char *path;
	uint8_t    *data;			/* free() it; NULL where error says why */
	size_t		size;			/* bytes */
	vc_error	error;
} picture;

/* What is done with each picture. */
typedef struct picture_options
{
	int			max_size;		/* the longer side at the most, pixels; 0: as it is */
} picture_options;

/* A job of a vc_pool: picture->path as bytes, or why not. */
extern void picture_read(void *picture, const void *picture_options);

#endif							/* VISCLF_CLIENT_PICTURE_H */

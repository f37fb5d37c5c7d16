/*
 * image_format.h
 *		The table of decoders: one a format, each built where its library is.
 *
 * To add a format: a file with its two functions, a line of decoders[] and one
 * of signatures[] in image.c, and its library in the Makefile.
 */
#ifndef VISCLF_IMAGE_FORMAT_H
#define VISCLF_IMAGE_FORMAT_H

#include "engine/image/image.h"
#include "engine/image/image_sink.h"

typedef struct vc_image_decoder
{
	const char *format;			/* as people write it: "JPEG 2000" */
	const char *name;			/* as image_info says it: "jpeg2000" */
	const char *library;

	/*
	 * Reads the header and looks for the end, without decoding: all of *info but
	 * the format, width and height as stored.  Errors: VC_INVALID_IMAGE,
	 * VC_OUT_OF_MEMORY.
	 */
	vc_status	(*read_header) (const uint8_t *data, size_t size, vc_image_info *info, vc_error *error);

	/* Decodes into a sink.  Errors go to sink->error, as those of vc_image_load. */
	vc_status	(*load) (const uint8_t *data, size_t size, vc_sink *sink);
} vc_image_decoder;

/* Those that were built; ends with NULL. */
extern const vc_image_decoder *const vc_image_decoders[];

/* Each in a file of its own. */
extern const vc_image_decoder vc_jpeg_decoder;
extern const vc_image_decoder vc_png_decoder;
extern const vc_image_decoder vc_tiff_decoder;
extern const vc_image_decoder vc_webp_decoder;
extern const vc_image_decoder vc_jpeg2000_decoder;

#endif							/* VISCLF_IMAGE_FORMAT_H */

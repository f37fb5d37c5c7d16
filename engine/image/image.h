/*
 * image.h
 *		From the bytes of an image file to a square of RGB pixels.
 *
 * Images are hostile: sizes are checked before anything is allocated, the
 * libraries' errors and warnings never reach stderr, and what a file can have
 * of parts (scans, tiles, components) is capped.  image_format.h says how a format is added.
 */
#ifndef VISCLF_IMAGE_H
#define VISCLF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/support/status.h"

/* How an image that is not square becomes one. */
typedef enum vc_resize
{
	VC_RESIZE_SQUISH,			/* change the aspect ratio */
	VC_RESIZE_CROP,				/* scale the shorter side, cut the centre */
	VC_RESIZE_PAD				/* scale the longer side, black borders */
} vc_resize;

typedef struct vc_image_info
{
	const char *format;			/* jpeg, png, tiff, webp, jpeg2000 */
	int			width;			/* pixels, after orientation */
	int			height;
	int			components;		/* as stored, alpha too; a palette has 1 */
	const char *color_space;	/* grayscale, ycbcr, rgb, cmyk, ycck, palette, lab */
	int			orientation;	/* EXIF's 1..8, or XMP's; 1 where there is none */
	bool		progressive;	/* or interlaced */
	bool		complete;		/* the data come to the image's end */
} vc_image_info;

/* What is wrong with an image that can be decoded all the same. */
typedef struct vc_flaw
{
	char		text[96];		/* empty: nothing */
} vc_flaw;

/* What an image may take. */
typedef struct vc_decode_limits
{
	int64_t		pixels;			/* stored; images of more are refused */
	int64_t		memory;			/* bytes of all threads together; 0: any */
	bool		(*interrupted) (void *argument);	/* polled; true ends decoding; may be NULL */
	void	   *argument;
} vc_decode_limits;

typedef struct vc_decode_options
{
	int			size;			/* side of the output square, pixels, >= 1 */
	vc_resize	resize;
	vc_decode_limits limits;
} vc_decode_options;

/* True once decoding is to end. */
extern bool vc_decode_interrupted(const vc_decode_limits *limits);

/*
 * The name of the format that bytes begin as, of those that are well known,
 * whether or not it is read: "TIFF"; NULL for others.
 */
extern const char *vc_image_format(const uint8_t *data, size_t size);

/*
 * Reads the header of an image, and looks for its end.  Nothing is decoded, so
 * an image whose middle is damaged is complete.  Errors: VC_INVALID_IMAGE.
 */
extern vc_status vc_image_header(const uint8_t *data, size_t size,
								vc_image_info *info, vc_error *error);

/*
 * Decodes an image into out[size][size][3], uint8 RGB, rows from the top.
 * A JPEG or JPEG 2000 is decoded at its smallest scale that is not under the
 * target.  What is transparent lies on white.  The image is turned upright as
 * its orientation says, and resampled with an
 * antialiased triangle filter as Pillow's BILINEAR.  Into *flaw (NULL is
 * allowed) comes what is wrong with an image that was decoded.  Errors:
 * VC_INVALID_IMAGE, also where over half of the rows are cut off,
 * VC_LIMIT_EXCEEDED, VC_OUT_OF_MEMORY, VC_CANCELED; then out is unspecified.
 */
extern vc_status vc_image_load(const uint8_t *data, size_t size,
							   const vc_decode_options *options,
							   uint8_t *out, vc_flaw *flaw, vc_error *error);

/* "squish", "crop", "pad"; false where the name is none of them. */
extern bool vc_resize_from_name(const char *name, vc_resize *resize);

#endif							/* VISCLF_IMAGE_H */

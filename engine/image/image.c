/*
 * image.c
 *		From the bytes of an image file to a square of RGB pixels.
 *
 * Only JPEG is decoded.  A file of another well-known format is refused by
 * its name, so that the reader of the message knows what to convert.
 */
#include "engine/image/image.h"

#include <string.h>

#include "engine/image/jpeg.h"

#define MAX_SIZE	65535

/* How the files of a format begin: `length` bytes at `offset`. */
typedef struct signature
{
	const char *format;
	const char *bytes;
	size_t		length;
	size_t		offset;
} signature;

static const signature signatures[] = {
	{"PNG", "\x89PNG", 4, 0},
	{"GIF", "GIF8", 4, 0},
	{"WebP", "WEBP", 4, 8},
	{"TIFF", "II*\0", 4, 0},
	{"TIFF", "MM\0*", 4, 0},
	{"TIFF", "II+\0", 4, 0},
	{"TIFF", "MM\0+", 4, 0},
	{"JPEG 2000", "\0\0\0\x0cjP  ", 8, 0},
	{"JPEG 2000", "\xff\x4f\xff\x51", 4, 0},
	{"HEIF or AVIF", "ftyp", 4, 4},
	{"PDF", "%PDF", 4, 0},
	{"BMP", "BM", 2, 0},
};

/* The name of a format that is not JPEG, or NULL. */
static const char *
format_name(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
	{
		const signature *s = &signatures[i];

		if (size >= s->offset + s->length &&
			memcmp(data + s->offset, s->bytes, s->length) == 0)
			return s->format;
	}
	return NULL;
}

/* Fails unless the bytes begin as a JPEG file does. */
static vc_status
check_is_jpeg(const uint8_t *data, size_t size, vc_error *error)
{
	const char *format;

	if (data == NULL || size == 0)
	{
		vc_fail(error, VC_INVALID_IMAGE, "image is empty: 0 bytes");
		return vc_hint(error, VC_INVALID_IMAGE, "Store the bytes of a JPEG file.");
	}
	if (size >= 2 && data[0] == 0xff && data[1] == 0xd8)
		return VC_OK;

	format = format_name(data, size);
	if (format != NULL)
		vc_fail(error, VC_INVALID_IMAGE, "not a JPEG image: %s file", format);
	else if (size == 1)
		vc_fail(error, VC_INVALID_IMAGE, "not a JPEG image: a single byte, 0x%02x",
				data[0]);
	else
		vc_fail(error, VC_INVALID_IMAGE, "not a JPEG image: starts with 0x%02x 0x%02x",
				data[0], data[1]);
	return vc_hint(error, VC_INVALID_IMAGE,
				   format != NULL ? "Convert the image to JPEG." :
				   "Store the bytes of a JPEG file.");
}

vc_status
vc_image_header(const uint8_t *data, size_t size, vc_image_info *info, vc_error *error)
{
	vc_status	status = check_is_jpeg(data, size, error);

	if (status != VC_OK)
		return status;
	return vc_jpeg_probe(data, size, info, error);
}

vc_status
vc_image_load(const uint8_t *data, size_t size, const vc_decode_options *options,
			  uint8_t *out, vc_flaw *flaw, vc_error *error)
{
	vc_status	status;

	if (options->size < 1 || options->size > MAX_SIZE)
		return vc_fail(error, VC_INVALID_ARGUMENT,
					   "image size %d is not between 1 and %d",
					   options->size, MAX_SIZE);
	status = check_is_jpeg(data, size, error);
	if (status != VC_OK)
		return status;
	return vc_jpeg_load(data, size, options, out, flaw, error);
}

bool
vc_resize_from_name(const char *name, vc_resize *resize)
{
	if (strcmp(name, "squish") == 0)
		*resize = VC_RESIZE_SQUISH;
	else if (strcmp(name, "crop") == 0)
		*resize = VC_RESIZE_CROP;
	else if (strcmp(name, "pad") == 0)
		*resize = VC_RESIZE_PAD;
	else
		return false;
	return true;
}

/*
 * image.c
 *		From the bytes of an image file to a square of RGB pixels.
 *
 * The first bytes say which decoder reads a file.  A file of a well-known format
 * that none reads is refused by its name, so that the reader of the message
 * knows what to convert.
 */
#include "engine/image/image.h"

#include <stdio.h>
#include <string.h>

#include "engine/image/exif.h"
#include "engine/image/image_format.h"

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
	{"JPEG", "\xff\xd8", 2, 0},
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

const char *
vc_image_format(const uint8_t *data, size_t size)
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

const vc_image_decoder *const vc_image_decoders[] = {
	&vc_jpeg_decoder,
#ifdef VISCLF_WITH_PNG
	&vc_png_decoder,
#endif
#ifdef VISCLF_WITH_TIFF
	&vc_tiff_decoder,
#endif
#ifdef VISCLF_WITH_WEBP
	&vc_webp_decoder,
#endif
#ifdef VISCLF_WITH_JPEG2000
	&vc_jpeg2000_decoder,
#endif
	NULL
};

/* Fails for bytes that no decoder reads, and says which formats are. */
static vc_status
refuse(const uint8_t *data, size_t size, const char *format, vc_error *error)
{
	char		list[128] = "";

	for (int i = 0; vc_image_decoders[i] != NULL; i++)
	{
		size_t		length = strlen(list);

		snprintf(list + length, sizeof(list) - length, "%s%s",
				 i == 0 ? "" : vc_image_decoders[i + 1] != NULL ? ", " : " or ", vc_image_decoders[i]->format);
	}
	if (size == 0)
		vc_fail(error, VC_INVALID_IMAGE, "image is empty: 0 bytes");
	else if (format != NULL)
		vc_fail(error, VC_INVALID_IMAGE, "%s images are not read", format);
	else if (size == 1)
		vc_fail(error, VC_INVALID_IMAGE, "not an image: a single byte, 0x%02x", data[0]);
	else
		vc_fail(error, VC_INVALID_IMAGE, "not an image: starts with 0x%02x 0x%02x", data[0], data[1]);
	return vc_hint(error, VC_INVALID_IMAGE,
				   format != NULL ? "Convert the image to %s." : "Store the bytes of a file of %s.", list);
}

/* The decoder of the bytes' format; NULL, with the error, where there is none. */
static const vc_image_decoder *
find_decoder(const uint8_t *data, size_t size, vc_error *error)
{
	const char *format = data == NULL ? NULL : vc_image_format(data, size);

	for (int i = 0; format != NULL && vc_image_decoders[i] != NULL; i++)
		if (strcmp(vc_image_decoders[i]->format, format) == 0)
			return vc_image_decoders[i];
	refuse(data, data == NULL ? 0 : size, format, error);
	return NULL;
}

vc_status
vc_image_header(const uint8_t *data, size_t size, vc_image_info *info, vc_error *error)
{
	const vc_image_decoder *decoder = find_decoder(data, size, error);
	vc_status	status;

	if (decoder == NULL)
		return VC_INVALID_IMAGE;
	status = decoder->read_header(data, size, info, error);
	info->format = decoder->name;
	if (status == VC_OK && vc_orientation_swaps(info->orientation))
	{
		int			width = info->width;

		info->width = info->height;
		info->height = width;
	}
	return status;
}

vc_status
vc_image_load(const uint8_t *data, size_t size, const vc_decode_options *options,
			  uint8_t *out, vc_flaw *flaw, vc_error *error)
{
	const vc_image_decoder *decoder;
	vc_sink		sink;
	vc_status	status;

	if (options->size < 1 || options->size > MAX_SIZE)
		return vc_fail(error, VC_INVALID_ARGUMENT,
					   "image size %d is not between 1 and %d",
					   options->size, MAX_SIZE);
	decoder = find_decoder(data, size, error);
	if (decoder == NULL)
		return VC_INVALID_IMAGE;
	vc_sink_init(&sink, options, out, flaw, error);
	status = decoder->load(data, size, &sink);
	vc_sink_free(&sink);
	return status;
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

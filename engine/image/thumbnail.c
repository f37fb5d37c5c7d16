/*
 * thumbnail.c
 *		From the bytes of an image file to a small JPEG of it.
 *
 * The image is decoded into a square with black borders, as for a network,
 * and what is inside of the borders is written.
 */
#include "engine/image/thumbnail.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#define QUALITY 80

/*
 * Room that a JPEG never outgrows: bytes of a pixel, in whole blocks, and of
 * what comes before.  libjpeg would make room itself, but loses track of it
 * where there is no more memory.
 */
#define MOST_BYTES 6
#define HEADERS 2048

/* The part of the square that is not border, in pixels. */
typedef struct inside
{
	int			x;
	int			y;
	int			width;
	int			height;
} inside;

/* libjpeg's encoder; its errors jump. */
typedef struct writer
{
	struct jpeg_compress_struct cinfo;
	struct jpeg_error_mgr manager;
	jmp_buf		escape;
	unsigned char *data;
	unsigned long size;
} writer;

/* One axis of the inside: whole pixels only, so that no border shows. */
static void
axis_inside(int length, int longer, int side, int *start, int *count)
{
	double		scale = (double) side / longer;
	double		first = (longer - length) / 2 * scale;

	*start = (int) ceil(first - 1e-9);
	*count = (int) floor(first + length * scale + 1e-9) - *start;
	if (*count < 1)
		*count = 1;
	if (*start + *count > side)
		*start = side - *count;
}

static void __attribute__((noreturn))
on_error(j_common_ptr cinfo)
{
	writer	   *w = cinfo->client_data;

	longjmp(w->escape, 1);
}

static void
on_output(j_common_ptr cinfo)
{
	(void) cinfo;
}

/* Writes the rows of the inside, in grey from the first channel. */
static void
write_rows(writer *w, const uint8_t *pixels, int side, const inside *part)
{
	int			channels = w->cinfo.input_components;
	JSAMPARRAY	rows = w->cinfo.mem->alloc_sarray((j_common_ptr) &w->cinfo, JPOOL_IMAGE,
												  (JDIMENSION) (part->width * channels), 1);

	for (int y = 0; y < part->height; y++)
	{
		const uint8_t *from = pixels + 3 * ((size_t) (part->y + y) * side + part->x);

		for (int x = 0; x < part->width; x++)
			memcpy(rows[0] + x * channels, from + 3 * x, channels);
		jpeg_write_scanlines(&w->cinfo, rows, 1);
	}
}

/* Encodes; false where libjpeg failed, which only memory can make it. */
static bool
encode(writer *w, const uint8_t *pixels, int side, const inside *part, bool grey, int quality)
{
	if (setjmp(w->escape) != 0)
		return false;
	jpeg_create_compress(&w->cinfo);
	jpeg_mem_dest(&w->cinfo, &w->data, &w->size);
	w->cinfo.image_width = part->width;
	w->cinfo.image_height = part->height;
	w->cinfo.input_components = grey ? 1 : 3;
	w->cinfo.in_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(&w->cinfo);
	jpeg_set_quality(&w->cinfo, quality, TRUE);
	w->cinfo.optimize_coding = TRUE;
	jpeg_start_compress(&w->cinfo, TRUE);
	write_rows(w, pixels, side, part);
	jpeg_finish_compress(&w->cinfo);
	return true;
}

/* Writes the inside of a square as a JPEG. */
static vc_status
write_jpeg(const uint8_t *pixels, int side, const inside *part, bool grey, int quality,
		   vc_thumbnail *out, vc_error *error)
{
	size_t		room = HEADERS + (size_t) (part->width + 16) * (part->height + 16) * MOST_BYTES;
	unsigned char *buffer = malloc(room);
	writer		w = {.data = buffer, .size = room};
	bool		done;

	if (buffer == NULL)
		return vc_no_memory(error, room);
	w.cinfo.err = jpeg_std_error(&w.manager);
	w.manager.error_exit = on_error;
	w.manager.output_message = on_output;
	w.cinfo.client_data = &w;
	done = encode(&w, pixels, side, part, grey, quality);
	jpeg_destroy_compress(&w.cinfo);
	if (!done || w.data != buffer)
		free(buffer);
	if (!done)
		return vc_fail(error, VC_OUT_OF_MEMORY, "out of memory encoding a JPEG image");
	buffer = realloc(w.data, w.size);
	*out = (vc_thumbnail) {buffer ? buffer : w.data, w.size, part->width, part->height};
	return VC_OK;
}

vc_status
vc_picture_shrink(const uint8_t *data, size_t size, int side, int quality, const vc_decode_limits *limits,
				  vc_thumbnail *out, vc_error *error)
{
	vc_decode_options options = {.resize = VC_RESIZE_PAD, .limits = *limits};
	vc_image_info info;
	vc_status	status;
	uint8_t    *pixels;
	inside		part;
	int			longer;

	memset(out, 0, sizeof(*out));
	if (side < 1 || side > VC_MAX_PICTURE)
		return vc_fail(error, VC_INVALID_ARGUMENT, "a picture of %d pixels is outside 1 to %d",
					   side, VC_MAX_PICTURE);
	status = vc_image_header(data, size, &info, error);
	if (status != VC_OK)
		return status;
	longer = info.width > info.height ? info.width : info.height;
	options.size = side < longer ? side : longer;
	pixels = malloc((size_t) options.size * options.size * 3);
	if (pixels == NULL)
		return vc_no_memory(error, (unsigned long long) options.size * options.size * 3);
	status = vc_image_load(data, size, &options, pixels, NULL, error);
	if (status == VC_OK)
	{
		axis_inside(info.width, longer, options.size, &part.x, &part.width);
		axis_inside(info.height, longer, options.size, &part.y, &part.height);
		status = write_jpeg(pixels, options.size, &part, info.components == 1, quality, out, error);
	}
	free(pixels);
	return status;
}

vc_status
vc_thumbnail_make(const uint8_t *data, size_t size, int side, const vc_decode_limits *limits,
				  vc_thumbnail *out, vc_error *error)
{
	if (side > VC_MAX_THUMBNAIL || side < 1)
	{
		memset(out, 0, sizeof(*out));
		return vc_fail(error, VC_INVALID_ARGUMENT, "a picture of %d pixels is outside 1 to %d",
					   side, VC_MAX_THUMBNAIL);
	}
	return vc_picture_shrink(data, size, side, QUALITY, limits, out, error);
}

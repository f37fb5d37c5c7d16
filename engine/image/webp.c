/*
 * webp.c
 *		WebP images, by libwebp: of an animation the first picture.
 *
 * libwebp decodes into memory that is ours.  What is transparent lies on white.
 * Data that end early leave the rows before them, as they do in JPEG.
 */
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "engine/image/exif.h"
#include "engine/image/image_format.h"
#include "engine/image/xmp.h"

/* Bytes a pixel: ours, and libwebp's own at the most (lossless: ARGB and a cache). */
#define PIXEL_BYTES		(4 + 8)

/* What libwebp holds besides the picture. */
#define READER_BYTES	(1024 * 1024)

/* Bytes that are decoded between two looks at interrupts. */
#define PART			(256 * 1024)


/* A file and the picture in it. */
typedef struct webp_file
{
	WebPDemuxer *demuxer;
	WebPIterator frame;
	bool		has_frame;
	bool		complete;
	int			width;			/* of the canvas */
	int			height;
	int			orientation;
} webp_file;

/* The orientation that a chunk states by `read`, or 0. */
static int
chunk_orientation(const WebPDemuxer *demuxer, const char *name, int (*read) (const uint8_t *, size_t))
{
	WebPChunkIterator chunk;
	int			orientation = 0;

	if (WebPDemuxGetChunk(demuxer, name, 1, &chunk))
		orientation = read(chunk.chunk.bytes, chunk.chunk.size);
	WebPDemuxReleaseChunkIterator(&chunk);
	return orientation;
}

static void
close_file(webp_file *file)
{
	if (file->has_frame)
		WebPDemuxReleaseIterator(&file->frame);
	WebPDemuxDelete(file->demuxer);
}

/* Reads the file's structure; close it in any case. */
static vc_status
open_file(const uint8_t *data, size_t size, webp_file *file, vc_error *error)
{
	const WebPData bytes = {data, size};
	WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;

	memset(file, 0, sizeof(*file));
	file->demuxer = WebPDemuxPartial(&bytes, &state);
	if (file->demuxer != NULL && state >= WEBP_DEMUX_PARSED_HEADER)
		file->has_frame = WebPDemuxGetFrame(file->demuxer, 1, &file->frame);
	if (!file->has_frame)
	{
		vc_fail(error, VC_INVALID_IMAGE, "cannot decode WebP image: its %s",
				state == WEBP_DEMUX_PARSE_ERROR ? "structure is broken" : "data end before the picture begins");
		return vc_hint(error, VC_INVALID_IMAGE, "Save the image again, or leave its row out.");
	}
	file->complete = state == WEBP_DEMUX_DONE;
	file->width = (int) WebPDemuxGetI(file->demuxer, WEBP_FF_CANVAS_WIDTH);
	file->height = (int) WebPDemuxGetI(file->demuxer, WEBP_FF_CANVAS_HEIGHT);
	file->orientation = chunk_orientation(file->demuxer, "EXIF", vc_exif_orientation);
	if (file->orientation == 0)
		file->orientation = chunk_orientation(file->demuxer, "XMP ", vc_xmp_orientation);
	if (file->orientation == 0)
		file->orientation = 1;
	return VC_OK;
}

/* Fails where the picture is not decoded. */
static vc_status
check_decoded(VP8StatusCode code, vc_error *error)
{
	if (code == VP8_STATUS_OK || code == VP8_STATUS_SUSPENDED)
		return VC_OK;
	if (code == VP8_STATUS_OUT_OF_MEMORY)
		return vc_fail(error, VC_OUT_OF_MEMORY, "out of memory decoding a WebP image");
	vc_fail(error, VC_INVALID_IMAGE, "cannot decode WebP image: its data make no sense");
	return vc_hint(error, VC_INVALID_IMAGE, "Save the image again, or leave its row out.");
}

/* Decodes, a part of the data at a time, so that it can be interrupted. */
static vc_status
decode_parts(WebPIDecoder *decoder, const WebPData *data, vc_sink *sink)
{
	VP8StatusCode code = VP8_STATUS_SUSPENDED;

	for (size_t size = 0; size < data->size && code == VP8_STATUS_SUSPENDED;)
	{
		size = data->size - size > PART ? size + PART : data->size;
		if (vc_sink_interrupted(sink))
			return VC_CANCELED;
		code = WebPIUpdate(decoder, data->bytes, size);
	}
	return check_decoded(code, sink->error);
}

/* Decodes the frame into the pixels, RGBA, of which *rows are there. */
static vc_status
decode_frame(const webp_file *file, uint8_t *pixels, size_t stride, int *rows, vc_sink *sink)
{
	WebPDecoderConfig config;
	WebPIDecoder *decoder;
	vc_status	status;

	if (!WebPInitDecoderConfig(&config))
		return vc_fail(sink->error, VC_UNSUPPORTED, "libwebp is of another version than that visclf was built with");
	config.output.colorspace = MODE_RGBA;
	config.output.is_external_memory = 1;
	config.output.u.RGBA.rgba = pixels;
	config.output.u.RGBA.stride = (int) stride;
	config.output.u.RGBA.size = stride * (size_t) file->frame.height;
	decoder = WebPIDecode(NULL, 0, &config);
	if (decoder == NULL)
		return vc_no_memory(sink->error, stride);
	status = decode_parts(decoder, &file->frame.fragment, sink);
	if (WebPIDecGetRGB(decoder, rows, NULL, NULL, NULL) == NULL)
		*rows = 0;
	WebPIDelete(decoder);
	return status;
}

/* Makes row y of the canvas, RGB on white. */
static void
make_row(const webp_file *file, const uint8_t *pixels, size_t stride, int y, uint8_t *row)
{
	const WebPIterator *frame = &file->frame;
	const uint8_t *from = pixels + stride * (size_t) (y - frame->y_offset);

	memset(row, 255, (size_t) file->width * 3);
	if (y < frame->y_offset || y >= frame->y_offset + frame->height)
		return;
	for (int x = 0; x < frame->width && x + frame->x_offset < file->width; x++)
		for (int c = 0; c < 3; c++)
			row[(x + frame->x_offset) * 3 + c] = vc_over_white(from[x * 4 + c], from[x * 4 + 3]);
}

/* Gives the canvas to the sink, as far as its rows are there. */
static vc_status
give_rows(const webp_file *file, const uint8_t *pixels, size_t stride, int rows, vc_sink *sink)
{
	uint8_t    *row = malloc((size_t) file->width * 3);
	int			there = rows < file->frame.height ? file->frame.y_offset + rows : file->height;
	bool		more = true;

	if (row == NULL)
		return vc_no_memory(sink->error, (unsigned long long) file->width * 3);
	for (int y = 0; y < there && more; y++)
	{
		make_row(file, pixels, stride, y, row);
		more = vc_sink_row(sink, row);
	}
	free(row);
	if (more && there < file->height)
		return vc_sink_cut(sink);
	if (!file->complete)
		vc_sink_flaw(sink, "image is cut off: its data have no end");
	return VC_OK;
}

/* Decodes the file's picture. */
static vc_status
load_frame(const webp_file *file, vc_sink *sink)
{
	size_t		stride = (size_t) file->frame.width * 4;
	size_t		bytes = stride * (size_t) file->frame.height;
	int			rows = 0;
	uint8_t    *pixels;
	vc_status	status = vc_sink_check_pixels(sink, file->width, file->height);

	if (status == VC_OK)
		status = vc_sink_take_memory(sink, (int64_t) file->frame.width * file->frame.height * PIXEL_BYTES);
	if (status == VC_OK)
		status = vc_sink_begin(sink, file->width, file->height, 1, file->width, file->height, 3, file->orientation);
	if (status != VC_OK)
		return status;
	pixels = malloc(bytes);
	if (pixels == NULL)
		return vc_no_memory(sink->error, bytes);
	status = decode_frame(file, pixels, stride, &rows, sink);
	if (status == VC_OK)
		status = give_rows(file, pixels, stride, rows, sink);
	free(pixels);
	if (status == VC_OK)
		vc_sink_finish(sink);
	return status;
}

static vc_status
load_webp(const uint8_t *data, size_t size, vc_sink *sink)
{
	webp_file	file;
	vc_status	status = vc_sink_take_memory(sink, READER_BYTES);

	if (status != VC_OK)
		return status;
	status = open_file(data, size, &file, sink->error);
	if (status == VC_OK)
		status = load_frame(&file, sink);
	close_file(&file);
	return status;
}

static vc_status
read_webp_header(const uint8_t *data, size_t size, vc_image_info *info, vc_error *error)
{
	webp_file	file;
	vc_status	status = open_file(data, size, &file, error);

	if (status == VC_OK)
	{
		info->width = file.width;
		info->height = file.height;
		info->components = file.frame.has_alpha ? 4 : 3;
		info->color_space = "rgb";
		info->orientation = file.orientation;
		info->progressive = false;
		info->complete = file.complete;
	}
	close_file(&file);
	return status;
}

const vc_image_decoder vc_webp_decoder = {"WebP", "webp", "libwebp", read_webp_header, load_webp};

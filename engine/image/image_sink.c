/*
 * image_sink.c
 *		From a decoder's rows to the square that was asked for: what all decoders share.
 */
#include "engine/image/image_sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/image/decode_memory.h"
#include "engine/image/exif.h"

/* What rows that are missing look like. */
#define MISSING 128

void
vc_sink_init(vc_sink *sink, const vc_decode_options *options, uint8_t *out,
			 vc_flaw *flaw, vc_error *error)
{
	memset(sink, 0, sizeof(*sink));
	sink->options = options;
	sink->out = out;
	sink->flaw = flaw != NULL ? flaw : &sink->unwanted;
	sink->flaw->text[0] = '\0';
	sink->error = error;
	sink->orientation = 1;
}

vc_status
vc_sink_check_pixels(vc_sink *sink, int64_t width, int64_t height)
{
	int64_t		most = sink->options->limits.pixels;

	if (height == 0 || width <= most / height)
		return VC_OK;
	vc_fail(sink->error, VC_LIMIT_EXCEEDED,
			"image of %lld x %lld pixels is over the limit of %lld pixels",
			(long long) width, (long long) height, (long long) most);
	return vc_hint(sink->error, VC_LIMIT_EXCEEDED,
				   "Scale the image down, or raise visclf.max_image_pixels.");
}

vc_status
vc_memory_there(int64_t bytes, vc_error *error)
{
	void	   *block = malloc((size_t) bytes);

	if (block == NULL)
		return vc_no_memory(error, (unsigned long long) bytes);
	free(block);
	return VC_OK;
}

vc_status
vc_sink_take_memory(vc_sink *sink, int64_t bytes)
{
	vc_status	status = vc_decode_memory_take(bytes, &sink->options->limits, sink->error);

	if (status != VC_OK)
		return status;
	sink->memory += bytes;
	return vc_memory_there(sink->memory, sink->error);
}

/*
 * What becomes the output along one stored axis, `length` pixels long, of an
 * image whose other axis has `other` pixels.  An odd pixel of crop or pad goes
 * to the right or the bottom of the upright image.
 */
static vc_span
axis_span(int length, int other, vc_resize resize, bool mirrored)
{
	int			square = length;
	int			slack;

	if (resize == VC_RESIZE_CROP && other < length)
		square = other;
	if (resize == VC_RESIZE_PAD && other > length)
		square = other;
	slack = length - square;
	return (vc_span)
	{
		mirrored ? slack - slack / 2 : slack / 2, square
	};
}

double
vc_sink_shorter(const vc_sink *sink, int width, int height)
{
	vc_span		x = axis_span(width, height, sink->options->resize, false);
	vc_span		y = axis_span(height, width, sink->options->resize, false);

	return x.length < y.length ? x.length : y.length;
}

vc_status
vc_sink_begin(vc_sink *sink, int width, int height, double scale,
			  int row_width, int row_height, int channels, int orientation)
{
	vc_resize	resize = sink->options->resize;
	vc_span		x = axis_span(width, height, resize, vc_orientation_mirrors_x(orientation));
	vc_span		y = axis_span(height, width, resize, vc_orientation_mirrors_y(orientation));

	sink->orientation = orientation;
	sink->channels = channels;
	sink->width = row_width;
	sink->height = row_height;
	x.start *= scale;
	x.length *= scale;
	y.start *= scale;
	y.length *= scale;
	return vc_resample_begin(row_width, row_height, channels, x, y, sink->options->size,
							 sink->out, &sink->resampler, sink->error);
}

bool
vc_sink_row(vc_sink *sink, const uint8_t *row)
{
	sink->rows++;
	if (!vc_resample_row(sink->resampler, row))
		sink->enough = true;
	return !sink->enough && sink->rows < sink->height;
}

vc_status
vc_sink_missing(vc_sink *sink, int missing)
{
	if (missing <= 50)
	{
		vc_sink_flaw(sink, "image is cut off: %d %% of its rows are missing", missing);
		return VC_OK;
	}
	vc_fail(sink->error, VC_INVALID_IMAGE, "image is cut off: %d %% of its rows are missing", missing);
	return vc_hint(sink->error, VC_INVALID_IMAGE, "Replace the image, or leave its row out.");
}

vc_status
vc_sink_cut(vc_sink *sink)
{
	int			left = sink->height - sink->rows;
	size_t		bytes = (size_t) sink->width * sink->channels;
	int			missing = (int) ((left * 100LL + sink->height / 2) / sink->height);
	vc_status	status = vc_sink_missing(sink, missing > 0 ? missing : 1);
	uint8_t    *row;

	if (status != VC_OK)
		return status;
	row = malloc(bytes);
	if (row == NULL)
		return vc_no_memory(sink->error, bytes);
	memset(row, MISSING, bytes);
	while (vc_sink_row(sink, row))
		continue;
	free(row);
	return VC_OK;
}

void
vc_sink_flaw(vc_sink *sink, const char *fmt,...)
{
	va_list		args;

	if (sink->flaw->text[0] != '\0')
		return;
	va_start(args, fmt);
	vsnprintf(sink->flaw->text, sizeof(sink->flaw->text), fmt, args);
	va_end(args);
}

void
vc_sink_finish(vc_sink *sink)
{
	vc_orientation_apply(sink->out, sink->options->size, sink->orientation);
}

bool
vc_sink_interrupted(vc_sink *sink)
{
	if (!vc_decode_interrupted(&sink->options->limits))
		return false;
	vc_fail(sink->error, VC_CANCELED, "canceled");
	return true;
}

void
vc_sink_free(vc_sink *sink)
{
	vc_resample_end(sink->resampler);
	vc_decode_memory_give(sink->memory);
	sink->resampler = NULL;
	sink->memory = 0;
}

/*
 * jpeg.c
 *		JPEG images, by libjpeg.
 *
 * libjpeg can scale an image by eighths as it decodes, which saves most of
 * the work on large scans; the rows it gives go straight to the resampler.
 * Which damaged files are accepted is said in jpeg_reader.c.
 *
 * What bounds memory.  libjpeg keeps all coefficients of a progressive image,
 * 2 bytes each, up to 8 bytes a pixel for four components.  They are counted
 * before anything is allocated for the image (decode_memory.h); libjpeg's own
 * limit, max_memory_to_use, would only fail in another way, for Debian's build
 * has no backing store.
 */
#include "engine/image/jpeg.h"

#include <string.h>

#include "engine/image/exif.h"
#include "engine/image/jpeg_end.h"
#include "engine/image/jpeg_reader.h"
#include "engine/image/resample.h"

/* Rows asked of libjpeg at a time. */
#define ROWS			4

/* Bytes behind the last row that need not have the end of the image. */
#define STRAY_BYTES		16

/* The colour space of the stored components. */
static const char *
color_space_name(J_COLOR_SPACE space)
{
	switch (space)
	{
		case JCS_GRAYSCALE:
			return "grayscale";
		case JCS_RGB:
			return "rgb";
		case JCS_YCbCr:
			return "ycbcr";
		case JCS_CMYK:
			return "cmyk";
		case JCS_YCCK:
			return "ycck";
		default:
			return "unknown";
	}
}

/* Reads the header into *info; an escape ends here. */
static void
try_probe(vc_jpeg_reader *reader, const uint8_t *data, size_t size, vc_image_info *info)
{
	const struct jpeg_decompress_struct *cinfo = &reader->cinfo;
	bool		swaps;

	if (setjmp(reader->escape) != 0)
		return;
	vc_jpeg_reader_header(reader, data, size);
	swaps = vc_orientation_swaps(reader->orientation);
	info->format = "jpeg";
	info->width = (int) (swaps ? cinfo->image_height : cinfo->image_width);
	info->height = (int) (swaps ? cinfo->image_width : cinfo->image_height);
	info->components = cinfo->num_components;
	info->color_space = color_space_name(cinfo->jpeg_color_space);
	info->orientation = reader->orientation;
	info->progressive = cinfo->progressive_mode;
	info->complete = vc_jpeg_has_end(reader->source.next_input_byte,
									 reader->source.bytes_in_buffer);
}

vc_status
vc_jpeg_probe(const uint8_t *data, size_t size, vc_image_info *info, vc_error *error)
{
	vc_jpeg_reader reader;

	vc_jpeg_reader_init(&reader, error);
	try_probe(&reader, data, size, info);
	vc_jpeg_reader_free(&reader);
	return reader.status;
}

/* Refuses an image of too many pixels; may escape. */
static void
check_pixels(vc_jpeg_reader *reader, int64_t max_pixels)
{
	int64_t		width = reader->cinfo.image_width;
	int64_t		height = reader->cinfo.image_height;

	if (width * height <= max_pixels)
		return;
	vc_fail(reader->error, VC_LIMIT_EXCEEDED,
			"image of %lld x %lld pixels is over the limit of %lld pixels",
			(long long) width, (long long) height, (long long) max_pixels);
	vc_hint(reader->error, VC_LIMIT_EXCEEDED,
			"Scale the image down, or raise visclf.max_image_pixels.");
	vc_jpeg_reader_escape(reader, VC_LIMIT_EXCEEDED);
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

/*
 * The smallest eighths to which libjpeg can scale an image as it decodes, and
 * whose `shorter` pixels then still make `size` without enlarging.  Only the
 * scales that have fast code are used.
 */
static unsigned int
dct_scale(double shorter, int size)
{
	unsigned int eighths = 1;

	while (eighths < 8 && shorter * eighths < 8.0 * size)
		eighths *= 2;
	return eighths;
}

/* Sets libjpeg and the resampler up for the output; may escape. */
static void
start_decoding(vc_jpeg_reader *reader, const vc_decode_options *options,
			   uint8_t *out, vc_resampler **resampler)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;
	int			width = (int) cinfo->image_width;
	int			height = (int) cinfo->image_height;
	vc_span		x = axis_span(width, height, options->resize,
							  vc_orientation_mirrors_x(reader->orientation));
	vc_span		y = axis_span(height, width, options->resize,
							  vc_orientation_mirrors_y(reader->orientation));
	vc_status	status;
	double		scale;

	if (cinfo->num_components == 1)
		cinfo->out_color_space = JCS_GRAYSCALE;
	else
		cinfo->out_color_space = cinfo->num_components == 3 ? JCS_RGB : JCS_CMYK;
	cinfo->scale_num = dct_scale(x.length < y.length ? x.length : y.length,
								 options->size);
	cinfo->scale_denom = 8;
	jpeg_start_decompress(cinfo);

	scale = cinfo->scale_num / 8.0;
	x.start *= scale;
	x.length *= scale;
	y.start *= scale;
	y.length *= scale;
	status = vc_resample_begin((int) cinfo->output_width, (int) cinfo->output_height,
							   cinfo->num_components == 1 ? 1 : 3, x, y,
							   options->size, out, resampler, reader->error);
	if (status != VC_OK)
		vc_jpeg_reader_escape(reader, status);
}

/* a * b / 255, rounded. */
static inline unsigned int
multiply_255(unsigned int a, unsigned int b)
{
	unsigned int product = a * b + 128;

	return (product + (product >> 8)) >> 8;
}

/*
 * Turns a row from CMYK to RGB in place, without a colour profile.  As
 * Photoshop writes them, and Pillow reads all of them, the samples are stored
 * inverted: 255 is no ink.
 */
static void
cmyk_to_rgb(uint8_t *row, unsigned int width)
{
	for (unsigned int i = 0; i < width; i++)
	{
		const uint8_t *from = row + i * 4;
		uint8_t    *to = row + i * 3;
		unsigned int paper = from[3];

		for (int c = 0; c < 3; c++)
			to[c] = (uint8_t) (paper - multiply_255(255 - from[c], paper));
	}
}

/* Decodes into the resampler until it has enough; may escape. */
static void
decode_rows(vc_jpeg_reader *reader, vc_resampler *resampler)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;
	JSAMPARRAY	rows = cinfo->mem->alloc_sarray((j_common_ptr) cinfo, JPOOL_IMAGE,
												cinfo->output_width *
												(JDIMENSION) cinfo->output_components,
												ROWS);

	while (cinfo->output_scanline < cinfo->output_height)
	{
		JDIMENSION	count = jpeg_read_scanlines(cinfo, rows, ROWS);

		for (JDIMENSION i = 0; i < count; i++)
		{
			if (cinfo->out_color_space == JCS_CMYK)
				cmyk_to_rgb(rows[i], cinfo->output_width);
			if (!vc_resample_row(resampler, rows[i]))
				return;
		}
	}
}

/* True where every bit of every coefficient of a progressive image was read. */
static bool
has_all_bits(const struct jpeg_decompress_struct *cinfo)
{
	for (int c = 0; cinfo->coef_bits != NULL && c < cinfo->num_components; c++)
		for (int i = 0; i < DCTSIZE2; i++)
			if (cinfo->coef_bits[c][i] != 0)
				return false;
	return cinfo->coef_bits != NULL;
}

/* True where an image of one scan was read to its last row, but not to its end. */
static bool
lacks_end(vc_jpeg_reader *reader)
{
	const struct jpeg_decompress_struct *cinfo = &reader->cinfo;

	return cinfo->output_scanline == cinfo->output_height &&
		cinfo->unread_marker != JPEG_EOI && reader->source.bytes_in_buffer > STRAY_BYTES &&
		!vc_jpeg_has_end(reader->source.next_input_byte, reader->source.bytes_in_buffer);
}

/* Says what is wrong with an image that was decoded. */
static void
describe_flaw(vc_jpeg_reader *reader, vc_flaw *flaw)
{
	bool		scans = jpeg_has_multiple_scans(&reader->cinfo);
	char	   *text = flaw->text;
	size_t		size = sizeof(flaw->text);

	text[0] = '\0';
	if (reader->cut_scan == 1)
		snprintf(text, size, "image is cut off: %d %% of its rows are missing", reader->missing);
	else if (scans && (reader->cut_scan > 1 ||
					   (reader->ran_out && !has_all_bits(&reader->cinfo))))
		snprintf(text, size, "image is cut off in scan %d: detail is missing",
				 reader->cinfo.input_scan_number);
	else if (!scans && lacks_end(reader))
		snprintf(text, size, "image is cut off or damaged: its data have no end");
	else if (reader->places > 0)
		snprintf(text, size, "image is damaged in %d places", reader->places);
}

/* Decodes the image into out; an escape ends here. */
static void
try_load(vc_jpeg_reader *reader, const uint8_t *data, size_t size,
		 const vc_decode_options *options, uint8_t *out,
		 vc_resampler **resampler, vc_flaw *flaw)
{
	if (setjmp(reader->escape) != 0)
		return;
	vc_jpeg_reader_header(reader, data, size);
	check_pixels(reader, options->limits.pixels);
	vc_jpeg_reader_take_memory(reader);
	start_decoding(reader, options, out, resampler);
	decode_rows(reader, *resampler);
	if (flaw != NULL)
		describe_flaw(reader, flaw);
	vc_orientation_apply(out, options->size, reader->orientation);
}

vc_status
vc_jpeg_load(const uint8_t *data, size_t size, const vc_decode_options *options,
			 uint8_t *out, vc_flaw *flaw, vc_error *error)
{
	vc_jpeg_reader reader;
	vc_resampler *resampler = NULL;

	vc_jpeg_reader_init(&reader, error);
	reader.limits = &options->limits;
	try_load(&reader, data, size, options, out, &resampler, flaw);
	vc_resample_end(resampler);
	vc_jpeg_reader_free(&reader);
	return reader.status;
}

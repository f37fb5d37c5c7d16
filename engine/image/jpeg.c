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
#include <string.h>

#include "engine/image/image_format.h"
#include "engine/image/jpeg_end.h"
#include "engine/image/jpeg_reader.h"

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
try_header(vc_jpeg_reader *reader, const uint8_t *data, size_t size, vc_image_info *info)
{
	const struct jpeg_decompress_struct *cinfo = &reader->cinfo;

	if (setjmp(reader->escape) != 0)
		return;
	vc_jpeg_reader_header(reader, data, size);
	info->orientation = vc_jpeg_reader_orientation(reader);
	info->width = (int) cinfo->image_width;
	info->height = (int) cinfo->image_height;
	info->components = cinfo->num_components;
	info->color_space = color_space_name(cinfo->jpeg_color_space);
	info->progressive = cinfo->progressive_mode;
	info->complete = vc_jpeg_has_end(reader->source.next_input_byte,
									 reader->source.bytes_in_buffer);
}

static vc_status
read_jpeg_header(const uint8_t *data, size_t size, vc_image_info *info, vc_error *error)
{
	vc_jpeg_reader reader;

	vc_jpeg_reader_init(&reader, error);
	try_header(&reader, data, size, info);
	vc_jpeg_reader_free(&reader);
	return reader.status;
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

/* Escapes unless the status is VC_OK. */
static void
check(vc_jpeg_reader *reader, vc_status status)
{
	if (status != VC_OK)
		vc_jpeg_reader_escape(reader, status);
}

/* Sets libjpeg and the sink up for the output; may escape. */
static void
start_decoding(vc_jpeg_reader *reader, vc_sink *sink)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;
	int			width = (int) cinfo->image_width;
	int			height = (int) cinfo->image_height;

	if (cinfo->num_components == 1)
		cinfo->out_color_space = JCS_GRAYSCALE;
	else
		cinfo->out_color_space = cinfo->num_components == 3 ? JCS_RGB : JCS_CMYK;
	cinfo->scale_num = dct_scale(vc_sink_shorter(sink, width, height), sink->options->size);
	cinfo->scale_denom = 8;
	jpeg_start_decompress(cinfo);
	check(reader, vc_sink_begin(sink, width, height, cinfo->scale_num / 8.0,
								(int) cinfo->output_width, (int) cinfo->output_height,
								cinfo->num_components == 1 ? 1 : 3, vc_jpeg_reader_orientation(reader)));
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

/* Decodes into the sink until it has enough; may escape. */
static void
decode_rows(vc_jpeg_reader *reader, vc_sink *sink)
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
			if (!vc_sink_row(sink, rows[i]))
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

/* Decodes the image into the sink; an escape ends here. */
static void
try_load(vc_jpeg_reader *reader, const uint8_t *data, size_t size, vc_sink *sink)
{
	if (setjmp(reader->escape) != 0)
		return;
	vc_jpeg_reader_header(reader, data, size);
	check(reader, vc_sink_check_pixels(sink, reader->cinfo.image_width, reader->cinfo.image_height));
	vc_jpeg_reader_take_memory(reader);
	start_decoding(reader, sink);
	decode_rows(reader, sink);
	describe_flaw(reader, sink->flaw);
	vc_sink_finish(sink);
}

static vc_status
load_jpeg(const uint8_t *data, size_t size, vc_sink *sink)
{
	vc_jpeg_reader reader;

	vc_jpeg_reader_init(&reader, sink->error);
	reader.limits = &sink->options->limits;
	try_load(&reader, data, size, sink);
	vc_jpeg_reader_free(&reader);
	return reader.status;
}

const vc_image_decoder vc_jpeg_decoder = {"JPEG", "jpeg", "libjpeg", read_jpeg_header, load_jpeg};

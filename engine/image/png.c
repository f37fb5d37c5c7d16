/*
 * png.c
 *		PNG images, by libpng.
 *
 * Rows go straight to the sink; an interlaced image is decoded in memory first.
 * Palettes and 1, 2 and 4 bits become 8, of 16 bits the upper 8 count, and what is
 * transparent lies on white.  libpng skips all that does not make the pixels,
 * such as profiles and texts, which it would unpack.
 *
 * What is accepted.  Data that end or make no sense within an image leave the
 * rows before them, as they do in JPEG; so do wrong checksums.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "engine/image/exif.h"
#include "engine/image/image_format.h"
#include "engine/image/png_chunks.h"

/* What libpng and zlib hold besides rows. */
#define READER_BYTES	(256 * 1024)

/* Bytes that libpng takes at a time: what of them is not there loses all of them. */
#define PART			256

/* libpng's decoder and all that its callbacks need. */
typedef struct png_reader
{
	png_structp png;
	png_infop	info;
	jmp_buf		escape;
	vc_status	status;			/* why we escaped; VC_OK: libpng failed while there were rows */
	const uint8_t *data;
	size_t		size;
	size_t		next;
	vc_sink    *sink;
	vc_png_chunks chunks;
	uint8_t    *rows;			/* one, or all of an interlaced image */
	size_t		row_bytes;
	int			channels;
	int			pass;			/* of an interlaced image, from 0 */
	int			row;			/* of the pass */
} png_reader;

static void __attribute__((noreturn))
escape(png_reader *reader, vc_status status)
{
	reader->status = status;
	longjmp(reader->escape, 1);
}

/* libpng's fatal error: a flaw where rows have been read, else ours. */
static void __attribute__((noreturn))
on_error(png_structp png, png_const_charp message)
{
	png_reader *reader = png_get_error_ptr(png);

	if (reader->rows != NULL)
		escape(reader, VC_OK);
	vc_fail(reader->sink->error, VC_INVALID_IMAGE, "cannot decode PNG image: %s", message);
	vc_hint(reader->sink->error, VC_INVALID_IMAGE, "Save the image again, or leave its row out.");
	escape(reader, VC_INVALID_IMAGE);
}

/* libpng's warnings: nothing is printed. */
static void
on_warning(png_structp png, png_const_charp message)
{
	png_reader *reader = png_get_error_ptr(png);

	if (strstr(message, "IDAT: CRC error") != NULL || strstr(message, "PLTE: CRC error") != NULL)
		vc_sink_flaw(reader->sink, "image is damaged: a checksum is wrong");
}

static void
on_read(png_structp png, png_bytep to, size_t bytes)
{
	png_reader *reader = png_get_io_ptr(png);

	if (bytes > reader->size - reader->next)
		png_error(png, "the data end early");
	memcpy(to, reader->data + reader->next, bytes);
	reader->next += bytes;
}

/* Reads the header and sets libpng up for 8 bits; may escape. */
static void
read_header(png_reader *reader)
{
	reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
	if (reader->png != NULL)
		reader->info = png_create_info_struct(reader->png);
	if (reader->info == NULL)
		escape(reader, vc_no_memory(reader->sink->error, READER_BYTES));
	png_set_read_fn(reader->png, reader, on_read);
	png_set_compression_buffer_size(reader->png, PART);
	png_set_crc_action(reader->png, PNG_CRC_WARN_USE, PNG_CRC_WARN_DISCARD);
	png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
	png_read_info(reader->png, reader->info);
	png_set_expand(reader->png);
	png_set_strip_16(reader->png);
}

/* Takes memory for the rows and begins the sink; may escape. */
static void
start_decoding(png_reader *reader)
{
	vc_sink    *sink = reader->sink;
	int			width = (int) png_get_image_width(reader->png, reader->info);
	int			height = (int) png_get_image_height(reader->png, reader->info);
	bool		interlaced = png_get_interlace_type(reader->png, reader->info) != PNG_INTERLACE_NONE;
	size_t		bytes;
	vc_status	status = vc_sink_check_pixels(sink, width, height);

	if (status != VC_OK)
		escape(reader, status);
	png_set_interlace_handling(reader->png);
	png_read_update_info(reader->png, reader->info);
	reader->channels = png_get_channels(reader->png, reader->info);
	reader->row_bytes = png_get_rowbytes(reader->png, reader->info);
	bytes = reader->row_bytes * (interlaced ? (size_t) height : 1);
	status = vc_sink_take_memory(sink, (int64_t) (bytes + 8 * reader->row_bytes));
	if (status == VC_OK)
		status = vc_sink_begin(sink, width, height, 1, width, height, reader->channels < 3 ? 1 : 3,
							   vc_png_orientation(&reader->chunks));
	if (status == VC_OK && (reader->rows = malloc(bytes)) == NULL)
		status = vc_no_memory(sink->error, bytes);
	if (status != VC_OK)
		escape(reader, status);
	memset(reader->rows, 0x80, bytes);
}

/* Puts a row on white, where it may be transparent, in place. */
static void
over_white(uint8_t *row, int width, int channels)
{
	int			colours = channels - 1;

	if (channels != 2 && channels != 4)
		return;
	for (int x = 0; x < width; x++)
		for (int c = 0; c < colours; c++)
			row[x * colours + c] = vc_over_white(row[x * channels + c], row[x * channels + colours]);
}

/* Gives a decoded row to the sink; false once it has enough. */
static bool
give_row(png_reader *reader, uint8_t *row)
{
	over_white(row, reader->sink->width, reader->channels);
	return vc_sink_row(reader->sink, row);
}

/* Gives the rows of an interlaced image. */
static void
give_rows(png_reader *reader)
{
	for (int y = 0; y < reader->sink->height; y++)
		if (!give_row(reader, reader->rows + reader->row_bytes * y))
			return;
}

/* Decodes; an escape ends here. */
static void
try_load(png_reader *reader)
{
	vc_sink    *sink = reader->sink;

	if (setjmp(reader->escape) != 0)
		return;
	read_header(reader);
	start_decoding(reader);
	if (png_get_interlace_type(reader->png, reader->info) == PNG_INTERLACE_NONE)
	{
		do
		{
			if (vc_sink_interrupted(sink))
				escape(reader, VC_CANCELED);
			png_read_row(reader->png, reader->rows, NULL);
		} while (give_row(reader, reader->rows));
		return;
	}
	for (; reader->pass < PNG_INTERLACE_ADAM7_PASSES; reader->pass++)
		for (reader->row = 0; reader->row < sink->height; reader->row++)
		{
			if (vc_sink_interrupted(sink))
				escape(reader, VC_CANCELED);
			png_read_row(reader->png, NULL, reader->rows + reader->row_bytes * reader->row);
		}
	give_rows(reader);
}

/* What is made of an image whose data ended, or made no sense, before its rows did. */
static vc_status
finish(png_reader *reader)
{
	vc_sink    *sink = reader->sink;
	vc_status	status = VC_OK;

	if (!sink->enough && sink->rows < sink->height)
	{
		if (png_get_interlace_type(reader->png, reader->info) == PNG_INTERLACE_NONE)
			status = vc_sink_cut(sink);
		else
		{
			if (reader->pass == 0)
				status = vc_sink_missing(sink, (int) ((sink->height - reader->row) * 100LL / sink->height));
			else
				vc_sink_flaw(sink, "image is cut off in pass %d of %d: detail is missing", reader->pass + 1,
							 PNG_INTERLACE_ADAM7_PASSES);
			if (status == VC_OK)
				give_rows(reader);
		}
	}
	if (!reader->chunks.complete)
		vc_sink_flaw(sink, "image is cut off: its data have no end");
	if (status == VC_OK)
		vc_sink_finish(sink);
	return status;
}

static vc_status
load_png(const uint8_t *data, size_t size, vc_sink *sink)
{
	png_reader	reader = {.data = data, .size = size, .sink = sink};

	reader.status = vc_sink_take_memory(sink, READER_BYTES);
	if (reader.status != VC_OK)
		return reader.status;
	vc_png_chunks_read(data, size, &reader.chunks);
	try_load(&reader);
	if (reader.status == VC_OK)
		reader.status = finish(&reader);
	png_destroy_read_struct(&reader.png, &reader.info, NULL);
	free(reader.rows);
	return reader.status;
}

static vc_status
read_png_header(const uint8_t *data, size_t size, vc_image_info *info, vc_error *error)
{
	vc_png_chunks chunks;

	if (!vc_png_chunks_read(data, size, &chunks))
	{
		vc_fail(error, VC_INVALID_IMAGE, "cannot decode PNG image: its header is broken");
		return vc_hint(error, VC_INVALID_IMAGE, "Save the image again, or leave its row out.");
	}
	info->width = (int) chunks.width;
	info->height = (int) chunks.height;
	info->components = chunks.components;
	info->color_space = chunks.color_space;
	info->orientation = vc_png_orientation(&chunks);
	info->progressive = chunks.interlaced;
	info->complete = chunks.complete;
	return VC_OK;
}

const vc_image_decoder vc_png_decoder = {"PNG", "png", "libpng", read_png_header, load_png};

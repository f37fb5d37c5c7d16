/*
 * tiff.c
 *		TIFF images, by libtiff: of a file of several pages the first.
 *
 * libtiff makes RGBA of whatever it reads, a band of rows at a time: as many as
 * its strips or tiles are high.  What is transparent lies on white.
 *
 * What is not read: JBIG, whose library ends the process when memory is short,
 * and LERC, whose library is C++ and may throw.  Samples that are no
 * brightness (floating point, 32 bits) are an error of libtiff's.
 *
 * What is accepted.  Strips and tiles that are not in the file or cannot be
 * decoded are missing; over half of them is an error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "engine/image/exif.h"
#include "engine/image/image_format.h"
#include "engine/image/xmp.h"

/* libtiff's type of handlers does not say that they take a format. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wsuggest-attribute=format"
#endif

/* Rows that are decoded at a time where strips are lower. */
#define LEAST_BAND		16
/* Bytes that a stored pixel may have: 4 samples of 32 bits. */
#define MAX_PIXEL_BYTES	16
/* The most bytes of one of libtiff's allocations where there is no other limit. */
#define MAX_ALLOCATION	(1024 * 1024 * 1024)
/* What libtiff and its decompressors hold besides the image. */
#define READER_BYTES	(1024 * 1024)

/* libtiff's reader and all that its callbacks need. */
typedef struct tiff_reader
{
	TIFF	   *tiff;
	const uint8_t *data;
	size_t		size;
	toff_t		next;
	char		message[200];	/* libtiff's first error */
	int			errors;
	uint32_t	width;
	uint32_t	height;
	uint32_t	band;			/* rows */
	int			orientation;
	bool		multiplied;		/* colours by alpha, which libtiff does for RGB only */
	bool		opaque;			/* a fourth sample is no alpha */
	uint32_t   *raster;			/* [band][width] */
	uint8_t    *row;
} tiff_reader;

static tmsize_t
on_read(thandle_t handle, void *to, tmsize_t bytes)
{
	tiff_reader *reader = handle;
	tmsize_t	left = reader->next < reader->size ? (tmsize_t) (reader->size - reader->next) : 0;

	if (bytes > left)
		bytes = left;
	if (bytes > 0)
		memcpy(to, reader->data + reader->next, (size_t) bytes);
	reader->next += (toff_t) bytes;
	return bytes;
}

static tmsize_t
on_write(thandle_t handle, void *from, tmsize_t bytes)
{
	(void) handle;
	(void) from;
	(void) bytes;
	return -1;
}

static toff_t
on_seek(thandle_t handle, toff_t to, int from)
{
	tiff_reader *reader = handle;

	if (from == SEEK_SET)
		reader->next = to;
	else
		reader->next = to + (from == SEEK_CUR ? reader->next : reader->size);
	return reader->next;
}

static int
on_close(thandle_t handle)
{
	(void) handle;
	return 0;
}

static toff_t
on_size(thandle_t handle)
{
	return ((tiff_reader *) handle)->size;
}

static int
on_map(thandle_t handle, void **base, toff_t *size)
{
	tiff_reader *reader = handle;

	*base = (void *) reader->data;
	*size = reader->size;
	return 1;
}

static void
on_unmap(thandle_t handle, void *base, toff_t size)
{
	(void) handle;
	(void) base;
	(void) size;
}

/* libtiff's errors: the first is kept, nothing is printed. */
static int
on_error(TIFF *tiff, void *user, const char *module, const char *fmt, va_list args)
{
	tiff_reader *reader = user;

	(void) tiff;
	(void) module;
	if (reader->errors++ == 0)
		vsnprintf(reader->message, sizeof(reader->message), fmt, args);
	return 1;
}

static int
on_warning(TIFF *tiff, void *user, const char *module, const char *fmt, va_list args)
{
	(void) tiff;
	(void) user;
	(void) module;
	(void) fmt;
	(void) args;
	return 1;
}

/* Fails with what libtiff said. */
static vc_status
fail(const tiff_reader *reader, const char *otherwise, vc_error *error)
{
	vc_fail(error, VC_INVALID_IMAGE, "cannot decode TIFF image: %s",
			reader->message[0] != '\0' ? reader->message : otherwise);
	return vc_hint(error, VC_INVALID_IMAGE, "Save the image again, as RGB or grey of 8 bits, or leave its row out.");
}

/* A tag of one short, or the default. */
static unsigned int
short_tag(TIFF *tiff, uint32_t tag, unsigned int otherwise)
{
	uint16_t	value;

	return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : otherwise;
}

/* The orientation: the tag's, or else that of an XMP packet. */
static int
find_orientation(TIFF *tiff)
{
	uint16_t	tag;
	uint32_t	length;
	void	   *packet;
	int			stated = 0;

	if (TIFFGetField(tiff, TIFFTAG_ORIENTATION, &tag))
		return tag >= 1 && tag <= 8 ? tag : 1;
	if (TIFFGetField(tiff, TIFFTAG_XMLPACKET, &length, &packet))
		stated = vc_xmp_orientation(packet, length);
	return stated != 0 ? stated : 1;
}

/* True where samples beyond the colours are not said to be alpha, for which libtiff takes them. */
static bool
has_other_samples(TIFF *tiff)
{
	uint16_t	count;
	uint16_t   *kinds;

	return TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) && count > 0 &&
		kinds[0] == EXTRASAMPLE_UNSPECIFIED;
}

/* Fails for what is not read. */
static vc_status
check_kind(tiff_reader *reader, vc_error *error)
{
	unsigned int compression = short_tag(reader->tiff, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
	unsigned int bits = short_tag(reader->tiff, TIFFTAG_BITSPERSAMPLE, 1);
	unsigned int samples = short_tag(reader->tiff, TIFFTAG_SAMPLESPERPIXEL, 1);

	if (compression == COMPRESSION_JBIG || compression == COMPRESSION_LERC)
	{
		vc_fail(error, VC_INVALID_IMAGE, "TIFF images compressed by %s are not read",
				compression == COMPRESSION_JBIG ? "JBIG" : "LERC");
		return vc_hint(error, VC_INVALID_IMAGE, "Save the image again with another compression.");
	}
	if (samples * bits > MAX_PIXEL_BYTES * 8)
	{
		vc_fail(error, VC_INVALID_IMAGE, "TIFF image has %u samples of %u bits a pixel", samples, bits);
		return vc_hint(error, VC_INVALID_IMAGE, "Save the image again, as RGB or grey of 8 bits.");
	}
	return VC_OK;
}

/* Reads the first directory.  Call close_reader() in any case. */
static vc_status
open_reader(tiff_reader *reader, const uint8_t *data, size_t size, int64_t memory, vc_error *error)
{
	TIFFOpenOptions *options = TIFFOpenOptionsAlloc();

	*reader = (tiff_reader) {.data = data, .size = size};
	if (options == NULL)
		return vc_no_memory(error, READER_BYTES);
	TIFFOpenOptionsSetMaxSingleMemAlloc(options, memory > 0 && memory < MAX_ALLOCATION ? memory : MAX_ALLOCATION);
	TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, reader);
	TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, reader);
	reader->tiff = TIFFClientOpenExt("image", "r", reader, on_read, on_write, on_seek, on_close, on_size,
									 on_map, on_unmap, options);
	TIFFOpenOptionsFree(options);
	if (reader->tiff == NULL)
		return fail(reader, "its structure is broken", error);
	if (!TIFFGetField(reader->tiff, TIFFTAG_IMAGEWIDTH, &reader->width) ||
		!TIFFGetField(reader->tiff, TIFFTAG_IMAGELENGTH, &reader->height) ||
		reader->width == 0 || reader->height == 0 || reader->width > INT32_MAX || reader->height > INT32_MAX)
		return fail(reader, "its size is missing", error);
	reader->orientation = find_orientation(reader->tiff);
	reader->opaque = has_other_samples(reader->tiff);
	return check_kind(reader, error);
}

static void
close_reader(tiff_reader *reader)
{
	if (reader->tiff != NULL)
		TIFFClose(reader->tiff);
	free(reader->raster);
	free(reader->row);
}

/* Per cent of the strips or tiles that are not wholly in the file. */
static int
missing_pieces(const tiff_reader *reader)
{
	TIFF	   *tiff = reader->tiff;
	uint32_t	count = TIFFIsTiled(tiff) ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
	int64_t		missing = 0;

	for (uint32_t i = 0; i < count; i++)
	{
		uint64_t	at = TIFFGetStrileOffset(tiff, i);
		uint64_t	bytes = TIFFGetStrileByteCount(tiff, i);

		missing += at == 0 || bytes == 0 || at > reader->size || bytes > reader->size - at;
	}
	if (count == 0)
		return 100;
	return missing == 0 ? 0 : (int) ((missing * 100 + count - 1) / count);
}

/* The rows that are decoded at a time, and the memory that this takes. */
static vc_status
plan_bands(tiff_reader *reader, vc_sink *sink)
{
	TIFF	   *tiff = reader->tiff;
	uint32_t	rows = reader->height;
	int64_t		piece = TIFFIsTiled(tiff) ? TIFFTileSize64(tiff) : TIFFStripSize64(tiff);

	if (TIFFIsTiled(tiff))
		TIFFGetField(tiff, TIFFTAG_TILELENGTH, &rows);
	else
		TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rows);
	if (rows == 0 || rows > reader->height)
		rows = reader->height;
	reader->band = rows < LEAST_BAND ? (LEAST_BAND + rows - 1) / rows * rows : rows;
	if (reader->band > reader->height)
		reader->band = reader->height;
	if (piece < 0 || piece > INT64_MAX / 8)
		return fail(reader, "its strips are too large", sink->error);
	return vc_sink_take_memory(sink, (int64_t) reader->band * reader->width * (int64_t) sizeof(uint32_t) +
							   2 * piece + 4 * (int64_t) reader->width);
}

/* Puts a row of RGBA on white. */
static void
make_row(const tiff_reader *reader, const uint32_t *from, uint8_t *row)
{
	for (uint32_t x = 0; x < reader->width; x++)
	{
		uint32_t	alpha = reader->opaque ? 255 : TIFFGetA(from[x]);
		uint32_t	rgb[3] = {TIFFGetR(from[x]), TIFFGetG(from[x]), TIFFGetB(from[x])};

		for (int c = 0; c < 3; c++)
			if (reader->multiplied)
				row[x * 3 + c] = (uint8_t) (rgb[c] + 255 - alpha < 255 ? rgb[c] + 255 - alpha : 255);
			else
				row[x * 3 + c] = vc_over_white(rgb[c], alpha);
	}
}

/* Gives the rows of a band to the sink; false once it has enough. */
static bool
give_band(tiff_reader *reader, vc_sink *sink, uint32_t rows)
{
	for (uint32_t y = 0; y < rows; y++)
	{
		make_row(reader, reader->raster + (size_t) y * reader->width, reader->row);
		if (!vc_sink_row(sink, reader->row))
			return false;
	}
	return true;
}

/* Decodes band by band; the rows of bands that fail are counted. */
static vc_status
decode_bands(tiff_reader *reader, TIFFRGBAImage *image, vc_sink *sink, int64_t *failed)
{
	bool		more = true;

	for (uint32_t y = 0; y < reader->height && more; y += reader->band)
	{
		uint32_t	rows = reader->height - y < reader->band ? reader->height - y : reader->band;
		int			errors = reader->errors;

		if (vc_sink_interrupted(sink))
			return VC_CANCELED;
		/* What is not decoded is grey: 0x80 in all four, where libtiff leaves it */
		memset(reader->raster, 0x80, (size_t) rows * reader->width * sizeof(uint32_t));
		image->row_offset = (int) y;
		if (!TIFFRGBAImageGet(image, reader->raster, reader->width, rows) || reader->errors > errors)
			*failed += rows;
		more = give_band(reader, sink, rows);
	}
	return VC_OK;
}

/* Decodes an image whose memory is taken. */
static vc_status
decode(tiff_reader *reader, vc_sink *sink)
{
	char		why[1024] = "";
	int			missing = missing_pieces(reader);
	int64_t		failed = 0;
	TIFFRGBAImage image;
	vc_status	status;

	if (missing > 50)
		return vc_sink_missing(sink, missing);
	if (!TIFFRGBAImageBegin(&image, reader->tiff, 0, why))
	{
		snprintf(reader->message, sizeof(reader->message), "%s", why);
		return fail(reader, "its samples are not read", sink->error);
	}
	image.req_orientation = image.orientation;
	reader->multiplied = image.photometric == PHOTOMETRIC_RGB || image.alpha == EXTRASAMPLE_ASSOCALPHA;
	status = decode_bands(reader, &image, sink, &failed);
	TIFFRGBAImageEnd(&image);
	if (status != VC_OK)
		return status;
	if (failed * 2 > sink->rows)
		return fail(reader, "its data make no sense", sink->error);
	if (missing > 0)
		status = vc_sink_missing(sink, missing);
	else if (failed > 0)
		vc_sink_flaw(sink, "image is damaged: %d %% of its rows cannot be decoded",
					 (int) ((failed * 100 + sink->rows - 1) / sink->rows));
	vc_sink_finish(sink);
	return status;
}

static vc_status
load_tiff(const uint8_t *data, size_t size, vc_sink *sink)
{
	tiff_reader reader;
	vc_status	status = vc_sink_take_memory(sink, READER_BYTES);

	if (status != VC_OK)
		return status;
	status = open_reader(&reader, data, size, sink->options->limits.memory, sink->error);
	if (status == VC_OK)
		status = vc_sink_check_pixels(sink, reader.width, reader.height);
	if (status == VC_OK)
		status = plan_bands(&reader, sink);
	if (status == VC_OK)
		status = vc_sink_begin(sink, (int) reader.width, (int) reader.height, 1,
							   (int) reader.width, (int) reader.height, 3, reader.orientation);
	if (status == VC_OK)
	{
		reader.raster = malloc((size_t) reader.band * reader.width * sizeof(uint32_t));
		reader.row = malloc((size_t) reader.width * 3);
		if (reader.raster == NULL || reader.row == NULL)
			status = vc_no_memory(sink->error, (unsigned long long) reader.band * reader.width * sizeof(uint32_t));
	}
	if (status == VC_OK)
		status = decode(&reader, sink);
	close_reader(&reader);
	return status;
}

/* How the samples are meant. */
static const char *
color_space_name(unsigned int photometric)
{
	switch (photometric)
	{
		case PHOTOMETRIC_MINISWHITE:
		case PHOTOMETRIC_MINISBLACK:
			return "grayscale";
		case PHOTOMETRIC_RGB:
			return "rgb";
		case PHOTOMETRIC_PALETTE:
			return "palette";
		case PHOTOMETRIC_SEPARATED:
			return "cmyk";
		case PHOTOMETRIC_YCBCR:
			return "ycbcr";
		case PHOTOMETRIC_CIELAB:
		case PHOTOMETRIC_ICCLAB:
		case PHOTOMETRIC_ITULAB:
			return "lab";
		default:
			return "unknown";
	}
}

static vc_status
read_tiff_header(const uint8_t *data, size_t size, vc_image_info *info, vc_error *error)
{
	tiff_reader reader;
	vc_status	status = vc_memory_there(READER_BYTES, error);

	if (status != VC_OK)
		return status;
	status = open_reader(&reader, data, size, 0, error);
	if (status == VC_OK)
	{
		info->width = (int) reader.width;
		info->height = (int) reader.height;
		info->components = (int) short_tag(reader.tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
		info->color_space = color_space_name(short_tag(reader.tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK));
		info->orientation = reader.orientation;
		info->progressive = false;
		info->complete = missing_pieces(&reader) == 0;
	}
	close_reader(&reader);
	return status;
}

const vc_image_decoder vc_tiff_decoder = {"TIFF", "tiff", "libtiff", read_tiff_header, load_tiff};

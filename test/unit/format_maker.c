/*
 * format_maker.c
 *		Makes PNG, TIFF, WebP and JPEG 2000 files for tests, of pixels that are known.
 */
#include "test/unit/format_maker.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openjpeg.h>
#include <png.h>
#include <tiffio.h>
#include <webp/encode.h>

uint8_t
made_sample(const file_recipe *recipe, int x, int y, int c)
{
	if (recipe->bits == 1)
		return (x / 4 + y / 4) % 2 != 0 ? 255 : 0;
	if (c == 3 || (recipe->channels == 2 && c == 1))
		return (uint8_t) (y * 16);
	return (uint8_t) (x * 13 + y * 5 * (c + 1) + c * 60);
}

/* Writes a row as it is stored; returns its bytes.  Samples of 16 bits have the highest byte first. */
static size_t
store_row(const file_recipe *recipe, int y, uint8_t *row)
{
	size_t		at = 0;

	if (recipe->bits == 1)
	{
		memset(row, 0, (size_t) (recipe->side + 7) / 8);
		for (int x = 0; x < recipe->side; x++)
			if (made_sample(recipe, x, y, 0) != 0)
				row[x / 8] |= (uint8_t) (0x80 >> x % 8);
		return (size_t) (recipe->side + 7) / 8;
	}
	for (int x = 0; x < recipe->side; x++)
		for (int c = 0; c < recipe->channels; c++)
		{
			row[at++] = made_sample(recipe, x, y, c);
			if (recipe->bits == 16)
				row[at++] = 0x10;
		}
	return at;
}

/* Appends bytes to a file in memory. */
static void
append(made_file *file, size_t at, const void *bytes, size_t count)
{
	if (at + count > file->size)
	{
		file->data = realloc(file->data, at + count);
		memset(file->data + file->size, 0, at + count - file->size);
		file->size = at + count;
	}
	memcpy(file->data + at, bytes, count);
}

static void
on_png_write(png_structp png, png_bytep bytes, size_t count)
{
	made_file  *file = png_get_io_ptr(png);

	append(file, file->size, bytes, count);
}

static void
on_png_flush(png_structp png)
{
	(void) png;
}

made_file
make_png(const file_recipe *recipe)
{
	static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
	made_file	file = {NULL, 0};
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop	info = png_create_info_struct(png);
	uint8_t		row[4096];
	int			passes;

	png_set_write_fn(png, &file, on_png_write, on_png_flush);
	png_set_IHDR(png, info, (png_uint_32) recipe->side, (png_uint_32) recipe->side, recipe->bits, types[recipe->channels],
				 recipe->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
	png_write_info(png, info);
	passes = png_set_interlace_handling(png);
	for (int pass = 0; pass < passes; pass++)
		for (int y = 0; y < recipe->side; y++)
		{
			store_row(recipe, y, row);
			png_write_row(png, row);
		}
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	return file;
}

/* A file in memory that is written at any place. */
typedef struct output
{
	made_file	file;
	size_t		at;
} output;

static tmsize_t
on_tiff_read(thandle_t handle, void *to, tmsize_t bytes)
{
	output *out = (output *) handle;

	if (out->at + (size_t) bytes > out->file.size)
		return 0;
	memcpy(to, out->file.data + out->at, (size_t) bytes);
	out->at += (size_t) bytes;
	return bytes;
}

static tmsize_t
on_tiff_write(thandle_t handle, void *from, tmsize_t bytes)
{
	output *out = (output *) handle;

	append(&out->file, out->at, from, (size_t) bytes);
	out->at += (size_t) bytes;
	return bytes;
}

static toff_t
on_tiff_seek(thandle_t handle, toff_t to, int from)
{
	output *out = (output *) handle;

	out->at = (size_t) to + (from == SEEK_SET ? 0 : from == SEEK_CUR ? out->at : out->file.size);
	return out->at;
}

static int
on_tiff_close(thandle_t handle)
{
	(void) handle;
	return 0;
}

static toff_t
on_tiff_size(thandle_t handle)
{
	return ((output *) handle)->file.size;
}

/* Writes tiles of 16 x 16 pixels. */
static void
write_tiles(TIFF *tiff, const file_recipe *recipe)
{
	size_t		pixel = (size_t) recipe->channels * recipe->bits / 8;
	uint8_t		row[4096];
	uint8_t		tile[16 * 16 * 8];

	for (int top = 0; top < recipe->side; top += 16)
		for (int left = 0; left < recipe->side; left += 16)
		{
			memset(tile, 0, sizeof(tile));
			for (int y = 0; y < 16 && top + y < recipe->side; y++)
			{
				int			count = recipe->side - left < 16 ? recipe->side - left : 16;

				store_row(recipe, top + y, row);
				memcpy(tile + (size_t) y * 16 * pixel, row + (size_t) left * pixel, (size_t) count * pixel);
			}
			TIFFWriteTile(tiff, tile, (uint32_t) left, (uint32_t) top, 0, 0);
		}
}

made_file
make_tiff(const file_recipe *recipe)
{
	output out = {{NULL, 0}, 0};
	TIFF	   *tiff = TIFFClientOpen("made", "wb", &out, on_tiff_read, on_tiff_write, on_tiff_seek, on_tiff_close, on_tiff_size, NULL, NULL);
	uint16_t	alpha = EXTRASAMPLE_UNASSALPHA;
	uint8_t		row[4096];

	TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, (uint32_t) recipe->side);
	TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, (uint32_t) recipe->side);
	TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, recipe->bits);
	TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, recipe->channels);
	TIFFSetField(tiff, TIFFTAG_COMPRESSION, recipe->compression);
	TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, recipe->photometric);
	TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
	if (recipe->orientation != 0)
		TIFFSetField(tiff, TIFFTAG_ORIENTATION, recipe->orientation);
	if (recipe->channels % 2 == 0 && recipe->photometric != PHOTOMETRIC_SEPARATED)
		TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &alpha);
	if (recipe->tiled)
	{
		TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 16);
		TIFFSetField(tiff, TIFFTAG_TILELENGTH, 16);
		write_tiles(tiff, recipe);
	}
	else
	{
		TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 3);
		for (int y = 0; y < recipe->side; y++)
		{
			size_t		bytes = store_row(recipe, y, row);

			for (size_t i = 0; recipe->bits == 16 && i + 1 < bytes; i += 2)
			{
				uint16_t	sample = (uint16_t) (row[i] << 8 | row[i + 1]);

				memcpy(row + i, &sample, 2);
			}
			TIFFWriteScanline(tiff, row, (uint32_t) y, 0);
		}
	}
	TIFFClose(tiff);
	return out.file;
}

made_file
make_webp(const file_recipe *recipe)
{
	made_file	file = {NULL, 0};
	size_t		stride = (size_t) recipe->side * recipe->channels;
	uint8_t    *pixels = malloc(stride * recipe->side);
	uint8_t    *made = NULL;
	size_t		size;

	for (int y = 0; y < recipe->side; y++)
		store_row(recipe, y, pixels + stride * y);
	size = recipe->channels == 4 ? WebPEncodeLosslessRGBA(pixels, recipe->side, recipe->side, (int) stride, &made) :
		WebPEncodeLosslessRGB(pixels, recipe->side, recipe->side, (int) stride, &made);
	append(&file, 0, made, size);
	WebPFree(made);
	free(pixels);
	return file;
}

static OPJ_SIZE_T
on_jp2_write(void *from, OPJ_SIZE_T bytes, void *user)
{
	output *out = user;

	append(&out->file, out->at, from, bytes);
	out->at += bytes;
	return bytes;
}

static OPJ_OFF_T
on_jp2_skip(OPJ_OFF_T bytes, void *user)
{
	((output *) user)->at += (size_t) bytes;
	return bytes;
}

static OPJ_BOOL
on_jp2_seek(OPJ_OFF_T to, void *user)
{
	((output *) user)->at = (size_t) to;
	return OPJ_TRUE;
}

/* The picture as the library has it. */
static opj_image_t *
jp2_image(const file_recipe *recipe)
{
	opj_image_cmptparm_t parameters[4];
	opj_image_t *image;

	memset(parameters, 0, sizeof(parameters));
	for (int c = 0; c < recipe->channels; c++)
	{
		parameters[c].dx = parameters[c].dy = 1;
		parameters[c].w = parameters[c].h = (OPJ_UINT32) recipe->side;
		parameters[c].prec = (OPJ_UINT32) recipe->bits;
	}
	image = opj_image_create((OPJ_UINT32) recipe->channels, parameters, recipe->channels < 3 ? OPJ_CLRSPC_GRAY : OPJ_CLRSPC_SRGB);
	image->x1 = image->y1 = (OPJ_UINT32) recipe->side;
	for (int c = 0; c < recipe->channels; c++)
	{
		image->comps[c].alpha = c == 3 || (recipe->channels == 2 && c == 1);
		for (int i = 0; i < recipe->side * recipe->side; i++)
		{
			int			sample = made_sample(recipe, i % recipe->side, i / recipe->side, c);

			image->comps[c].data[i] = recipe->bits == 16 ? sample << 8 | 0x10 : sample;
		}
	}
	return image;
}

made_file
make_jpeg2000(const file_recipe *recipe)
{
	output out = {{NULL, 0}, 0};
	opj_cparameters_t parameters;
	opj_codec_t *codec = opj_create_compress(recipe->boxes ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
	opj_stream_t *stream = opj_stream_create(4096, OPJ_FALSE);
	opj_image_t *image = jp2_image(recipe);

	opj_set_default_encoder_parameters(&parameters);
	parameters.tcp_numlayers = 1;
	parameters.cp_disto_alloc = 1;
	parameters.numresolution = 3;
	if (recipe->tiled)
	{
		parameters.tile_size_on = OPJ_TRUE;
		parameters.cp_tdx = parameters.cp_tdy = 16;
	}
	opj_stream_set_write_function(stream, on_jp2_write);
	opj_stream_set_skip_function(stream, on_jp2_skip);
	opj_stream_set_seek_function(stream, on_jp2_seek);
	opj_stream_set_user_data(stream, &out, NULL);
	opj_setup_encoder(codec, &parameters, image);
	if (!opj_start_compress(codec, image, stream) || !opj_encode(codec, stream) || !opj_end_compress(codec, stream))
		out.file.size = 0;
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	opj_image_destroy(image);
	return out.file;
}

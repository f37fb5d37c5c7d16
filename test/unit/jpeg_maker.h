/*
 * jpeg_maker.h
 *		Makes JPEG images in memory for the tests.
 *
 * Failures to make one end the test program: they are the test's own.
 */
#ifndef VISCLF_JPEG_MAKER_H
#define VISCLF_JPEG_MAKER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

typedef struct made_jpeg
{
	uint8_t    *data;
	size_t		size;
} made_jpeg;

/* Fills the samples of one pixel. */
typedef void (*pixel_function) (int x, int y, uint8_t *samples);

/* How the coefficients are written; false and true for the first two. */
enum
{
	CODING_BASELINE,
	CODING_PROGRESSIVE,
	CODING_ARITHMETIC
};

/* What to make. */
typedef struct jpeg_recipe
{
	int			width;
	int			height;
	int			components;
	J_COLOR_SPACE space;		/* of the samples given */
	J_COLOR_SPACE stored;		/* of the samples in the file */
	pixel_function pixel;
	int			coding;
	int			orientation;	/* EXIF is written where this is not 0 */
	const jpeg_scan_info *scans;	/* or NULL */
	int			scan_count;
} jpeg_recipe;

/* Pixels of one colour, in RGB. */
static inline void
plain_rgb(int x, int y, uint8_t *samples)
{
	static const uint8_t colour[3] = {200, 100, 50};

	(void) x;
	(void) y;
	memcpy(samples, colour, 3);
}

/* Writes an APP1 segment of big-endian EXIF that states an orientation. */
static inline void
write_exif(j_compress_ptr cinfo, int orientation)
{
	uint8_t		exif[] = {
		'E', 'x', 'i', 'f', 0, 0,
		'M', 'M', 0, 42, 0, 0, 0, 8,
		0, 2,
		0x01, 0x0f, 0, 2, 0, 0, 0, 4, 'v', 'i', 's', 0,
		0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0,
		0, 0, 0, 0
	};

	exif[37] = (uint8_t) orientation;
	jpeg_write_marker(cinfo, JPEG_APP0 + 1, exif, sizeof(exif));
}

/* Makes an image at quality 98 without chroma subsampling; free its data. */
static inline made_jpeg
make_jpeg(const jpeg_recipe *recipe)
{
	struct jpeg_compress_struct cinfo;
	struct jpeg_error_mgr manager;
	unsigned char *data = NULL;
	unsigned long size = 0;
	uint8_t    *row = malloc((size_t) recipe->width * (size_t) recipe->components);
	JSAMPROW	rows[1] = {row};

	cinfo.err = jpeg_std_error(&manager);
	jpeg_create_compress(&cinfo);
	jpeg_mem_dest(&cinfo, &data, &size);
	cinfo.image_width = (JDIMENSION) recipe->width;
	cinfo.image_height = (JDIMENSION) recipe->height;
	cinfo.input_components = recipe->components;
	cinfo.in_color_space = recipe->space;
	jpeg_set_defaults(&cinfo);
	jpeg_set_colorspace(&cinfo, recipe->stored);
	jpeg_set_quality(&cinfo, 98, TRUE);
	for (int i = 0; i < cinfo.num_components; i++)
		cinfo.comp_info[i].h_samp_factor = cinfo.comp_info[i].v_samp_factor = 1;
	cinfo.arith_code = recipe->coding == CODING_ARITHMETIC;
	if (recipe->coding == CODING_PROGRESSIVE)
		jpeg_simple_progression(&cinfo);
	if (recipe->scans != NULL)
	{
		cinfo.scan_info = recipe->scans;
		cinfo.num_scans = recipe->scan_count;
	}
	jpeg_start_compress(&cinfo, TRUE);
	if (recipe->orientation != 0)
		write_exif(&cinfo, recipe->orientation);
	for (int y = 0; y < recipe->height; y++)
	{
		for (int x = 0; x < recipe->width; x++)
			recipe->pixel(x, y, row + x * recipe->components);
		jpeg_write_scanlines(&cinfo, rows, 1);
	}
	jpeg_finish_compress(&cinfo);
	jpeg_destroy_compress(&cinfo);
	free(row);
	return (made_jpeg)
	{
		data, size
	};
}

/* Where the segment of a marker begins (its 0xff); fails if it has none. */
static inline size_t
find_marker(const made_jpeg *image, int marker)
{
	for (size_t at = 2; at + 4 <= image->size && image->data[at] == 0xff;
		 at += 2 + (size_t) (image->data[at + 2] << 8 | image->data[at + 3]))
	{
		if (image->data[at + 1] == marker)
			return at;
	}
	fprintf(stderr, "no marker 0x%02x in the JPEG image made\n", marker);
	exit(1);
}

/* The image with `insert` put in at `at`. */
static inline made_jpeg
with_bytes(const made_jpeg *image, size_t at, const uint8_t *insert, size_t count)
{
	made_jpeg	result = {malloc(image->size + count), image->size + count};

	memcpy(result.data, image->data, at);
	memcpy(result.data + at, insert, count);
	memcpy(result.data + at + count, image->data + at, image->size - at);
	return result;
}

#endif							/* VISCLF_JPEG_MAKER_H */

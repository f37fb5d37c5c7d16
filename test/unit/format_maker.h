/*
 * format_maker.h
 *		Makes PNG, TIFF, WebP and JPEG 2000 files for tests, of pixels that are known.
 *
 * Each function returns a file that the caller frees, or one of 0 bytes where the
 * library cannot write it.
 */
#ifndef VISCLF_FORMAT_MAKER_H
#define VISCLF_FORMAT_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct made_file
{
	uint8_t    *data;
	size_t		size;
} made_file;

/* How samples are stored: of a picture of side x side pixels. */
typedef struct file_recipe
{
	int			side;			/* pixels */
	int			channels;		/* 1 to 4 */
	int			bits;			/* a sample: 1, 8 or 16 */
	bool		interlaced;		/* PNG */
	bool		tiled;			/* TIFF, JPEG 2000 */
	int			compression;	/* TIFF's */
	int			photometric;	/* TIFF's */
	int			orientation;	/* TIFF's; 0: none is stated */
	bool		boxes;			/* JPEG 2000 in a JP2 file */
} file_recipe;

/* The sample, of 8 bits, of channel c at x, y; channel 3, and 1 of 2, is alpha. */
extern uint8_t made_sample(const file_recipe *recipe, int x, int y, int c);

extern made_file make_png(const file_recipe *recipe);
extern made_file make_tiff(const file_recipe *recipe);
extern made_file make_webp(const file_recipe *recipe);
extern made_file make_jpeg2000(const file_recipe *recipe);

#endif							/* VISCLF_FORMAT_MAKER_H */

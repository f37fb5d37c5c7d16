/*
 * exif.c
 *		The EXIF orientation of an image, and turning a square upright.
 *
 * An EXIF payload is, in JPEG behind "Exif" and two bytes, a TIFF file: byte order, offset of
 * the first directory, and there one 12-byte entry per tag.  Only the tag
 * Orientation of the first directory is looked for.  Every offset comes from
 * the file and is checked against what is left before it is followed.
 */
#include "engine/image/exif.h"

#include <string.h>

#define EXIF_HEADER_BYTES	6
#define TIFF_HEADER_BYTES	8
#define TIFF_ENTRY_BYTES	12
#define TIFF_TAG_ORIENTATION 0x0112
#define TIFF_TYPE_SHORT		3
#define TIFF_TYPE_LONG		4

/* A TIFF file in memory and its byte order. */
typedef struct tiff
{
	const uint8_t *data;
	size_t		size;
	bool		big_endian;
} tiff;

/* The two-byte integer at `at`, which lies within the file. */
static uint32_t
tiff_short(const tiff *file, size_t at)
{
	const uint8_t *p = file->data + at;

	return file->big_endian ? (uint32_t) (p[0] << 8 | p[1])
		: (uint32_t) (p[1] << 8 | p[0]);
}

/* The four-byte integer at `at`, which lies within the file. */
static uint32_t
tiff_long(const tiff *file, size_t at)
{
	uint32_t	a = tiff_short(file, at);
	uint32_t	b = tiff_short(file, at + 2);

	return file->big_endian ? (a << 16 | b) : (b << 16 | a);
}

/* The orientation that the directory at `at` states, or 0. */
static int
directory_orientation(const tiff *file, size_t at)
{
	uint32_t	entries;

	if (at > file->size || file->size - at < 2)
		return 0;
	entries = tiff_short(file, at);
	at += 2;

	for (uint32_t i = 0; i < entries; i++, at += TIFF_ENTRY_BYTES)
	{
		uint32_t	type;
		uint32_t	value;

		if (file->size - at < TIFF_ENTRY_BYTES)
			return 0;
		if (tiff_short(file, at) != TIFF_TAG_ORIENTATION)
			continue;
		type = tiff_short(file, at + 2);
		if (tiff_long(file, at + 4) != 1)
			return 0;
		if (type == TIFF_TYPE_SHORT)
			value = tiff_short(file, at + 8);
		else if (type == TIFF_TYPE_LONG)
			value = tiff_long(file, at + 8);
		else
			return 0;
		return value >= 1 && value <= 8 ? (int) value : 0;
	}
	return 0;
}

bool
vc_exif_present(const uint8_t *data, size_t size)
{
	return size >= EXIF_HEADER_BYTES && memcmp(data, "Exif", 5) == 0;
}

int
vc_exif_orientation(const uint8_t *data, size_t size)
{
	size_t		skip = vc_exif_present(data, size) ? EXIF_HEADER_BYTES : 0;
	tiff		file = {data + skip, size - skip, false};

	if (file.size < TIFF_HEADER_BYTES)
		return 0;
	if (memcmp(file.data, "MM", 2) == 0)
		file.big_endian = true;
	else if (memcmp(file.data, "II", 2) != 0)
		return 0;
	if (tiff_short(&file, 2) != 42)
		return 0;
	return directory_orientation(&file, tiff_long(&file, 4));
}

/* Exchanges two pixels. */
static inline void
swap_pixels(uint8_t *a, uint8_t *b)
{
	for (int c = 0; c < 3; c++)
	{
		uint8_t		keep = a[c];

		a[c] = b[c];
		b[c] = keep;
	}
}

/* Reverses every row. */
static void
mirror_x(uint8_t *pixels, size_t size)
{
	for (size_t y = 0; y < size; y++)
	{
		uint8_t    *row = pixels + y * size * 3;

		for (size_t x = 0; x < size / 2; x++)
			swap_pixels(row + x * 3, row + (size - 1 - x) * 3);
	}
}

/* Reverses the order of the rows. */
static void
mirror_y(uint8_t *pixels, size_t size)
{
	for (size_t y = 0; y < size / 2; y++)
	{
		uint8_t    *a = pixels + y * size * 3;
		uint8_t    *b = pixels + (size - 1 - y) * size * 3;

		for (size_t x = 0; x < size; x++)
			swap_pixels(a + x * 3, b + x * 3);
	}
}

/* Exchanges rows and columns. */
static void
transpose(uint8_t *pixels, size_t size)
{
	for (size_t y = 0; y < size; y++)
		for (size_t x = 0; x < y; x++)
			swap_pixels(pixels + (y * size + x) * 3, pixels + (x * size + y) * 3);
}

void
vc_orientation_apply(uint8_t *pixels, int size, int orientation)
{
	if (vc_orientation_mirrors_x(orientation))
		mirror_x(pixels, (size_t) size);
	if (vc_orientation_mirrors_y(orientation))
		mirror_y(pixels, (size_t) size);
	if (vc_orientation_swaps(orientation))
		transpose(pixels, (size_t) size);
}

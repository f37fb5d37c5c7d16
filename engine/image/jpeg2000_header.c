/*
 * jpeg2000_header.c
 *		What the header of a JPEG 2000 image says, before its library sees it.
 *
 * The library takes memory for each tile and component that a header of some
 * bytes names, so they are counted here first.
 */
#include "engine/image/jpeg2000_header.h"

#include <string.h>

#include "engine/image/xmp.h"

/* Markers, and the bytes of a tile part's own. */
#define SIZ			0xff51
#define COD			0xff52
#define SOT			0xff90
#define EOC			0xffd9
#define TILE_PART_BYTES 12

#define SIZ_BYTES	38			/* of the segment without its components */
#define MAX_COMPONENTS 16384
#define MAX_TILES	65535

static const uint8_t xmp_uuid[16] = {
	0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac
};

static uint32_t
read_short(const uint8_t *p)
{
	return (uint32_t) p[0] << 8 | p[1];
}

static uint32_t
read_long(const uint8_t *p)
{
	return read_short(p) << 16 | read_short(p + 2);
}

/* Tiles along one axis; more than there may be count as one too many. */
static int64_t
count_tiles(uint64_t length, uint64_t tile)
{
	uint64_t	count = (length + tile - 1) / tile;

	return count > MAX_TILES ? MAX_TILES + 1 : (int64_t) count;
}

/* The segment SIZ, which has `size` bytes behind its marker. */
static bool
take_size(const uint8_t *p, size_t size, vc_jpeg2000_header *header)
{
	uint64_t	right,
				bottom,
				left,
				top,
				tile_width,
				tile_height,
				tile_left,
				tile_top;

	if (size < SIZ_BYTES)
		return false;
	right = read_long(p + 4);
	bottom = read_long(p + 8);
	left = read_long(p + 12);
	top = read_long(p + 16);
	tile_width = read_long(p + 20);
	tile_height = read_long(p + 24);
	tile_left = read_long(p + 28);
	tile_top = read_long(p + 32);
	header->components = (int) read_short(p + 36);
	if (right <= left || bottom <= top || right - left > INT32_MAX || bottom - top > INT32_MAX ||
		tile_width == 0 || tile_height == 0 || tile_left > left || tile_top > top ||
		header->components == 0 || header->components > MAX_COMPONENTS ||
		(size_t) header->components * 3 > size - SIZ_BYTES)
		return false;
	header->width = (uint32_t) (right - left);
	header->height = (uint32_t) (bottom - top);
	header->tiles = count_tiles(right - tile_left, tile_width) * count_tiles(bottom - tile_top, tile_height);
	if (header->tiles > MAX_TILES)
		return false;
	for (int c = 0; c < header->components; c++)
	{
		int			bits = (p[SIZ_BYTES + c * 3] & 0x7f) + 1;

		header->bits = bits > header->bits ? bits : header->bits;
	}
	return true;
}

/*
 * Goes through the parts of tiles, which begin at `at` and say how long they are: how
 * much of the first part of each tile is there, and whether the end is.
 */
static void
measure_tiles(const uint8_t *data, size_t size, size_t at, vc_jpeg2000_header *header)
{
	double		there = 0;

	while (size - at >= TILE_PART_BYTES && read_short(data + at) == SOT)
	{
		size_t		length = read_long(data + at + 6);
		bool		is_first = data[at + 10] == 0;

		if (length == 0)		/* to the end */
			length = size - at > 2 ? size - at - 2 : size - at;
		if (length < TILE_PART_BYTES)
			break;
		there += !is_first ? 0 : length <= size - at ? 1 : (double) (size - at) / (double) length;
		at += length <= size - at ? length : size - at;
	}
	header->complete = size - at >= 2 && read_short(data + at) == EOC;
	header->missing = header->complete ? 0 : (int) (100 * (1 - there / (double) header->tiles) + 0.5);
	if (header->missing == 0 && !header->complete)
		header->missing = 1;
}

/* Reads the main header of a codestream. */
static bool
read_codestream(const uint8_t *data, size_t size, vc_jpeg2000_header *header)
{
	bool		has_size = false;
	size_t		at = 2;

	if (size < 4 || read_short(data) != 0xff4f)
		return false;
	while (size - at >= 4 && data[at] == 0xff)
	{
		uint32_t	marker = read_short(data + at);
		size_t		length = read_short(data + at + 2);

		if (marker == SOT)
			break;
		if (length < 2 || length > size - at - 2)
			break;
		if (marker == SIZ)
			has_size = take_size(data + at + 2, length, header);
		if (marker == COD && length >= 10)
			header->resolutions = data[at + 2 + 7];
		at += 2 + length;
	}
	if (has_size)
		measure_tiles(data, size, at, header);
	return has_size;
}

/*
 * The length of the box at data + at, the header's *skip bytes too; 0 where it makes no
 * sense.  The last box may go to the end of the file.
 */
static size_t
box_length(const uint8_t *data, size_t size, size_t at, size_t *skip)
{
	uint64_t	length = read_long(data + at);

	*skip = 8;
	if (length == 1 && size - at >= 16)
	{
		length = (uint64_t) read_long(data + at + 8) << 32 | read_long(data + at + 12);
		*skip = 16;
	}
	if (length == 0)
		length = size - at;
	return length < *skip ? 0 : length > size - at ? size - at : (size_t) length;
}

bool
vc_jpeg2000_header_read(const uint8_t *data, size_t size, vc_jpeg2000_header *header)
{
	bool		found = false;
	size_t		length;

	memset(header, 0, sizeof(*header));
	header->orientation = 1;
	if (size >= 4 && read_long(data) == 0xff4fff51)
		return read_codestream(data, size, header);
	header->in_boxes = true;
	for (size_t at = 0; at < size && size - at >= 8; at += length)
	{
		size_t		skip;
		int			stated;

		length = box_length(data, size, at, &skip);
		if (length == 0)
			break;
		if (memcmp(data + at + 4, "jp2c", 4) == 0 && !found)
		{
			found = read_codestream(data + at + skip, length - skip, header);
			if (!found)
				return false;
		}
		else if (memcmp(data + at + 4, "uuid", 4) == 0 && length - skip > sizeof(xmp_uuid) &&
				 memcmp(data + at + skip, xmp_uuid, sizeof(xmp_uuid)) == 0 &&
				 (stated = vc_xmp_orientation(data + at + skip + 16, length - skip - 16)) != 0)
			header->orientation = stated;
	}
	return found;
}

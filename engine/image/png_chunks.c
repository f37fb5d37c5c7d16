/*
 * png_chunks.c
 *		What the chunks of a PNG file say, without decoding it.
 *
 * A chunk is its length, its type, its data and a checksum, which is not looked
 * at here.
 */
#include "engine/image/png_chunks.h"

#include <string.h>

#include "engine/image/exif.h"
#include "engine/image/xmp.h"

#define SIGNATURE_BYTES 8
#define CHUNK_BYTES		12		/* of a chunk besides its data */
#define HEADER_BYTES	13

/* The keyword of a text with an XMP packet, the zero byte too. */
static const char xmp_keyword[] = "XML:com.adobe.xmp";

static uint32_t
big_endian(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

/* Takes the header; false where it makes no sense. */
static bool
take_header(const uint8_t *data, uint32_t length, vc_png_chunks *chunks)
{
	static const int components[] = {1, 0, 3, 1, 2, 0, 4};
	int			type;

	if (length != HEADER_BYTES || data[9] > 6 || components[data[9]] == 0)
		return false;
	type = data[9];
	chunks->width = big_endian(data);
	chunks->height = big_endian(data + 4);
	chunks->components = components[type];
	chunks->color_space = type == 3 ? "palette" : components[type] < 3 ? "grayscale" : "rgb";
	chunks->interlaced = data[12] != 0;
	return chunks->width > 0 && chunks->height > 0 &&
		chunks->width <= INT32_MAX && chunks->height <= INT32_MAX;
}

/* Takes what chunks behind the header say. */
static void
take_chunk(const uint8_t *type, const uint8_t *data, uint32_t length, vc_png_chunks *chunks)
{
	if (memcmp(type, "IEND", 4) == 0)
		chunks->complete = true;
	else if (memcmp(type, "eXIf", 4) == 0 && chunks->exif_orientation == 0)
		chunks->exif_orientation = vc_exif_orientation(data, length);
	else if (memcmp(type, "iTXt", 4) == 0 && length > sizeof(xmp_keyword) && chunks->xmp_orientation == 0 &&
			 memcmp(data, xmp_keyword, sizeof(xmp_keyword)) == 0)
		chunks->xmp_orientation = vc_xmp_orientation(data, length);
}

bool
vc_png_chunks_read(const uint8_t *data, size_t size, vc_png_chunks *chunks)
{
	bool		has_header = false;

	memset(chunks, 0, sizeof(*chunks));
	for (size_t at = SIGNATURE_BYTES; at <= size && size - at >= CHUNK_BYTES && !chunks->complete;)
	{
		uint32_t	length = big_endian(data + at);
		const uint8_t *type = data + at + 4;

		if (length > size - at - CHUNK_BYTES)
			break;
		if (has_header)
			take_chunk(type, type + 4, length, chunks);
		else if (memcmp(type, "IHDR", 4) != 0 || !take_header(type + 4, length, chunks))
			return false;
		has_header = true;
		at += CHUNK_BYTES + length;
	}
	return has_header;
}

int
vc_png_orientation(const vc_png_chunks *chunks)
{
	if (chunks->exif_orientation != 0)
		return chunks->exif_orientation;
	return chunks->xmp_orientation != 0 ? chunks->xmp_orientation : 1;
}

/*
 * jpeg_end.c
 *		Whether the data of a JPEG image come to their end.
 */
#include "engine/image/jpeg_end.h"

#include <string.h>

/* Bytes behind a 0xff that are no marker of their own, or end no scan. */
#define STUFFED		0x00
#define TEM			0x01
#define RST0		0xd0
#define RST7		0xd7
#define EOI			0xd9

bool
vc_jpeg_has_end(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	while ((data = memchr(data, 0xff, (size_t) (end - data))) != NULL)
	{
		size_t		length;

		while (data < end && *data == 0xff)
			data++;
		if (data == end || *data == EOI)
			return data != end;
		if (*data == STUFFED || *data == TEM || (*data >= RST0 && *data <= RST7))
			continue;
		if (end - data < 3)
			return false;
		length = (size_t) (data[1] << 8 | data[2]);
		if (length > (size_t) (end - data) - 1)
			return false;
		data += 1 + length;
	}
	return false;
}

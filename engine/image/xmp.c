/*
 * xmp.c
 *		The orientation that an XMP packet states.
 *
 * The packet is not parsed as XML: the property's name is looked for with the
 * prefix that all programs give it, as Pillow does.
 */
#include "engine/image/xmp.h"

#include <string.h>

static const char property[] = "tiff:Orientation";

/* What follows the name: ="6", = '6' or >6. */
static int
value_behind(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n' || *p == '='))
		p++;
	if (p == end || (*p != '"' && *p != '\'' && *p != '>'))
		return 0;
	for (p++; p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'); p++)
		continue;
	return p < end && *p >= '1' && *p <= '8' ? *p - '0' : 0;
}

int
vc_xmp_orientation(const uint8_t *data, size_t size)
{
	const size_t length = sizeof(property) - 1;
	const uint8_t *end = data + size;

	while (size >= length &&
		   (data = memchr(data, property[0], (size_t) (end - data))) != NULL &&
		   (size_t) (end - data) >= length)
	{
		int			value = memcmp(data, property, length) == 0 ? value_behind(data + length, end) : 0;

		if (value != 0)
			return value;
		data++;
	}
	return 0;
}

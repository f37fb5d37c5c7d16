/*
 * safetensors_maker.h
 *		Makes small safetensors files, good and bad, from their header's text.
 *
 * A file lies in memory of exactly its size, so that a sanitizer or valgrind
 * sees the first byte that is read beyond it.
 */
#ifndef VISCLF_SAFETENSORS_MAKER_H
#define VISCLF_SAFETENSORS_MAKER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A file of this header and that many bytes of data, 0, 1, 2, ... */
static inline uint8_t *
make_file(const char *header, size_t data_size, size_t *size)
{
	size_t		length = strlen(header);
	uint8_t    *file = malloc(8 + length + data_size);

	*size = 8 + length + data_size;
	for (int i = 0; i < 8; i++)
		file[i] = (uint8_t) ((uint64_t) length >> (8 * i));
	memcpy(file + 8, header, length);
	for (size_t i = 0; i < data_size; i++)
		file[8 + length + i] = (uint8_t) i;
	return file;
}

/* One tensor called t with these fields. */
#define T(fields)	"{\"t\":{" fields "}}"
#define DTYPE(d)	"\"dtype\":\"" d "\""
#define SHAPE(s)	"\"shape\":[" s "]"
#define AT(o)		"\"data_offsets\":[" o "]"
#define F32(shape, offsets) DTYPE("F32") "," SHAPE(shape) "," AT(offsets)
#define META(m)		"{\"__metadata__\":{" m "}}"

#endif							/* VISCLF_SAFETENSORS_MAKER_H */

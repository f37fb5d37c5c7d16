/*
 * jpeg_end.h
 *		Whether the data of a JPEG image come to their end.
 */
#ifndef VISCLF_JPEG_END_H
#define VISCLF_JPEG_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * True where data[size], which begin behind the header of a scan, have the
 * marker that ends an image.  Nothing is decoded: segments are skipped, scans
 * searched.
 */
extern bool vc_jpeg_has_end(const uint8_t *data, size_t size);

#endif							/* VISCLF_JPEG_END_H */

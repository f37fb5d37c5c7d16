/*
 * jpeg.h
 *		JPEG images, by libjpeg.
 */
#ifndef VISCLF_JPEG_H
#define VISCLF_JPEG_H

#include "engine/image/image.h"

/* As vc_image_header, of bytes that begin as a JPEG does. */
extern vc_status vc_jpeg_probe(const uint8_t *data, size_t size,
							   vc_image_info *info, vc_error *error);

/* As vc_image_load, of bytes that begin as a JPEG does. */
extern vc_status vc_jpeg_load(const uint8_t *data, size_t size,
							  const vc_decode_options *options,
							  uint8_t *out, vc_flaw *flaw, vc_error *error);

#endif							/* VISCLF_JPEG_H */

/*
 * xmp.h
 *		The orientation that an XMP packet states.
 */
#ifndef VISCLF_XMP_H
#define VISCLF_XMP_H

#include <stddef.h>
#include <stdint.h>

/*
 * tiff:Orientation of a packet of XML, as an attribute or an element: 1 to 8, or
 * 0 where it states none.
 */
extern int	vc_xmp_orientation(const uint8_t *data, size_t size);

#endif							/* VISCLF_XMP_H */

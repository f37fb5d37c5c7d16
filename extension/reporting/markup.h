/*
 * markup.h
 *		Text for HTML and SVG.
 *
 * Output is ASCII alone, with other characters as numeric references, so that
 * a page reads the same in whatever encoding it is saved.
 */
#ifndef VISCLF_MARKUP_H
#define VISCLF_MARKUP_H

#include "extension/support/pgcompat.h"

#include "lib/stringinfo.h"

#include "engine/image/thumbnail.h"

/*
 * Appends any text, as content or in a quoted attribute. Characters that XML
 * does not allow become U+FFFD; text much longer than a name is shortened.
 * NULL appends nothing.
 */
extern void markup_text(StringInfo out, const char *text);

/* The same, shortened to this many columns of a terminal, with an ellipsis. */
extern void markup_short_text(StringInfo out, const char *text, int columns);

/* Appends text of unknown direction, in HTML: <bdi>text</bdi>. */
extern void markup_name(StringInfo out, const char *text);

/* Appends a picture as a data: URI. */
extern void markup_image(StringInfo out, const vc_thumbnail *picture);

/* Appends a whole number with its thousands grouped, as 12,345. */
extern void markup_count(StringInfo out, int64 count);

/* Appends a share as a percentage of one decimal; an em dash for NAN. */
extern void markup_percent(StringInfo out, double share);

#endif							/* VISCLF_MARKUP_H */

/*
 * json.h
 *		The JSON that a safetensors header is made of: strings and
 *		integers.
 *
 * The reader goes forward over a text and does not recurse; the caller knows
 * what must come next.  Every function that takes something skips the white
 * space before it; one that returns false has set `expected`.
 */
#ifndef VISCLF_JSON_H
#define VISCLF_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VC_SHOWN_SIZE	72		/* of a name as messages show it */

typedef struct vc_json
{
	const uint8_t *next;		/* where the reader is */
	const uint8_t *end;
	const char *expected;		/* what was expected, for the message */
} vc_json;

/* True if the bytes are UTF-8 as RFC 3629 defines it. */
extern bool vc_utf8_valid(const uint8_t *text, size_t length);

/* Takes one of the marks { } [ ] and :. */
extern bool vc_json_take(vc_json *json, char mark);

/* Takes the mark if it comes next; false is not an error. */
extern bool vc_json_take_if(vc_json *json, char mark);

/*
 * Takes a string, in a text that is valid UTF-8, and writes it to out without
 * its escapes and with a closing zero.  The result is never longer than the
 * string with its quotes.  A string that contains a zero is refused.
 */
extern bool vc_json_string(vc_json *json, char *out, size_t *length);

/* Takes an integer of 0..INT64_MAX: digits only. */
extern bool vc_json_integer(vc_json *json, int64_t *value);

/* True if only white space is left. */
extern bool vc_json_at_end(vc_json *json);

/* Writes text as a JSON string to out, or nothing if that is NULL; returns its length. */
extern size_t vc_json_quote(const char *text, char *out);

/* Makes a name fit for a message: one line, cut between characters; returns out. */
extern const char *vc_show_name(const char *name, char out[VC_SHOWN_SIZE]);

#endif							/* VISCLF_JSON_H */

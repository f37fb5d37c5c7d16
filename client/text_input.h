/*
 * text_input.h
 *		A text file of any encoding as UTF-8, in little memory.
 */
#ifndef VISCLF_CLIENT_TEXT_INPUT_H
#define VISCLF_CLIENT_TEXT_INPUT_H

#include <iconv.h>
#include <stdbool.h>
#include <stdio.h>

#include "engine/support/status.h"

#define TEXT_RAW_BYTES	65536
/* No encoding has more UTF-8 bytes than four for each of its own. */
#define TEXT_BYTES		(4 * TEXT_RAW_BYTES)

typedef struct text_input
{
	FILE	   *file;
	const char *name;
	iconv_t		converter;
	char		encoding[64];	/* what the file is read as */
	bool		broken;			/* what comes after the text in hand is no text */
	size_t		raw_count;
	size_t		next;			/* place in text[] */
	size_t		count;
	char		raw[TEXT_RAW_BYTES];
	char		text[TEXT_BYTES];
} text_input;

/*
 * Opens a file.  Its encoding is that which is given (any that iconv knows),
 * or that which its byte order mark says, or UTF-8.  A byte order mark is no
 * part of the text.  The name must outlive the input.  Errors:
 * VC_INVALID_ARGUMENT.
 */
extern vc_status text_open(text_input *input, const char *name, const char *encoding, vc_error *error);

/* Makes more text unless there is some; false at the end or at what is no text. */
extern bool text_fill(text_input *input);

/* The next byte of UTF-8; EOF at the end or at what is no text. */
static inline int
text_byte(text_input *input)
{
	if (input->next >= input->count && !text_fill(input))
		return EOF;
	return (unsigned char) input->text[input->next++];
}

/* The byte after that, which stays. */
static inline int
text_peek(text_input *input)
{
	if (input->next >= input->count && !text_fill(input))
		return EOF;
	return (unsigned char) input->text[input->next];
}

extern void text_close(text_input *input);

#endif							/* VISCLF_CLIENT_TEXT_INPUT_H */

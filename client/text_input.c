/*
 * text_input.c
 *		A text file of any encoding as UTF-8, in little memory.
 *
 * UTF-8 goes through iconv as well, which finds what is not valid.
 */
#include "client/text_input.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* How a file of an encoding begins. */
typedef struct byte_order_mark
{
	const char *bytes;
	size_t		length;
	const char *encoding;
} byte_order_mark;

static const byte_order_mark marks[] = {
	{"\xef\xbb\xbf", 3, "UTF-8"},
	{"\xff\xfe", 2, "UTF-16LE"},
	{"\xfe\xff", 2, "UTF-16BE"},
};

/* Reads more bytes behind those that are left. */
static void
read_more(text_input *input)
{
	input->raw_count += fread(input->raw + input->raw_count, 1,
							  sizeof(input->raw) - input->raw_count, input->file);
}

/* Drops the first bytes. */
static void
drop_raw(text_input *input, size_t bytes)
{
	memmove(input->raw, input->raw + bytes, input->raw_count - bytes);
	input->raw_count -= bytes;
}

/* Sets the encoding by the mark that the file begins with, and drops the mark. */
static void
take_mark(text_input *input, const char *encoding)
{
	snprintf(input->encoding, sizeof(input->encoding), "%s", encoding ? encoding : "UTF-8");
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
	{
		const byte_order_mark *mark = &marks[i];

		if (input->raw_count < mark->length || memcmp(input->raw, mark->bytes, mark->length) != 0)
			continue;
		if (encoding == NULL)
			snprintf(input->encoding, sizeof(input->encoding), "%s", mark->encoding);
		if (strcasecmp(input->encoding, mark->encoding) == 0)
			drop_raw(input, mark->length);
		return;
	}
}

vc_status
text_open(text_input *input, const char *name, const char *encoding, vc_error *error)
{
	memset(input, 0, offsetof(text_input, raw));
	input->name = name;
	input->converter = (iconv_t) - 1;
	input->file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
	if (input->file == NULL)
		return vc_fail(error, VC_INVALID_ARGUMENT, "cannot open \"%s\": %s", name, strerror(errno));
	read_more(input);
	if (ferror(input->file))
		return vc_fail(error, VC_INVALID_ARGUMENT, "cannot read \"%s\": %s", name, strerror(errno));
	take_mark(input, encoding);
	input->converter = iconv_open("UTF-8", input->encoding);
	if (input->converter == (iconv_t) - 1)
	{
		vc_fail(error, VC_INVALID_ARGUMENT, "encoding \"%s\" is not known", input->encoding);
		return vc_hint(error, VC_INVALID_ARGUMENT, "The command iconv -l lists those that are, such as windows-1252 and macintosh.");
	}
	return VC_OK;
}

bool
text_fill(text_input *input)
{
	while (input->next >= input->count && !input->broken)
	{
		char	   *from = input->raw;
		char	   *to = input->text;
		size_t		left,
					room = sizeof(input->text);

		read_more(input);
		left = input->raw_count;
		if (left == 0)
			return false;
		if (iconv(input->converter, &from, &left, &to, &room) == (size_t) -1 &&
			(errno == EILSEQ || from == input->raw))
			input->broken = true;
		drop_raw(input, (size_t) (from - input->raw));
		input->next = 0;
		input->count = (size_t) (to - input->text);
	}
	return input->next < input->count;
}

void
text_close(text_input *input)
{
	if (input->converter != (iconv_t) - 1)
		iconv_close(input->converter);
	if (input->file != NULL && input->file != stdin)
		fclose(input->file);
	input->file = NULL;
}

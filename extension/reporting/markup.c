/*
 * markup.c
 *		Text for HTML and SVG.
 */
#include "extension/reporting/markup.h"

#include <math.h>

#include "common/base64.h"
#include "mb/pg_wchar.h"

#define MOST_TEXT 400			/* columns */
#define MOST_NAME 120

/* Appends one character. */
static void
append_character(StringInfo out, pg_wchar c)
{
	bool		is_xml = c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0xd7ff) ||
		(c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);

	if (!is_xml || (c >= 0x7f && c <= 0x9f))
		appendStringInfoString(out, "&#xFFFD;");
	else if (c > 0x7f)
		appendStringInfo(out, "&#x%X;", c);
	else if (c == '&')
		appendStringInfoString(out, "&amp;");
	else if (c == '<')
		appendStringInfoString(out, "&lt;");
	else if (c == '>')
		appendStringInfoString(out, "&gt;");
	else if (c == '"')
		appendStringInfoString(out, "&quot;");
	else if (c == '\'')
		appendStringInfoString(out, "&#39;");
	else
		appendStringInfoChar(out, (char) c);
}

/* Returns text as UTF-8, if it is text: SQL_ASCII may hold any bytes. */
static const unsigned char *
to_utf8(const char *text)
{
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return (const unsigned char *) text;
	return (const unsigned char *) pg_server_to_any(text, strlen(text), PG_UTF8);
}

void
markup_short_text(StringInfo out, const char *text, int columns)
{
	const unsigned char *at;
	size_t		left;
	int			length;

	if (text == NULL)
		return;
	at = to_utf8(text);
	for (left = strlen((const char *) at); left > 0; left -= length, at += length)
	{
		bool		legal;

		length = pg_utf_mblen(at);
		legal = length <= left && pg_utf8_islegal(at, length);
		columns -= legal ? Max(1, pg_encoding_dsplen(PG_UTF8, (const char *) at)) : 1;
		if (columns < 0)
		{
			appendStringInfoString(out, "&#x2026;");
			return;
		}
		append_character(out, legal ? utf8_to_unicode(at) : 0xfffd);
		if (!legal)
			length = 1;
	}
}

void
markup_text(StringInfo out, const char *text)
{
	markup_short_text(out, text, MOST_TEXT);
}

void
markup_name(StringInfo out, const char *text)
{
	appendStringInfoString(out, "<bdi>");
	markup_short_text(out, text, MOST_NAME);
	appendStringInfoString(out, "</bdi>");
}

void
markup_image(StringInfo out, const vc_thumbnail *picture)
{
	int			room = pg_b64_enc_len(picture->size);
	int			length;

	appendStringInfoString(out, "data:image/jpeg;base64,");
	enlargeStringInfo(out, room);
	length = pg_b64_encode((const Base64Input *) picture->data, picture->size, out->data + out->len, room);
	if (length < 0)
		elog(ERROR, "could not encode a picture");
	out->len += length;
	out->data[out->len] = '\0';
}

void
markup_count(StringInfo out, int64 count)
{
	char		digits[32];
	int			length = snprintf(digits, sizeof(digits), "%lld", (long long) count);

	for (int i = 0; i < length; i++)
	{
		appendStringInfoChar(out, digits[i]);
		if (digits[i] != '-' && i < length - 1 && (length - 1 - i) % 3 == 0)
			appendStringInfoChar(out, ',');
	}
}

void
markup_percent(StringInfo out, double share)
{
	if (isnan(share))
		appendStringInfoString(out, "&#8212;");
	else
		appendStringInfo(out, "%.1f&#160;%%", 100 * share);
}

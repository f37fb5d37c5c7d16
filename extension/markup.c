/*
 * markup.c
 *		Text for HTML and SVG.
 */
#include "markup.h"

#include <math.h>

#include "common/base64.h"
#include "mb/pg_wchar.h"

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

void
markup_short_text(StringInfo out, const char *text, int characters)
{
	const unsigned char *at;
	int			left;
	int			length;

	if (text == NULL)
		return;
	at = (const unsigned char *) pg_server_to_any(text, strlen(text), PG_UTF8);
	for (left = strlen((const char *) at); left > 0; left -= length, at += length)
	{
		if (characters-- == 0)
		{
			appendStringInfoString(out, "&#x2026;");
			return;
		}
		length = pg_utf_mblen(at);
		if (length <= left && pg_utf8_islegal(at, length))
			append_character(out, utf8_to_unicode(at));
		else
		{
			append_character(out, 0xfffd);
			length = 1;
		}
	}
}

void
markup_text(StringInfo out, const char *text)
{
	markup_short_text(out, text, -1);
}

void
markup_name(StringInfo out, const char *text)
{
	appendStringInfoString(out, "<bdi>");
	markup_text(out, text);
	appendStringInfoString(out, "</bdi>");
}

void
markup_image(StringInfo out, const vc_thumbnail *picture)
{
	int			room = pg_b64_enc_len(picture->size);
	int			length;

	appendStringInfoString(out, "data:image/jpeg;base64,");
	enlargeStringInfo(out, room);
	length = pg_b64_encode((const char *) picture->data, picture->size, out->data + out->len, room);
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
		appendStringInfoString(out, "&mdash;");
	else
		appendStringInfo(out, "%.1f&nbsp;%%", 100 * share);
}

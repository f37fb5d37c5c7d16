/*
 * json.c
 *		Reading and writing a safetensors header's JSON.
 */
#include "engine/weights/json.h"

#include <string.h>

/* Length of the UTF-8 character at text; 0 if there is none. */
static size_t
character_length(const uint8_t *text, size_t left)
{
	uint8_t		first = text[0];
	uint8_t		low = 0x80,
				high = 0xbf;
	size_t		length;

	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		length = 2;
	else if (first >= 0xe0 && first <= 0xef)
		length = 3;
	else if (first >= 0xf0 && first <= 0xf4)
		length = 4;
	else
		return 0;

	/* Refuse longer forms than needed, surrogates, and all above U+10FFFF. */
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	if (left < length || text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

bool
vc_utf8_valid(const uint8_t *text, size_t length)
{
	for (size_t i = 0; i < length;)
	{
		size_t		step = character_length(text + i, length - i);

		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

static bool
expected(vc_json *json, const char *what)
{
	json->expected = what;
	return false;
}

static void
skip_space(vc_json *json)
{
	while (json->next < json->end &&
		   (*json->next == ' ' || *json->next == '\n' ||
			*json->next == '\r' || *json->next == '\t'))
		json->next++;
}

bool
vc_json_take_if(vc_json *json, char mark)
{
	skip_space(json);
	if (json->next == json->end || *json->next != (uint8_t) mark)
		return false;
	json->next++;
	return true;
}

bool
vc_json_take(vc_json *json, char mark)
{
	if (vc_json_take_if(json, mark))
		return true;
	switch (mark)
	{
		case '{':
			return expected(json, "\"{\"");
		case '}':
			return expected(json, "\",\" or \"}\"");
		case '[':
			return expected(json, "\"[\"");
		case ']':
			return expected(json, "\",\" or \"]\"");
		default:
			return expected(json, "\":\"");
	}
}

bool
vc_json_at_end(vc_json *json)
{
	skip_space(json);
	return json->next == json->end || expected(json, "the end of the header");
}

/* Takes the four digits of \uXXXX. */
static bool
take_hex(vc_json *json, uint32_t *value)
{
	*value = 0;
	if (json->end - json->next < 4)
		return expected(json, "four hexadecimal digits");
	for (int i = 0; i < 4; i++)
	{
		uint8_t		c = json->next[i];

		if (c >= '0' && c <= '9')
			*value = *value * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*value = *value * 16 + ((c | 0x20) - 'a' + 10);
		else
			return expected(json, "four hexadecimal digits");
	}
	json->next += 4;
	return true;
}

/* Takes what follows \u, which may be a pair of surrogates. */
static bool
take_code_point(vc_json *json, uint32_t *code)
{
	uint32_t	low;

	if (!take_hex(json, code))
		return false;
	if (*code == 0)
		return expected(json, "a string without U+0000");
	if (*code < 0xd800 || *code > 0xdfff)
		return true;
	if (*code >= 0xdc00 || json->end - json->next < 2 ||
		json->next[0] != '\\' || json->next[1] != 'u')
		return expected(json, "a pair of surrogates");
	json->next += 2;
	if (!take_hex(json, &low))
		return false;
	if (low < 0xdc00 || low > 0xdfff)
		return expected(json, "a pair of surrogates");
	*code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* Writes a code point as UTF-8; returns its length. */
static size_t
put_code_point(uint32_t code, char *out)
{
	if (code < 0x80)
	{
		out[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = (char) (0xc0 | code >> 6);
		out[1] = (char) (0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000)
	{
		out[0] = (char) (0xe0 | code >> 12);
		out[1] = (char) (0x80 | (code >> 6 & 0x3f));
		out[2] = (char) (0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char) (0xf0 | code >> 18);
	out[1] = (char) (0x80 | (code >> 12 & 0x3f));
	out[2] = (char) (0x80 | (code >> 6 & 0x3f));
	out[3] = (char) (0x80 | (code & 0x3f));
	return 4;
}

/* Takes what follows a backslash; adds its meaning to out. */
static bool
take_escape(vc_json *json, char *out, size_t *length)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *found;
	uint32_t	code;

	if (json->next == json->end || *json->next == '\0')
		return expected(json, "an escape");
	if (*json->next == 'u')
	{
		json->next++;
		if (!take_code_point(json, &code))
			return false;
		*length += put_code_point(code, out + *length);
		return true;
	}
	found = strchr(escapes, *json->next);
	if (found == NULL)
		return expected(json, "an escape");
	json->next++;
	out[(*length)++] = meanings[found - escapes];
	return true;
}

bool
vc_json_string(vc_json *json, char *out, size_t *length)
{
	*length = 0;
	if (!vc_json_take_if(json, '"'))
		return expected(json, "a string");
	for (;;)
	{
		if (json->next == json->end)
			return expected(json, "the end of a string");
		if (*json->next < 0x20)
			return expected(json, "a string without control characters");
		if (*json->next == '"')
			break;
		if (*json->next != '\\')
			out[(*length)++] = (char) *json->next++;
		else
		{
			json->next++;
			if (!take_escape(json, out, length))
				return false;
		}
	}
	json->next++;
	out[*length] = '\0';
	return true;
}

bool
vc_json_integer(vc_json *json, int64_t *value)
{
	const uint8_t *first;

	skip_space(json);
	first = json->next;
	*value = 0;
	while (json->next < json->end && *json->next >= '0' && *json->next <= '9')
	{
		int			digit = *json->next - '0';

		if (*value > (INT64_MAX - digit) / 10)
			return expected(json, "an integer below 2^63");
		*value = *value * 10 + digit;
		json->next++;
	}
	if (json->next == first || (*first == '0' && json->next - first > 1))
		return expected(json, "a plain integer");
	return true;
}

size_t
vc_json_quote(const char *text, char *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t		length = 0;

#define PUT(c) do { if (out != NULL) out[length] = (char) (c); length++; } while (0)
	PUT('"');
	for (const char *p = text; *p != '\0'; p++)
	{
		unsigned char c = (unsigned char) *p;

		if (c < 0x20)
		{
			PUT('\\');
			PUT('u');
			PUT('0');
			PUT('0');
			PUT(hex[c >> 4]);
			PUT(hex[c & 15]);
			continue;
		}
		if (c == '"' || c == '\\')
			PUT('\\');
		PUT(c);
	}
	PUT('"');
#undef PUT
	return length;
}

const char *
vc_show_name(const char *name, char out[VC_SHOWN_SIZE])
{
	static const char dots[] = "...";
	size_t		length = strlen(name);
	bool		cut = length >= VC_SHOWN_SIZE;

	if (cut)
	{
		length = VC_SHOWN_SIZE - sizeof(dots);
		while (length > 0 && ((uint8_t) name[length] & 0xc0) == 0x80)
			length--;
	}
	for (size_t i = 0; i < length; i++)
		out[i] = (uint8_t) name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i];
	strcpy(out + length, cut ? dots : "");
	return out;
}

/*
 * column.c
 *		The names of columns.
 *
 * Bytes of letters beyond ASCII are kept: PostgreSQL takes them without quotes.
 */
#include "client/column.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Cuts a name of UTF-8 to what PostgreSQL keeps of it, between two letters. */
static size_t
cut_name(const char *name, size_t length)
{
	if (length <= COLUMN_NAME_BYTES)
		return length;
	length = COLUMN_NAME_BYTES;
	while (length > 0 && (name[length] & 0xc0) == 0x80)
		length--;
	return length;
}

void
column_name(const char *field, int number, char name[COLUMN_NAME_BYTES + 1])
{
	char		made[COLUMN_NAME_BYTES + 8];
	size_t		length = 0;

	for (; *field != '\0' && length < sizeof(made) - 2; field++)
	{
		char		c = *field;

		if (c >= 'A' && c <= 'Z')
			c = (char) (c - 'A' + 'a');
		else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80)))
			c = '_';
		if (c >= '0' && c <= '9' && length == 0)
			made[length++] = '_';
		if (c != '_' || (length > 0 && made[length - 1] != '_'))
			made[length++] = c;
	}
	made[length] = '\0';
	length = cut_name(made, length);
	while (length > 0 && made[length - 1] == '_')
		length--;
	made[length] = '\0';
	if (length > 0)
		memcpy(name, made, length + 1);
	else
		snprintf(name, COLUMN_NAME_BYTES + 1, "column_%d", number);
}

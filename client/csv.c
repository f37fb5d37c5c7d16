/*
 * csv.c
 *		A catalogue: a CSV file with a header, record by record.
 */
#include "client/csv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* No record of a catalogue is longer; one that is has a quote too many. */
#define MAX_RECORD	(64 * 1024 * 1024)

static const char delimiters[] = ",;\t|";

/* Appends a byte to the record. */
static void
append(csv_reader *csv, char byte)
{
	if (csv->length == csv->room)
	{
		size_t		room = csv->room > 0 ? csv->room * 2 : 4096;
		char	   *text = realloc(csv->text, room);

		if (text == NULL)
		{
			csv->no_memory = true;
			return;
		}
		csv->text = text;
		csv->room = room;
	}
	csv->text[csv->length++] = byte;
}

/* Begins a field. */
static void
begin_field(csv_reader *csv)
{
	if (csv->count == csv->places)
	{
		int			places = csv->places > 0 ? csv->places * 2 : 64;
		size_t	   *start = realloc(csv->start, (size_t) places * sizeof(*start));

		if (start == NULL)
		{
			csv->no_memory = true;
			return;
		}
		csv->start = start;
		csv->places = places;
	}
	csv->start[csv->count++] = csv->length;
}

/* Counts the line that a byte ends; CR LF is one end. */
static void
count_line(csv_reader *csv, int byte)
{
	if (byte == '\n' || (byte == '\r' && text_peek(&csv->input) != '\n'))
		csv->next_line++;
}

/* Takes a byte that is in quotes; false where it ends them. */
static bool
take_quoted(csv_reader *csv, int byte)
{
	if (byte == '"')
	{
		if (text_peek(&csv->input) != '"')
			return false;
		text_byte(&csv->input);
	}
	append(csv, (char) byte);
	return true;
}

/* Takes a byte that is not in quotes; false where it ends the record. */
static bool
take_plain(csv_reader *csv, int byte, bool *quoted)
{
	if (byte == '\r' && text_peek(&csv->input) == '\n')
	{
		text_byte(&csv->input);
		csv->next_line++;
	}
	if (byte == '\r' || byte == '\n')
		return false;
	if (byte == '"' && csv->start[csv->count - 1] == csv->length)
		*quoted = true;
	else if (byte == csv->delimiter)
	{
		append(csv, '\0');
		begin_field(csv);
	}
	else
		append(csv, (char) byte);
	return true;
}

/* Fails where the bytes of the record are wrong. */
static vc_status
check_bytes(const csv_reader *csv, int byte, bool quoted, vc_error *error)
{
	const char *name = csv->input.name;

	if (csv->no_memory)
		return vc_no_memory(error, csv->length);
	if (csv->length > MAX_RECORD || (byte == EOF && quoted && !csv->input.broken))
		return vc_fail(error, VC_CORRUPT_DATA, "a quote of the record in line %lld of \"%s\" does not end",
					   csv->line, name);
	if (byte == '\0')
	{
		vc_fail(error, VC_CORRUPT_DATA, "line %lld of \"%s\" has a zero byte", csv->next_line, name);
		return vc_hint(error, VC_CORRUPT_DATA, "A file of UTF-16 may need --encoding UTF-16LE.");
	}
	if (byte == EOF && csv->input.broken)
	{
		vc_fail(error, VC_CORRUPT_DATA, "line %lld of \"%s\" has bytes that are no %s",
				csv->next_line, name, csv->input.encoding);
		return vc_hint(error, VC_CORRUPT_DATA,
					   "Save the file as UTF-8, or say how it is encoded: --encoding windows-1252 is what Excel writes in Western Europe.");
	}
	return VC_OK;
}

/* Reads a record as it is; csv->count is 0 at the end of the file. */
static vc_status
read_record(csv_reader *csv, vc_error *error)
{
	bool		quoted = false;
	bool		more = true;
	vc_status	status = VC_OK;

	csv->line = csv->next_line;
	csv->length = 0;
	csv->count = 0;
	while (more && status == VC_OK)
	{
		int			byte = text_byte(&csv->input);

		if (byte != EOF && csv->count == 0)
			begin_field(csv);
		status = check_bytes(csv, byte, quoted, error);
		if (status != VC_OK || byte == EOF)
			break;
		count_line(csv, byte);
		if (quoted)
			quoted = take_quoted(csv, byte);
		else
			more = take_plain(csv, byte, &quoted);
	}
	append(csv, '\0');
	return status != VC_OK ? status : csv->no_memory ? vc_no_memory(error, csv->length) : VC_OK;
}

/* True for a line without anything but blanks and delimiters, as spreadsheets leave them. */
static bool
is_blank(const csv_reader *csv)
{
	for (size_t i = 0; i + 1 < csv->length; i++)
		if (csv->text[i] != '\0' && csv->text[i] != ' ' && csv->text[i] != '\t')
			return false;
	return true;
}

vc_status
csv_next(csv_reader *csv, bool *more, vc_error *error)
{
	vc_status	status;

	do
		status = read_record(csv, error);
	while (status == VC_OK && csv->count > 0 && is_blank(csv));
	*more = csv->count > 0;
	if (status != VC_OK || csv->count == 0 || csv->columns == 0 || csv->count == csv->columns)
		return status;
	vc_fail(error, VC_CORRUPT_DATA, "the record in line %lld of \"%s\" has %d fields, the header has %d",
			csv->line, csv->input.name, csv->count, csv->columns);
	return vc_hint(error, VC_CORRUPT_DATA,
				   "A field with a delimiter in it must be in double quotes; --delimiter says which one it is.");
}

/* What separates the fields: what the first line has most of, outside of quotes. */
static char
find_delimiter(text_input *input)
{
	size_t		found[sizeof(delimiters) - 1] = {0};
	bool		quoted = false;
	int			best = 0;

	text_peek(input);
	for (size_t i = input->next; i < input->count; i++)
	{
		const char *which = strchr(delimiters, input->text[i]);

		if (input->text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (input->text[i] == '\n' || input->text[i] == '\r'))
			break;
		else if (!quoted && which != NULL && *which != '\0')
			found[which - delimiters]++;
	}
	for (int i = 1; i < (int) sizeof(found) / (int) sizeof(found[0]); i++)
		if (found[i] > found[best])
			best = i;
	return delimiters[best];
}

/* Takes Excel's line "sep=;", which names the delimiter. */
static bool
take_separator_line(csv_reader *csv)
{
	text_input *input = &csv->input;
	const char *text = input->text + input->next;

	text_peek(input);
	if (input->count - input->next < 6 || strncasecmp(text, "sep=", 4) != 0 ||
		(text[5] != '\r' && text[5] != '\n'))
		return false;
	csv->delimiter = text[4];
	input->next += text[5] == '\r' && text[6] == '\n' ? 7 : 6;
	csv->next_line++;
	return true;
}

vc_status
csv_open(csv_reader *csv, const char *name, const char *encoding, char delimiter, vc_error *error)
{
	vc_status	status;
	bool		more;

	memset(csv, 0, sizeof(*csv));
	csv->next_line = 1;
	status = text_open(&csv->input, name, encoding, error);
	if (status != VC_OK)
		return status;
	if (!take_separator_line(csv))
		csv->delimiter = find_delimiter(&csv->input);
	if (delimiter != '\0')
		csv->delimiter = delimiter;
	status = csv_next(csv, &more, error);
	if (status == VC_OK && !more)
		status = vc_fail(error, VC_CORRUPT_DATA, "\"%s\" has no header: it is empty", name);
	csv->columns = csv->count;
	return status;
}

void
csv_close(csv_reader *csv)
{
	text_close(&csv->input);
	free(csv->text);
	free(csv->start);
	csv->text = NULL;
	csv->start = NULL;
}

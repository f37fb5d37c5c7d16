/*
 * catalogue.c
 *		The catalogue into a temporary table of text.
 */
#include <stdlib.h>
#include <string.h>

#include "client/column.h"
#include "client/csv.h"
#include "client/load.h"
#include "client/message.h"

/* Columns that a table of PostgreSQL can have beside line and key. */
#define MAX_COLUMNS 1500

/* Adds a column to those that get values. */
static load_column *
add_column(load *l, const char *name, char *source)
{
	load_column *column;

	for (int i = 0; i < l->count; i++)
		if (strcmp(l->columns[i].name, name) == 0)
			fatal("Rename one of them in the catalogue, or say --image-column, --label-column or --file-column.",
				  "two columns would have the name \"%s\"", name);
	l->columns = reallocate(l->columns, (size_t) (l->count + 1) * sizeof(*l->columns));
	column = &l->columns[l->count++];
	*column = (load_column) {.name = copy_string(name), .quoted = server_quote(l->conn, name), .source = source};
	return column;
}

/* The field of the header that names the files; the column's name is in `name`. */
static int
find_file_field(const load *l, const csv_reader *csv, char *name)
{
	char		wanted[COLUMN_NAME_BYTES + 1];
	char	   *list = copy_string("");

	column_name(l->options->file_column, 1, wanted);
	for (int i = 0; i < csv->columns; i++)
	{
		column_name(csv_field(csv, i), i + 1, name);
		if (strcmp(name, wanted) == 0)
		{
			free(list);
			return i;
		}
		list = append_string(list, print("%s%s", i > 0 ? ", " : "", name));
	}
	fatal("--file-column names the column of the catalogue that has the files' names.",
		  "\"%s\" has no column \"%s\"; it has %s", l->options->catalogue, l->options->file_column, list);
}

/* Makes load's columns of the header; returns the file's field. */
static int
take_header(load *l, const csv_reader *csv)
{
	char		name[COLUMN_NAME_BYTES + 1];
	int			file = find_file_field(l, csv, name);

	add_column(l, name, copy_string("f.name"));
	for (int i = 0; i < csv->columns; i++)
	{
		if (i == file)
			continue;
		column_name(csv_field(csv, i), i + 1, name);
		add_column(l, name, print("c.c%d", i + 1));
	}
	return file;
}

/* Makes the temporary table. */
static void
make_table(load *l, int columns)
{
	char	   *sql = copy_string("CREATE TEMPORARY TABLE visclf_catalogue (line bigint, key text");

	for (int i = 0; i < columns; i++)
		sql = append_string(sql, print(", c%d text", i + 1));
	sql = append_string(sql, copy_string(")"));
	server_do(l->conn, sql);
	free(sql);
}

/* Sends one record; what is empty is null. */
static void
send_record(load *l, const csv_reader *csv, int file)
{
	copy_row(l->conn, csv->count + 2);
	copy_integer(l->conn, csv->line);
	for (int i = -1; i < csv->count; i++)
	{
		const char *field = csv_field(csv, i < 0 ? file : i);
		size_t		bytes = strlen(field);

		copy_field(l->conn, bytes > 0 ? field : NULL, bytes);
	}
}

/* Sends all records. */
static void
send_records(load *l, csv_reader *csv, int file)
{
	vc_error	error;
	bool		more;

	copy_begin(l->conn, "COPY pg_temp.visclf_catalogue FROM STDIN (FORMAT binary)");
	for (;;)
	{
		if (csv_next(csv, &more, &error) != VC_OK)
			fatal_error(&error);
		if (!more)
			break;
		send_record(l, csv, file);
	}
	copy_end(l->conn);
}

void
catalogue_load(load *l)
{
	const load_options *o = l->options;

	l->has_catalogue = o->catalogue != NULL;
	if (l->has_catalogue)
	{
		csv_reader *csv = allocate(sizeof(*csv));
		vc_error	error;
		int			file;

		if (csv_open(csv, o->catalogue, o->encoding, o->delimiter, &error) != VC_OK)
			fatal_error(&error);
		if (csv->columns > MAX_COLUMNS)
			fatal(NULL, "\"%s\" has %d columns, more than %d", o->catalogue, csv->columns, MAX_COLUMNS);
		file = take_header(l, csv);
		make_table(l, csv->columns);
		send_records(l, csv, file);
		csv_close(csv);
		free(csv);
	}
	else
		add_column(l, o->file_column, copy_string("f.name"));
	if (o->label_from_folder)
		add_column(l, o->label_column, copy_string("f.folder"));
	for (int i = 0; i < l->count; i++)
		if (strcmp(l->columns[i].name, o->image_column) == 0)
			fatal("--image-column gives the column of the images another name.",
				  "the catalogue has a column \"%s\" itself", o->image_column);
}

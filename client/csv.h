/*
 * csv.h
 *		A catalogue: a CSV file with a header, record by record.
 *
 * Fields are separated by commas, semicolons, tabs or bars, whichever the
 * header has most of; they may be in double quotes, where quotes are doubled
 * and lines may end.  Lines end in LF, CR LF or CR.  Memory holds one record.
 */
#ifndef VISCLF_CLIENT_CSV_H
#define VISCLF_CLIENT_CSV_H

#include "client/text_input.h"

typedef struct csv_reader
{
	text_input	input;
	char		delimiter;
	int			columns;		/* of the header; 0 before it is read */
	long long	line;			/* of the file, that the record begins in; from 1 */
	long long	next_line;
	char	   *text;			/* the record's fields, each ended by a zero byte */
	size_t		length;
	size_t		room;
	size_t	   *start;			/* [count]: where each field begins in text */
	int			count;
	int			places;
	bool		no_memory;
} csv_reader;

/*
 * Opens a file and reads its header, which is then the record.  encoding: see
 * text_open; delimiter 0: found in the header.  Errors: VC_INVALID_ARGUMENT,
 * VC_CORRUPT_DATA, VC_OUT_OF_MEMORY.
 */
extern vc_status csv_open(csv_reader *csv, const char *name, const char *encoding, char delimiter, vc_error *error);

/*
 * Reads the next record that is not empty; false in *more at the end.  Errors:
 * VC_CORRUPT_DATA with the line, for bytes that are no text, quotes that do not
 * end, and records that have another number of fields than the header.
 */
extern vc_status csv_next(csv_reader *csv, bool *more, vc_error *error);

/* A field of the record, from 0. */
static inline const char *
csv_field(const csv_reader *csv, int field)
{
	return csv->text + csv->start[field];
}

extern void csv_close(csv_reader *csv);

#endif							/* VISCLF_CLIENT_CSV_H */

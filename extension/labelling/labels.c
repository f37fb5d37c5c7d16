/*
 * labels.c
 *		visclf.label: what people said; and CSV as rows.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_csv_records);
PG_FUNCTION_INFO_V1(visclf_read_labels);
PG_FUNCTION_INFO_V1(visclf_drop_labels);

/* A record of CSV as it is read. */
typedef struct Record
{
	char		delimiter;
	StringInfoData field;
	bool		quoted;			/* the field was in quotes: it is not NULL */
	ArrayBuildState *fields;
	int			count;
} Record;

/* Semicolons, where the first line has more of them than of commas: so some spreadsheets save. */
static char
find_delimiter(const char *p)
{
	int			more = 0;

	for (; *p != '\0' && *p != '\n'; p++)
		more += *p == ';' ? 1 : *p == ',' ? -1 : 0;
	return more > 0 ? ';' : ',';
}

/* Ends a field. */
static void
end_field(Record *r)
{
	bool		isnull = r->field.len == 0 && !r->quoted;

	r->fields = accumArrayResult(r->fields, isnull ? (Datum) 0 : CStringGetTextDatum(r->field.data), isnull, TEXTOID,
								 CurrentMemoryContext);
	resetStringInfo(&r->field);
	r->quoted = false;
	r->count++;
}

/* Ends a record; an empty line is none. */
static void
end_record(Record *r, ReturnSetInfo *rsinfo)
{
	bool		empty = r->count == 0 && r->field.len == 0 && !r->quoted;
	bool		isnull = false;
	Datum		value;

	if (empty)
		return;
	end_field(r);
	value = makeArrayResult(r->fields, CurrentMemoryContext);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
	r->fields = NULL;
	r->count = 0;
}

/* Reads what is in quotes, from behind the first on; returns where it ends. */
static const char *
read_quoted(Record *r, const char *p)
{
	r->quoted = true;
	for (; *p != '\0'; p++)
	{
		if (*p == '"' && p[1] != '"')
			return p + 1;
		if (*p == '"')
			p++;
		appendStringInfoChar(&r->field, *p);
	}
	ereport(ERROR,
			(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			 errmsg("unterminated quoted field in CSV")));
}

/* visclf.csv_records(document): its records, without blank lines, as arrays of fields. */
Datum
visclf_csv_records(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *p = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Record		r = {.count = 0};

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	initStringInfo(&r.field);
	if (strncmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	r.delimiter = find_delimiter(p);
	while (*p != '\0')
	{
		CHECK_FOR_INTERRUPTS();
		if (*p == '"' && r.field.len == 0)
			p = read_quoted(&r, p + 1);
		else if (*p == r.delimiter)
		{
			end_field(&r);
			p++;
		}
		else if (*p == '\n' || *p == '\r')
		{
			end_record(&r, rsinfo);
			p++;
		}
		else
			appendStringInfoChar(&r.field, *p++);
	}
	end_record(&r, rsinfo);
	return (Datum) 0;
}

/* visclf.read_labels(document): how many are new or newer than what is there. */
Datum
visclf_read_labels(PG_FUNCTION_ARGS)
{
	Sql			sql;
	uint64		rows;

	SPI_connect();
	sql_begin(&sql, "INSERT INTO visclf.label_rows AS l (source, key, labels, labeller, labelled_at, owner_role) "
			  "SELECT DISTINCT ON (p.source, p.key, p.labeller) p.source, p.key, p.labels, p.labeller, p.labelled_at, $2::visclf.role "
			  "FROM visclf.parse_labels($1) p ORDER BY p.source, p.key, p.labeller, p.labelled_at DESC "
			  "ON CONFLICT (owner_role, source, key, labeller) DO UPDATE SET labels = excluded.labels, labelled_at = excluded.labelled_at, "
			  "read_at = excluded.read_at WHERE l.labelled_at OPERATOR(pg_catalog.<) excluded.labelled_at");
	sql_datum(&sql, TEXTOID, PG_GETARG_DATUM(0));
	sql_oid(&sql, GetUserId());
	rows = sql_write(&sql);
	SPI_finish();
	PG_RETURN_INT64((int64) rows);
}

/* visclf.drop_labels(source, labeller): how many of the current role's were dropped. */
Datum
visclf_drop_labels(PG_FUNCTION_ARGS)
{
	Sql			sql;
	uint64		rows;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("option \"%s\" must not be NULL", "source")));
	SPI_connect();
	sql_begin(&sql, "DELETE FROM visclf.label_rows l WHERE l.owner_role OPERATOR(pg_catalog.=) $1 AND l.source OPERATOR(pg_catalog.=) $2 "
			  "AND ($3 IS NULL OR l.labeller OPERATOR(pg_catalog.=) $3)");
	sql_oid(&sql, GetUserId());
	sql_datum(&sql, TEXTOID, PG_GETARG_DATUM(0));
	sql_text(&sql, PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)));
	rows = sql_write(&sql);
	SPI_finish();
	PG_RETURN_INT64((int64) rows);
}

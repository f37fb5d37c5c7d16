/*
 * predictions.c
 *		Reads the relation of predictions that images are counted from.
 */
#include "extension/counting/predictions.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

#define ROWS_PER_FETCH 1000

void
predictions_check(Predictions *p)
{
	Oid			type = FLOAT4ARRAYOID;

	source_column_type(p->relation, p->label_column, "label_column");
	if (p->soft)
		type = source_column_type(p->relation, p->probabilities_column, "probabilities_column");
	if (type != FLOAT4ARRAYOID && type != FLOAT8ARRAYOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, not real[]", p->probabilities_column,
						format_type_be(type))));
	if (!source_column_or_usual(p->relation, p->error_column, "error_column", "error"))
		p->error_column = NULL;
	p->has_model_id = get_atttype(p->relation, get_attnum(p->relation, "model_id")) == INT4OID;
	p->has_confidence = get_atttype(p->relation, get_attnum(p->relation, "confidence")) == FLOAT4OID;
	p->has_warning = get_atttype(p->relation, get_attnum(p->relation, "warning")) == TEXTOID;
}

/* Compares labels byte by byte: a label equals a class or does not. */
static char *
label_expression(const Predictions *p)
{
	char	   *label = psprintf("(%s) COLLATE pg_catalog.\"C\"", source_text(p->relation, p->label_column));

	return p->error_column ? psprintf("CASE WHEN s.%s IS NULL THEN %s END", quote_identifier(p->error_column), label) : label;
}

const char *
predictions_bin(const Predictions *p)
{
	return p->has_confidence ? BIN_OF("s.confidence") : "NULL::pg_catalog.int4";
}

char *
predictions_columns(const Predictions *p)
{
	const char *other = p->has_model_id ?
		"CASE WHEN s.model_id OPERATOR(pg_catalog.<>) $1 THEN s.model_id END" : "NULL::pg_catalog.int4";

	const char *flawed = p->has_warning ? "CASE WHEN s.warning IS NOT NULL THEN 1::pg_catalog.int8 END" : "NULL::pg_catalog.int8";

	const char *known = p->known_column ? psprintf("(%s) COLLATE pg_catalog.\"C\"", source_text(p->relation, p->known_column)) :
		"NULL::pg_catalog.text";

	if (p->soft)
		return psprintf("%s AS known, %s AS label, %s AS bin, 1::pg_catalog.int8 AS images, %s AS other, coalesce(%s, 0) AS flawed, "
						"s.%s::pg_catalog.float4[] AS probabilities",
						known, label_expression(p), predictions_bin(p), other, flawed, quote_identifier(p->probabilities_column));
	return psprintf("%s AS known, %s AS label, %s AS bin, pg_catalog.count(*) AS images, pg_catalog.max(%s) AS other, pg_catalog.count(%s) AS flawed, "
					"NULL::pg_catalog.float4[] AS probabilities",
					known, label_expression(p), predictions_bin(p), other, flawed);
}

/* Reads the last columns of a row, as predictions_columns() named them. */
static PredictionRow
read_row(const Quantifier *q, uint64 number)
{
	int			column = SPI_tuptable->tupdesc->natts - 4;
	PredictionRow row;
	bool		isnull;
	Datum		other;
	Datum		bin;

	row.known = result_text(number, column - 2);
	row.label = result_text(number, column - 1);
	bin = result_datum(number, column, INT4OID, &isnull);
	row.bin = isnull ? -1 : DatumGetInt32(bin);
	row.images = result_bigint(number, column + 1);
	other = result_datum(number, column + 2, INT4OID, &isnull);
	if (!isnull)
		quantifier_other_version(q, DatumGetInt32(other));
	row.flawed = result_bigint(number, column + 3);
	row.probabilities = result_datum(number, column + 4, FLOAT4ARRAYOID, &row.no_probabilities);
	return row;
}

void
predictions_each(const char *query, const Quantifier *q, void (*take) (void *argument, uint64 number), void *argument)
{
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "visclf rows", ALLOCSET_DEFAULT_SIZES);
	uint64		fetched;
	Portal		cursor;
	Sql			sql;

	sql_begin_source(&sql, query);
	sql_int(&sql, q->model_id);
	cursor = sql_open(&sql, true);
	do
	{
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		fetched = sql_fetch(cursor, ROWS_PER_FETCH);
		caller = MemoryContextSwitchTo(rows);
		for (uint64 i = 0; i < fetched; i++)
			take(argument, i);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(rows);
		SPI_freetuptable(SPI_tuptable);
	} while (fetched > 0);
	SPI_cursor_close(cursor);
	MemoryContextDelete(rows);
}

/* A function for rows of predictions. */
typedef struct Taking
{
	const Quantifier *q;
	void		(*take) (void *argument, uint64 number, const PredictionRow *row);
	void	   *argument;
} Taking;

static void
take_row(void *argument, uint64 number)
{
	const Taking *t = argument;
	PredictionRow row = read_row(t->q, number);

	t->take(t->argument, number, &row);
}

void
predictions_read(const char *query, const Quantifier *q,
				 void (*take) (void *argument, uint64 number, const PredictionRow *row),
				 void *argument)
{
	predictions_each(query, q, take_row, &(Taking) {q, take, argument});
}

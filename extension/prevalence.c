/*
 * prevalence.c
 *		visclf.prevalence: shares and counts of each class, by group.
 *
 * PostgreSQL counts the predictions of each group or, for methods that look
 * at probabilities, sorts them by group; they come through a cursor.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "model.h"
#include "quantifier.h"
#include "source.h"
#include "sql.h"

PG_FUNCTION_INFO_V1(visclf_prevalence);

#define ROWS_PER_FETCH 1000
#define MOST_COLUMNS 32			/* to group by */

/* Arguments of visclf.prevalence. */
enum
{
	ARG_MODEL,
	ARG_PREDICTIONS,
	ARG_BY,
	ARG_METHOD,
	ARG_LABEL_COLUMN,
	ARG_PROBABILITIES_COLUMN,
	ARG_ERROR_COLUMN,
	ARG_CONFIDENCE,
	ARG_RESAMPLES,
	ARG_SEED,
	ARGS
};

/* Columns of the cursor. */
enum
{
	COLUMN_NUMBER = 1,			/* of the group */
	COLUMN_GROUPS,
	COLUMN_LABEL,
	COLUMN_IMAGES,
	COLUMN_OTHER_MODEL,
	COLUMN_PROBABILITIES
};

/* Where the predictions are. */
typedef struct Predictions
{
	Oid			relation;
	char	  **by;
	int			by_count;
	char	   *label_column;
	char	   *probabilities_column;
	char	   *error_column;	/* NULL: there is none */
	bool		has_model_id;
} Predictions;

static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[ARGS] = {"model", "predictions", "by", "method", "label_column",
	"probabilities_column", "error_column", "confidence", "resamples", "seed"};

	for (int i = 0; i < ARGS; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("option \"%s\" must not be NULL", names[i])));
}

/* Reads and checks the names of the relation and its columns. */
static Predictions
read_arguments(FunctionCallInfo fcinfo, bool soft)
{
	Predictions p = {.relation = PG_GETARG_OID(ARG_PREDICTIONS)};
	Oid			type;

	source_check_relation(p.relation);
	p.by = text_array_values(PG_GETARG_DATUM(ARG_BY), &p.by_count);
	if (p.by_count > MOST_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d columns to group by are more than %d", p.by_count, MOST_COLUMNS)));
	for (int i = 0; i < p.by_count; i++)
		source_column_type(p.relation, p.by[i], "by");
	p.label_column = NameStr(*PG_GETARG_NAME(ARG_LABEL_COLUMN));
	source_column_type(p.relation, p.label_column, "label_column");
	p.probabilities_column = NameStr(*PG_GETARG_NAME(ARG_PROBABILITIES_COLUMN));
	type = soft ? source_column_type(p.relation, p.probabilities_column, "probabilities_column") : FLOAT4ARRAYOID;
	if (type != FLOAT4ARRAYOID && type != FLOAT8ARRAYOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, not real[]", p.probabilities_column,
						format_type_be(type))));
	p.error_column = NameStr(*PG_GETARG_NAME(ARG_ERROR_COLUMN));
	if (get_attnum(p.relation, p.error_column) == InvalidAttrNumber)
		p.error_column = NULL;
	p.has_model_id = get_atttype(p.relation, get_attnum(p.relation, "model_id")) == INT4OID;
	return p;
}

/* The columns to group by, with names of our own. */
static void
append_by(StringInfo query, const Predictions *p)
{
	for (int i = 0; i < p->by_count; i++)
		appendStringInfo(query, "s.%s AS g%d, ", quote_identifier(p->by[i]), i);
}

/* The label, or NULL for an image that failed. */
static void
append_label(StringInfo query, const Predictions *p)
{
	if (p->error_column)
		appendStringInfo(query, "CASE WHEN s.%s IS NULL THEN s.%s::pg_catalog.text END AS label, ",
						 quote_identifier(p->error_column), quote_identifier(p->label_column));
	else
		appendStringInfo(query, "s.%s::pg_catalog.text AS label, ", quote_identifier(p->label_column));
}

/* The query behind the cursor; $1 is the model_id. */
static char *
make_query(const Predictions *p, bool soft)
{
	const char *other = p->has_model_id ?
		"CASE WHEN s.model_id OPERATOR(pg_catalog.<>) $1 THEN s.model_id END" : "NULL::pg_catalog.int4";
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT pg_catalog.dense_rank() OVER (");
	for (int i = 0; i < p->by_count; i++)
		appendStringInfo(&query, "%sg%d", i == 0 ? "ORDER BY " : ", ", i);
	appendStringInfoString(&query, "), pg_catalog.jsonb_build_object(");
	for (int i = 0; i < p->by_count; i++)
		appendStringInfo(&query, "%s%s, g%d", i > 0 ? ", " : "", quote_literal_cstr(p->by[i]), i);
	appendStringInfoString(&query, "), label, images, other, probabilities FROM (SELECT ");
	append_by(&query, p);
	append_label(&query, p);
	if (soft)
		appendStringInfo(&query, "1::pg_catalog.int8 AS images, %s AS other, s.%s::pg_catalog.float4[] AS probabilities",
						 other, quote_identifier(p->probabilities_column));
	else
		appendStringInfo(&query, "pg_catalog.count(*) AS images, pg_catalog.max(%s) AS other, NULL::pg_catalog.float4[] AS probabilities",
						 other);
	appendStringInfo(&query, " FROM %s s",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(p->relation)),
												get_rel_name(p->relation)));
	if (!soft)
		for (int i = 0; i <= p->by_count; i++)
			appendStringInfo(&query, "%s%d", i == 0 ? " GROUP BY " : ", ", i + 1);
	appendStringInfoString(&query, ") counted ORDER BY 1");
	return query.data;
}

/* A row a class of one group. */
static void
put_group(ReturnSetInfo *result, const Quantifier *q, const ImageGroup *group, Datum groups)
{
	vc_prevalence *found = group_estimate(q, group);

	for (int c = 0; c < q->class_count; c++)
	{
		char	   *warning = group_warning(q, group, c);
		vc_prevalence f = found ? found[c] : (vc_prevalence) {0};
		Datum		values[] = {
			groups, CStringGetTextDatum(q->classes[c]),
			Int64GetDatum(group->classified), Int64GetDatum(group->failed),
			Float8GetDatum(f.raw), Float8GetDatum(f.share), Float8GetDatum(f.low), Float8GetDatum(f.high),
			Float8GetDatum(f.share * group->classified),
			warning ? CStringGetTextDatum(warning) : (Datum) 0
		};
		bool		none = found == NULL;
		bool		unsure = none || isnan(f.low);
		bool		nulls[] = {false, false, false, false, none, none, unsure, unsure, none, warning == NULL};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* Throws where predictions are another version's than the one whose errors are known. */
static void
check_version(const Quantifier *q, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	int			other = DatumGetInt32(SPI_getbinval(tuple, desc, COLUMN_OTHER_MODEL, &isnull));

	if (!isnull)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there are predictions of model_id %d, but the active version of model \"%s\" is model_id %d",
						other, q->model, q->model_id),
				 errhint("Classify them anew, make the other version active with CALL visclf.activate, or pass a view of the rows of one version.")));
}

/* What is gathered of the rows that the cursor has given so far. */
typedef struct Progress
{
	int64		number;			/* of the group; 0: none yet */
	Datum		groups;
	ImageGroup *group;
	MemoryContext context;		/* of what one group needs */
} Progress;

/* Ends a group, if there is one. */
static void
finish_group(ReturnSetInfo *result, const Quantifier *q, Progress *progress)
{
	MemoryContext caller = MemoryContextSwitchTo(progress->context);

	if (progress->number > 0)
		put_group(result, q, progress->group, progress->groups);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(progress->context);
	group_reset(q, progress->group);
}

static void
add_row(ReturnSetInfo *result, const Quantifier *q, Progress *progress, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	bool		no_probabilities;
	int64		number = DatumGetInt64(SPI_getbinval(tuple, desc, COLUMN_NUMBER, &isnull));
	int64		images = DatumGetInt64(SPI_getbinval(tuple, desc, COLUMN_IMAGES, &isnull));
	Datum		probabilities = SPI_getbinval(tuple, desc, COLUMN_PROBABILITIES, &no_probabilities);

	check_version(q, tuple, desc);
	if (number != progress->number)
	{
		MemoryContext caller;

		finish_group(result, q, progress);
		caller = MemoryContextSwitchTo(progress->context);
		progress->groups = datumCopy(SPI_getbinval(tuple, desc, COLUMN_GROUPS, &isnull), false, -1);
		MemoryContextSwitchTo(caller);
		progress->number = number;
	}
	group_add(q, progress->group, SPI_getvalue(tuple, desc, COLUMN_LABEL), images, probabilities,
			  no_probabilities);
}

/* Reads all rows, a group after the other. */
static void
count_groups(ReturnSetInfo *result, const Quantifier *q, const char *query)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(q->model_id)};
	Progress	progress = {.group = group_create(q),
		.context = AllocSetContextCreate(CurrentMemoryContext, "visclf group", ALLOCSET_DEFAULT_SIZES)};
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "visclf rows", ALLOCSET_DEFAULT_SIZES);
	Portal		cursor = SPI_cursor_open_with_args(NULL, query, 1, types, values, NULL, true, 0);
	uint64		fetched;

	do
	{
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(cursor, true, ROWS_PER_FETCH);
		fetched = SPI_processed;
		caller = MemoryContextSwitchTo(rows);
		for (uint64 i = 0; i < fetched; i++)
			add_row(result, q, &progress, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(rows);
		SPI_freetuptable(SPI_tuptable);
	} while (fetched > 0);
	finish_group(result, q, &progress);
	SPI_cursor_close(cursor);
}

/* visclf.prevalence(model, predictions, ...) */
Datum
visclf_prevalence(PG_FUNCTION_ARGS)
{
	vc_quantification method;
	Predictions p;
	Quantifier *q;

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	method = quantification_from_name(text_to_cstring(PG_GETARG_TEXT_PP(ARG_METHOD)));
	p = read_arguments(fcinfo, vc_quantification_soft(method));
	SPI_connect();
	q = quantifier_create(model_lookup(text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL))).model_id, method,
						  PG_GETARG_FLOAT8(ARG_CONFIDENCE), PG_GETARG_INT32(ARG_RESAMPLES),
						  PG_GETARG_INT64(ARG_SEED), CurrentMemoryContext);
	count_groups((ReturnSetInfo *) fcinfo->resultinfo, q, make_query(&p, vc_quantification_soft(method)));
	SPI_finish();
	return (Datum) 0;
}

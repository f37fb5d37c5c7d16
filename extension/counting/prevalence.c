/*
 * prevalence.c
 *		visclf.prevalence: shares and counts of each class, by group.
 *
 * PostgreSQL counts the predictions of each group or, for methods that look
 * at probabilities, sorts them by group; they come through a cursor.
 */
#include "extension/support/pgcompat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "extension/support/arguments.h"
#include "extension/models/model.h"
#include "extension/counting/predictions.h"
#include "extension/counting/quantifier.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_prevalence);

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

/* Columns of the cursor, before those of predictions_columns(). */
enum
{
	COLUMN_NUMBER = 1,			/* of the group */
	COLUMN_GROUPS
};

/* What to count, by which columns. */
typedef struct Grouping
{
	Predictions predictions;
	char	  **by;
	int			by_count;
} Grouping;

/* Reads and checks the names of the relation and its columns. */
static Grouping
read_arguments(FunctionCallInfo fcinfo, bool soft)
{
	Grouping	g = {.predictions = {.relation = PG_GETARG_OID(ARG_PREDICTIONS), .soft = soft}};

	source_lock(g.predictions.relation);
	g.by = text_array_values(PG_GETARG_DATUM(ARG_BY), &g.by_count);
	if (g.by_count > MOST_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("cannot group by %d columns, more than %d", g.by_count, MOST_COLUMNS)));
	for (int i = 0; i < g.by_count; i++)
		source_column_type(g.predictions.relation, g.by[i], "by");
	g.predictions.label_column = NameStr(*PG_GETARG_NAME(ARG_LABEL_COLUMN));
	g.predictions.probabilities_column = NameStr(*PG_GETARG_NAME(ARG_PROBABILITIES_COLUMN));
	g.predictions.error_column = NameStr(*PG_GETARG_NAME(ARG_ERROR_COLUMN));
	predictions_check(&g.predictions);
	return g;
}

/* The query behind the cursor; $1 is the model_id. */
static char *
make_counting_query(const Grouping *g)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT pg_catalog.dense_rank() OVER (");
	for (int i = 0; i < g->by_count; i++)
		appendStringInfo(&query, "%sg%d", i == 0 ? "ORDER BY " : ", ", i);
	appendStringInfoString(&query, "), pg_catalog.jsonb_build_object(");
	for (int i = 0; i < g->by_count; i++)
		appendStringInfo(&query, "%s%s, g%d", i > 0 ? ", " : "", quote_literal_cstr(g->by[i]), i);
	appendStringInfoString(&query, "), label, images, other, flawed, probabilities FROM (SELECT ");
	for (int i = 0; i < g->by_count; i++)
		appendStringInfo(&query, "%s AS g%d, ", source_group(g->predictions.relation, g->by[i]), i);
	appendStringInfo(&query, "%s FROM %s s", predictions_columns(&g->predictions), relation_name(g->predictions.relation));
	if (!g->predictions.soft)
		for (int i = 0; i <= g->by_count; i++)
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

/* What is gathered of the rows that the cursor has given so far. */
typedef struct Progress
{
	ReturnSetInfo *result;
	const Quantifier *q;
	int64		number;			/* of the group; 0: none yet */
	Datum		groups;
	ImageGroup *group;
	MemoryContext context;		/* of what one group needs */
} Progress;

/* Ends a group, if there is one. */
static void
finish_group(Progress *progress)
{
	MemoryContext caller = MemoryContextSwitchTo(progress->context);

	if (progress->number > 0)
		put_group(progress->result, progress->q, progress->group, progress->groups);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(progress->context);
	group_reset(progress->q, progress->group);
}

/* Takes a row of the cursor; those of a group follow each other. */
static void
count_row(void *argument, uint64 place, const PredictionRow *row)
{
	Progress   *progress = argument;
	int64		number = result_bigint(place, COLUMN_NUMBER);

	if (number != progress->number)
	{
		MemoryContext caller;

		finish_group(progress);
		caller = MemoryContextSwitchTo(progress->context);
		progress->groups = datumCopy(result_not_null(place, COLUMN_GROUPS, JSONBOID), false, -1);
		MemoryContextSwitchTo(caller);
		progress->number = number;
	}
	group_add(progress->q, progress->group, row->label, row->images, row->probabilities, row->no_probabilities);
	progress->group->flawed += row->flawed;
}

/* Reads all rows, a group after the other. */
static void
count_groups(ReturnSetInfo *result, const Quantifier *q, const char *query)
{
	Progress	progress = {.result = result, .q = q, .group = group_create(q),
		.context = AllocSetContextCreate(CurrentMemoryContext, "visclf group", ALLOCSET_DEFAULT_SIZES)};

	predictions_read(query, q, count_row, &progress);
	finish_group(&progress);
}

/* visclf.prevalence(model, predictions, ...) */
Datum
visclf_prevalence(PG_FUNCTION_ARGS)
{
	static const char *const names[ARGS] = {"model", "predictions", "by", "method", "label_column",
	"probabilities_column", "error_column", "confidence", "resamples", "seed"};
	vc_quantification method;
	Grouping	grouping;
	Quantifier *q;

	arguments_not_null(fcinfo, names, ARGS);
	InitMaterializedSRF(fcinfo, 0);
	method = quantification_from_name(text_to_cstring(PG_GETARG_TEXT_PP(ARG_METHOD)));
	grouping = read_arguments(fcinfo, vc_quantification_soft(method));
	SPI_connect();
	q = quantifier_create(model_find_active(text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL))).model_id, method,
						  PG_GETARG_FLOAT8(ARG_CONFIDENCE), PG_GETARG_INT32(ARG_RESAMPLES),
						  PG_GETARG_INT64(ARG_SEED), CurrentMemoryContext);
	count_groups((ReturnSetInfo *) fcinfo->resultinfo, q, make_counting_query(&grouping));
	SPI_finish();
	return (Datum) 0;
}

/*
 * prevalence.c
 *		visclf.prevalence: shares and counts of each class, by group.
 *
 * PostgreSQL counts the predictions of each group or, for methods that look
 * at probabilities, sorts them by group; they come through a cursor.  Method ppi
 * reads all groups first (known.c), for they borrow from each other.
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

#include "arguments.h"
#include "known.h"
#include "model.h"
#include "sql.h"

PG_FUNCTION_INFO_V1(visclf_prevalence);

/* Columns of the cursor, before those of predictions_columns(). */
enum
{
	COLUMN_NUMBER = 1,			/* of the group */
	COLUMN_GROUPS
};

/* A row of the result; numbers are NULL where they are no numbers. */
typedef struct Row
{
	Datum		groups;
	const char *class;
	int64		images;
	int64		failed;
	double		raw;
	double		share;
	double		low;
	double		high;
	char	   *warning;		/* NULL: none */
	int64		labelled;
	double		borrowed;
} Row;

static void
put_row(ReturnSetInfo *result, const Row *r)
{
	Datum		values[] = {
		r->groups, CStringGetTextDatum(r->class), Int64GetDatum(r->images), Int64GetDatum(r->failed),
		Float8GetDatum(r->raw), Float8GetDatum(r->share), Float8GetDatum(r->low), Float8GetDatum(r->high),
		Float8GetDatum(r->share * r->images), r->warning ? CStringGetTextDatum(r->warning) : (Datum) 0,
		Int64GetDatum(r->labelled), Float8GetDatum(r->borrowed)
	};
	bool		nulls[] = {
		false, false, false, false, isnan(r->raw), isnan(r->share), isnan(r->low), isnan(r->high),
		isnan(r->share), r->warning == NULL, false, isnan(r->borrowed)
	};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* A row a class of one group. */
static void
put_group(ReturnSetInfo *result, const Quantifier *q, const ImageGroup *group, Datum groups)
{
	vc_prevalence *found = group_estimate(q, group);

	for (int c = 0; c < q->class_count; c++)
	{
		vc_prevalence f = found ? found[c] : (vc_prevalence) {NAN, NAN, NAN, NAN};

		put_row(result, &(Row) {groups, q->classes[c], group->classified + group->known, group->failed,
				f.raw, f.share, f.low, f.high, group_warning(q, group, c), group->known, NAN});
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
add_row(void *argument, uint64 place, const PredictionRow *row)
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
	group_add(progress->q, progress->group, row);
}

/* Reads all rows, a group after the other. */
static void
count_groups(ReturnSetInfo *result, const Quantifier *q, const Grouping *g)
{
	Progress	progress = {.result = result, .q = q, .group = group_create(q),
		.context = AllocSetContextCreate(CurrentMemoryContext, "visclf group", ALLOCSET_DEFAULT_SIZES)};
	StringInfoData from;

	initStringInfo(&from);
	appendStringInfo(&from, "%s s", relation_name(g->predictions.relation));
	for (int i = 1; !g->predictions.soft && i <= g->by_count + 3; i++)
		appendStringInfo(&from, "%s%d", i == 1 ? " GROUP BY " : ", ", i);
	predictions_read(grouping_query(g, "known, label, bin, images, other, flawed, probabilities",
									predictions_columns(&g->predictions), from.data), q, add_row, &progress);
	finish_group(&progress);
}

/* Shares by group and class. */
typedef struct Shares
{
	const KnownTally *tally;
	vc_ppi_share *found;
} Shares;

static void
keep_shares(void *argument, vc_ppi *ppi, int index, int class_index)
{
	Shares	   *s = argument;

	for (int g = 0; g < s->tally->group_count; g++)
		s->found[(Size) g * s->tally->q->class_count + class_index] = vc_ppi_get(ppi, g, index);
}

/* Method ppi. */
static void
count_known(ReturnSetInfo *result, Quantifier *q, const Grouping *g, double confidence)
{
	KnownTally *t = known_count(g, q);
	Shares		s = {t, MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(vc_ppi_share) * Max(1, (Size) t->group_count * q->class_count))};

	quantifier_read_confidences(q);
	known_solve(t, confidence, keep_shares, &s);
	for (int i = 0; i < t->group_count; i++)
		for (int c = 0; c < q->class_count; c++)
		{
			const KnownGroup *group = &t->groups[i];
			Size		place = (Size) i * q->class_count + c;
			vc_ppi_share f = s.found[place];
			bool		none = group->known + group->unknown == 0;

			put_row(result, &(Row) {group->groups, q->classes[c], group->known + group->unknown, group->failed,
					group->counted > 0 ? (double) t->raw[place] / group->counted : NAN,
					none ? NAN : f.share, none ? NAN : f.low, none ? NAN : f.high,
					known_warning(t, i, c, &f), group->known, none ? NAN : f.borrowed});
		}
}

/* The method that is asked for, or else the one that holds for what there is. */
static bool
is_ppi(const Named *call, const Grouping *g)
{
	if (named_is_null(call, "method"))
		return grouping_has_known(g);
	if (strcmp(text_to_cstring(DatumGetTextPP(named_value(call, "method"))), "ppi") != 0)
		return false;
	if (g->predictions.known_column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"ppi\" needs labels that somebody gave"),
				 errhint("Name their column, known_column => '...'; it is NULL where nobody has looked.")));
	return true;
}

/* The method for quantifiers: that of corrected counts, where ppi is not or not yet out of the question. */
static vc_quantification
other_method(const Named *call)
{
	char	   *name = named_is_null(call, "method") ? "acc" : text_to_cstring(DatumGetTextPP(named_value(call, "method")));

	return strcmp(name, "ppi") == 0 ? VC_ACC : quantification_from_name(name);
}

/* visclf.prevalence(model, predictions, ...) */
Datum
visclf_prevalence(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"model", "predictions", "by", NULL, "label_column",
	"probabilities_column", "error_column", "confidence", "resamples", "seed"};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Named		call = named_open(fcinfo);
	double		confidence;
	Grouping	grouping;
	Quantifier *q;

	arguments_not_null(fcinfo, names, lengthof(names));
	InitMaterializedSRF(fcinfo, 0);
	confidence = DatumGetFloat8(named_value(&call, "confidence"));
	SPI_connect();
	q = quantifier_open(model_lookup(text_to_cstring(DatumGetTextPP(named_value(&call, "model")))).model_id,
						other_method(&call), CurrentMemoryContext);
	grouping = grouping_read(fcinfo, q);
	if (is_ppi(&call, &grouping))
		count_known(result, q, &grouping, confidence);
	else
	{
		q = quantifier_create(q->model_id, q->method, confidence, DatumGetInt32(named_value(&call, "resamples")),
							  DatumGetInt64(named_value(&call, "seed")), CurrentMemoryContext);
		count_groups(result, q, &grouping);
	}
	SPI_finish();
	return (Datum) 0;
}

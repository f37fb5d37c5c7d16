/*
 * prevalence.c
 *		visclf.prevalence: shares and counts of each class, by group.
 *
 * Method ppi reads all groups first (known.c), because they borrow from each
 * other. The others read them one after the other (grouping_count.c).
 */
#include "extension/support/pgcompat.h"

#include <math.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "extension/support/arguments.h"
#include "extension/counting/known.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_prevalence);

/* A row of the result; numbers that are not finite are NULL. */
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

/* Where rows go, and the model. */
typedef struct Target
{
	ReturnSetInfo *result;
	const Quantifier *q;
} Target;

/* Adds a row for each class of one group. */
static void
put_group(void *argument, const ImageGroup *group, Datum groups)
{
	Target	   *target = argument;
	const Quantifier *q = target->q;
	vc_prevalence *found = group_estimate(q, group);

	for (int c = 0; c < q->class_count; c++)
	{
		vc_prevalence f = found ? found[c] : (vc_prevalence) {NAN, NAN, NAN, NAN};

		put_row(target->result, &(Row) {groups, q->classes[c], group->classified + group->known, group->failed,
				f.raw, f.share, f.low, f.high, group_warning(q, group, c), group->known, NAN});
	}
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

/* visclf.prevalence(model, predictions, ...) */
Datum
visclf_prevalence(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"model", "predictions", "by", NULL, "label_column",
	"probabilities_column", "error_column", "confidence", "resamples", "seed"};
	Target		target = {(ReturnSetInfo *) fcinfo->resultinfo};
	Grouping	grouping;
	Quantifier *q;

	arguments_not_null(fcinfo, names, lengthof(names));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	q = grouping_open(fcinfo);
	grouping = grouping_read(fcinfo, q, false);
	if (grouping_is_ppi(fcinfo, &grouping))
	{
		Named		call = named_open(fcinfo);

		count_known(target.result, q, &grouping, DatumGetFloat8(named_value(&call, "confidence")));
	}
	else
	{
		target.q = grouping_quantifier(fcinfo, q);
		grouping_count(&grouping, target.q, put_group, &target);
	}
	SPI_finish();
	return (Datum) 0;
}

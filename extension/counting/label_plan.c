/*
 * label_plan.c
 *		visclf.label_plan: how many more labels each group needs for an interval
 *		of a given width.
 */
#include "extension/support/pgcompat.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "extension/support/arguments.h"
#include "extension/counting/known.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_label_plan);

/* The needs of each group. */
typedef struct LabelPlan
{
	const KnownTally *tally;
	double		width;
	double	   *now;			/* [groups]: the widest interval's width */
	int		   *widest;			/* its class */
	int64	   *more;			/* the largest number of labels that a class needs */
} LabelPlan;

static void
take_class(void *argument, vc_ppi *ppi, int index, int class_index)
{
	LabelPlan	   *plan = argument;

	for (int g = 0; g < plan->tally->group_count; g++)
	{
		vc_ppi_share share = vc_ppi_get(ppi, g, index);

		if (share.high - share.low > plan->now[g])
		{
			plan->now[g] = share.high - share.low;
			plan->widest[g] = class_index;
		}
		plan->more[g] = Max(plan->more[g], vc_ppi_labels_for(ppi, g, index, plan->width));
	}
}

static void
put_groups(ReturnSetInfo *result, const LabelPlan *plan)
{
	for (int g = 0; g < plan->tally->group_count; g++)
	{
		const KnownGroup *group = &plan->tally->groups[g];
		Datum		values[] = {
			group->groups, Int64GetDatum(group->known + group->unknown), Int64GetDatum(group->known),
			CStringGetTextDatum(plan->tally->q->classes[plan->widest[g]]), Float8GetDatum(plan->now[g]),
			Int64GetDatum(plan->more[g])
		};
		bool		nulls[lengthof(values)] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* visclf.label_plan(model, predictions, width, ...) */
Datum
visclf_label_plan(PG_FUNCTION_ARGS)
{
	Named		call = named_open(fcinfo);
	Grouping	grouping;
	Quantifier *q;
	LabelPlan		plan = {.width = DatumGetFloat8(named_value(&call, "width"))};
	Size		groups;

	InitMaterializedSRF(fcinfo, 0);
	argument_bounds("width", plan.width, 0, 1);
	SPI_connect();
	q = grouping_open(fcinfo);
	grouping = grouping_read(fcinfo, q, false);
	plan.tally = known_count(&grouping, q);
	groups = Max(1, plan.tally->group_count);
	plan.now = palloc0(sizeof(double) * groups);
	plan.widest = palloc0(sizeof(int) * groups);
	plan.more = palloc0(sizeof(int64) * groups);
	known_solve(plan.tally, DatumGetFloat8(named_value(&call, "confidence")), take_class, &plan);
	put_groups((ReturnSetInfo *) fcinfo->resultinfo, &plan);
	SPI_finish();
	return (Datum) 0;
}

/*
 * grouping_count.c
 *		Reads predictions group by group.
 *
 * PostgreSQL counts the predictions of each group. For methods that use
 * probabilities it sorts them by group. Rows come through a cursor.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "extension/counting/known.h"
#include "extension/support/sql.h"

/* Columns of the cursor, before those of predictions_columns(). */
enum
{
	COLUMN_NUMBER = 1,			/* of the group */
	COLUMN_GROUPS
};

/* State of the rows read so far. */
typedef struct Progress
{
	const Quantifier *q;
	int64		number;			/* of the group; 0: none yet */
	Datum		groups;
	ImageGroup *group;
	MemoryContext context;		/* memory of one group */
	void		(*take) (void *argument, const ImageGroup *group, Datum groups);
	void	   *argument;
} Progress;

/* Ends a group, if there is one. */
static void
finish_group(Progress *progress)
{
	MemoryContext caller = MemoryContextSwitchTo(progress->context);

	if (progress->number > 0)
		progress->take(progress->argument, progress->group, progress->groups);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(progress->context);
	group_reset(progress->q, progress->group);
}

/* Adds a row of the cursor; rows of a group are adjacent. */
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

void
grouping_count(const Grouping *g, const Quantifier *q,
			   void (*take) (void *argument, const ImageGroup *group, Datum groups), void *argument)
{
	Progress	progress = {.q = q, .group = group_create(q), .take = take, .argument = argument,
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

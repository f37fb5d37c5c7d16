/*
 * known_solve.c
 *		Estimates shares from a tally, and finds doubts.
 */
#include "extension/counting/known.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/support/release.h"

#define FEW_OF_CLASS 10			/* labelled images */
#define MOSTLY 0.5				/* borrowed, so that it matters whether others are alike */

static void
release_ppi(void *ppi)
{
	vc_ppi_free(ppi);
}

/* Runs the engine's estimate, in a context of its own. */
static vc_ppi *
solve(const vc_ppi_data *data, double confidence, MemoryContext context)
{
	vc_ppi_options options = {.confidence = confidence, .canceled = query_canceled};
	vc_ppi	   *ppi;
	vc_error	error;

	check_status(vc_ppi_create(&options, data, &ppi, &error), &error);
	release_with_context(context, release_ppi, ppi);
	return ppi;
}

/* Estimates one class of a multi-label model: images have it or not. */
static vc_ppi_data
data_of_class(const KnownTally *t, int class_index)
{
	int			classes = t->q->class_count;
	int64	   *counts = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * 4 * Max(t->group_count, 1));
	vc_ppi_row *rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(vc_ppi_row) * Max(t->row_count, 1));

	for (int g = 0; g < t->group_count; g++)
	{
		int64	   *known = counts + 2 * g;
		int64	   *predicted = counts + 2 * (t->group_count + g);

		known[1] = t->known[(Size) g * classes + class_index];
		known[0] = t->groups[g].known - known[1];
		predicted[1] = t->predicted[(Size) g * classes + class_index];
		predicted[0] = t->groups[g].unknown - predicted[1];
	}
	for (int64 i = 0; i < t->row_count; i++)
	{
		rows[i] = t->rows[i];
		rows[i].truth = t->has_label[(Size) i * 2 * classes + class_index];
		rows[i].predicted = t->has_label[((Size) i * 2 + 1) * classes + class_index];
	}
	return (vc_ppi_data) {t->group_count, 2, counts, counts + 2 * t->group_count, rows, t->row_count};
}

void
known_solve(const KnownTally *t, double confidence,
			void (*take) (void *argument, vc_ppi *ppi, int index, int class_index), void *argument)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "visclf known labels", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	vc_ppi	   *ppi = NULL;

	for (int c = 0; c < t->q->class_count; c++)
	{
		if (t->q->multi_label)
		{
			vc_ppi_data data;

			MemoryContextReset(context);
			data = data_of_class(t, c);
			ppi = solve(&data, confidence, context);
		}
		else if (c == 0)
		{
			vc_ppi_data data = {t->group_count, t->q->class_count, t->known, t->predicted, t->rows, t->row_count};

			ppi = solve(&data, confidence, context);
		}
		MemoryContextSwitchTo(caller);
		take(argument, ppi, t->q->multi_label ? 1 : c, c);
		MemoryContextSwitchTo(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

char *
known_warning(const KnownTally *t, int group, int class_index, const vc_ppi_share *share)
{
	const KnownGroup *g = &t->groups[group];
	StringInfoData text;

	initStringInfo(&text);
	if (g->known + g->unknown == 0)
		doubt(&text, "no image of the group is classified");
	else if (g->known + g->unknown < FEW_IMAGES)
		doubt(&text, "few images of the group are classified or labelled: %lld", (long long) (g->known + g->unknown));
	if (g->flawed > 0)
		doubt(&text, "images of the group are cut off or damaged: %lld", (long long) g->flawed);
	if (g->unknown > 0)
	{
		if (t->strange)
			doubt(&text, "errors are assumed to be in all groups as among the validation images, because no labelled image here shows the model's errors");
		else if (g->evidence == 0)
			doubt(&text, "no labelled image of the group shows the model's errors, so those of the other groups are used");
		else if (g->stands_for == 0)
			doubt(&text, "by the weights all images of the group should be labelled, but %lld are not", (long long) g->unknown);
		if (share->borrowed > MOSTLY)
			doubt_confidences(t->q, t->predicted + (Size) group * t->q->class_count, g->confidences, &text);
		if (t->truths[class_index] == 0)
			doubt(&text, "no labelled image is of this class");
		else if (t->truths[class_index] < FEW_OF_CLASS)
			doubt(&text, "few labelled images are of this class: %lld", (long long) t->truths[class_index]);
	}
	return text.len > 0 ? text.data : NULL;
}

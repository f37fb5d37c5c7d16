/*
 * source_warn.c
 *		What is odd about the rows that a model is trained on, in numbers.
 */
#include "pgcompat.h"

#include "lib/stringinfo.h"
#include "utils/lsyscache.h"

#include "source.h"

#define MIN_VALIDATION 2		/* images of a class, below which its figures mean little */

static void
warn_of_bad_rows(const TrainOptions *o, const Dataset *d)
{
	StringInfoData examples;

	if (d->bad_count == 0)
		return;
	initStringInfo(&examples);
	for (int i = 0; i < Min(d->bad_count, DATASET_EXAMPLES); i++)
		appendStringInfo(&examples, "%s%s", i ? "; " : "", d->bad_examples[i]);
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("%lld of %lld labelled rows of \"%s\" were skipped: their image cannot be decoded",
					(long long) d->bad_count, (long long) (d->bad_count + d->count),
					get_rel_name(o->source)),
			 errdetail("The first: %s.", examples.data),
			 errhint("visclf.image_info says what an image is; key_column => '...' names the rows.")));
}

static void
warn_of_repeats(const TrainOptions *o, const Dataset *d)
{
	if (d->conflicting > 0 || d->leaking > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("%lld rows of \"%s\" have an image that another row has too: "
						"%lld with another label, %lld on the other side of the split",
						(long long) d->repeated, get_rel_name(o->source),
						(long long) d->conflicting, (long long) d->leaking),
				 errhint("The accuracy says less than it seems to: keep one row of each image, "
						 "or leave the split to the hash.")));
}

/* Classes with too few images on a side for their figures to mean anything. */
static void
warn_of_small_classes(const TrainOptions *o, const Dataset *d)
{
	int64	   *train = palloc(sizeof(int64) * d->class_count);
	int64	   *valid = palloc(sizeof(int64) * d->class_count);
	StringInfoData small;
	int			count = 0;

	initStringInfo(&small);
	dataset_count(d, SIDE_TRAIN, train);
	dataset_count(d, SIDE_VALID, valid);
	for (int k = 0; k < d->class_count; k++)
	{
		if (train[k] > 0 && valid[k] >= MIN_VALIDATION)
			continue;
		if (count++ < DATASET_EXAMPLES)
			appendStringInfo(&small, "%s\"%s\": %lld and %lld", count > 1 ? ", " : "",
							 d->classes[k].label, (long long) train[k], (long long) valid[k]);
	}
	if (count > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("%d of %d classes of \"%s\" have no image to train on or fewer than %d to validate with",
						count, d->class_count, get_rel_name(o->source), MIN_VALIDATION),
				 errdetail("Images to train on and to validate with: %s.", small.data),
				 errhint("Label more of them, or change validation_share or seed.")));
}

void
source_warn(const TrainOptions *o, const Dataset *d)
{
	warn_of_bad_rows(o, d);
	warn_of_repeats(o, d);
	warn_of_small_classes(o, d);
}

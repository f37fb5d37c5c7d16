/*
 * source_warn.c
 *		Warns of oddities of the rows that a model is trained on, with numbers.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"

#include "extension/support/sql.h"
#include "extension/training/source.h"

#define MIN_VALIDATION 2		/* images of a class, below which its figures mean little */

/* Lists the first few of some rows: "key: what; key: what". */
static char *
show_examples(const DatasetOddities *o)
{
	StringInfoData examples;

	initStringInfo(&examples);
	for (int i = 0; i < Min(o->count, DATASET_EXAMPLES); i++)
		appendStringInfo(&examples, "%s%s", i ? "; " : "", o->examples[i]);
	return examples.data;
}

static void
warn_of_bad_rows(const TrainOptions *o, const Dataset *d)
{
	if (d->bad.count > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("%lld of %lld labelled rows of \"%s\" were skipped: their image cannot be decoded",
						(long long) d->bad.count, (long long) (d->bad.count + d->count),
						get_rel_name(o->source)),
				 errdetail("The first: %s.", show_examples(&d->bad)),
				 errhint("visclf.image_info describes an image; key_column => '...' names the rows.")));
}

static void
warn_of_flawed_rows(const TrainOptions *o, const Dataset *d)
{
	if (d->flawed.count > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("%lld of %lld images of \"%s\" are cut off or damaged, and are used as they are",
						(long long) d->flawed.count, (long long) d->count, get_rel_name(o->source)),
				 errdetail("The first: %s.", show_examples(&d->flawed)),
				 errhint("Load them again, or leave their rows out; key_column => '...' names the rows.")));
}

/* Warns of a few images that appear very often: they usually stand for missing ones. */
static void
warn_of_repeats(const TrainOptions *o, const Dataset *d)
{
	if (d->repeated > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("%lld rows of \"%s\" have an image that another row has too: "
						"%lld with another label, %lld on the other side of the split",
						(long long) d->repeated, get_rel_name(o->source),
						(long long) d->conflicting, (long long) d->leaking),
				 errhint("The accuracy is too optimistic: keep one row of each image, "
						 "or leave the split to the hash.")));
}

/* Those that look the same are kept together, unless a column says otherwise. */
static void
warn_of_alike(const TrainOptions *o, const Dataset *d)
{
	if (d->alike > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg_plural("%lld image of \"%s\" is nearly the same as another", "%lld images of \"%s\" are nearly the same as others",
							   (unsigned long) d->alike, (long long) d->alike, get_rel_name(o->source)),
				 o->group_column != NULL || o->split_column != NULL ?
				 errdetail("The split is by column \"%s\", which may put them on both sides.", o->split_column ? o->split_column : o->group_column) :
				 errdetail("They are on one side of the split."),
				 errhint("visclf.check_images names them.")));
}

/* Warns of classes with too few images on a side for their figures to mean anything. */
static void
warn_of_small_classes(const TrainOptions *o, const Dataset *d)
{
	int64	   *train = palloc(sizeof(int64) * d->class_count);
	int64	   *valid = palloc(sizeof(int64) * d->class_count);
	StringInfoData small;
	int			count = 0;

	initStringInfo(&small);
	dataset_count(d, d->train, d->train_images, train);
	if (d->folds > 0)			/* each is validated with, in its fold */
		dataset_count(d, d->order, d->count, valid);
	else
		dataset_count(d, d->valid, d->valid_count, valid);
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

/*
 * Groups of classes that are one but for case, blanks and Unicode form, as the reader of a
 * warning is to see them.
 */
static char *
find_variants(char **classes, int count, int *groups)
{
	const char *form = GetDatabaseEncoding() == PG_UTF8 ? "pg_catalog.normalize(c, 'NFKC')" : "c";
	StringInfoData text;
	Sql			sql;

	sql_begin(&sql, psprintf("SELECT pg_catalog.string_agg(pg_catalog.quote_literal(c), ', ' ORDER BY c COLLATE pg_catalog.\"C\") "
							 "FROM pg_catalog.unnest($1) c "
							 "GROUP BY pg_catalog.lower(pg_catalog.regexp_replace(pg_catalog.btrim(%s, E' \\t\\r\\n'), '[[:space:]]+', ' ', 'g')) "
							 "HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 ORDER BY 1", form));
	sql_datum(&sql, TEXTARRAYOID, text_array(classes, count));
	*groups = (int) sql_read(&sql);
	initStringInfo(&text);
	for (int i = 0; i < Min(*groups, DATASET_EXAMPLES); i++)
		appendStringInfo(&text, "%s%s", i > 0 ? "; " : "", result_string(i, 1));
	return text.data;
}

/* Labels that are meant to be one class, and labels of nothing. */
static void
warn_of_labels(const TrainOptions *o, const Dataset *d)
{
	int			groups;
	char	   *variants = find_variants(dataset_class_names(d), d->class_count, &groups);

	if (groups > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("labels of \"%s\" differ in case, blanks or Unicode form alone, and are classes of their own",
						get_rel_name(o->source)),
				 errdetail("Alike: %s.", variants),
				 errhint("Make them one: UPDATE ... SET label = lower(btrim(normalize(label))), or a view that does.")));
	for (int k = 0; k < d->class_count; k++)
		if (d->classes[k].label[strspn(d->classes[k].label, " \t\r\n")] == '\0')
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg("a label of \"%s\" is empty, and is a class of its own", get_rel_name(o->source)),
					 errhint("Rows that are not labelled have NULL.")));
}

void
source_warn(const TrainOptions *o, const Dataset *d)
{
	warn_of_bad_rows(o, d);
	warn_of_flawed_rows(o, d);
	warn_of_repeats(o, d);
	warn_of_alike(o, d);
	warn_of_labels(o, d);
	warn_of_small_classes(o, d);
}

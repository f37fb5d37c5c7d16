/*
 * dataset.c
 *		The images of a training, decoded once, in a temporary file.
 *
 * The file outlives the transaction that reads the source, since training
 * commits after each epoch; it is closed, and so deleted, with the dataset's
 * memory context.
 */
#include "extension/training/dataset.h"

#include <math.h>

#include "commands/tablespace.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/support/release.h"

#include "engine/network/network.h"
#include "engine/training/recipe.h"

#define MAX_REPEATS 100			/* rows that oversampling may make of one, on average */

static void
close_file(void *argument)
{
	const Dataset *d = argument;

	FileClose(d->file);
}

Dataset *
dataset_create(size_t image_bytes, bool multi_label)
{
	Dataset    *d = palloc0(sizeof(*d));

	d->context = CurrentMemoryContext;
	d->image_bytes = image_bytes;
	d->multi_label = multi_label;
	PrepareTempTablespaces();
	d->file = OpenTemporaryFile(true);
	release_with_context(d->context, close_file, d);
	return d;
}

/* Makes room for one more element in a growing array of the dataset's context. */
static void *
dataset_grow(Dataset *d, void *array, int64 count, int64 *capacity, Size size)
{
	if (count < *capacity)
		return array;
	*capacity = Max(64, *capacity * 2);
	return array == NULL ? MemoryContextAllocHuge(d->context, size * *capacity) :
		repalloc_huge(array, size * *capacity);
}

int
dataset_label(Dataset *d, const char *label)
{
	int			low = 0;
	int			high = d->class_count;
	int64		capacity = d->class_capacity;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(label, d->classes[middle].label);

		if (order == 0)
			return d->classes[middle].first_seen;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (d->class_count == VC_MAX_CLASSES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d different labels", VC_MAX_CLASSES),
				 errhint("Is this the column of labels?")));
	d->classes = dataset_grow(d, d->classes, d->class_count, &capacity, sizeof(DatasetClass));
	d->class_capacity = capacity;
	memmove(&d->classes[low + 1], &d->classes[low],
			sizeof(DatasetClass) * (d->class_count - low));
	d->classes[low].label = MemoryContextStrdup(d->context, label);
	d->classes[low].first_seen = d->class_count;
	return d->class_count++;
}

void
dataset_sort_classes(Dataset *d, qsort_arg_comparator compare, void *argument)
{
	qsort_arg(d->classes, d->class_count, sizeof(DatasetClass), compare, argument);
}

/* The lowest group of the rows that each is with. */
static uint64 *
lowest_groups(const Dataset *d, const int64 *cluster)
{
	uint64	   *lowest = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * Max(d->count, 1));

	for (int64 i = 0; i < d->count; i++)
		lowest[i] = d->rows[i].group;
	for (int64 i = 0; i < d->count; i++)
		lowest[cluster[i]] = Min(lowest[cluster[i]], d->rows[i].group);
	return lowest;
}

void
dataset_group_alike(Dataset *d)
{
	int64	   *cluster = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * Max(d->count, 1));
	uint64	   *lowest;
	vc_error	error;

	check_status(vc_fingerprint_cluster(d->prints, d->count, cluster, &error), &error);
	lowest = lowest_groups(d, cluster);
	for (int64 i = 0; i < d->count; i++)
	{
		DatasetRow *row = &d->rows[i];

		d->alike += cluster[i] != i && row->hash != d->rows[cluster[i]].hash;
		if (row->group_key == NULL)
			row->group = lowest[cluster[i]];
	}
	pfree(lowest);
	pfree(cluster);
	if (d->prints != NULL)
		pfree(d->prints);
	d->prints = NULL;
}

/* Appends the pixels of the row that was added last. */
static void
write_pixels(Dataset *d, const uint8_t *pixels)
{
	off_t		offset = (off_t) (d->count - 1) * (off_t) d->image_bytes;

	if (FileWrite(d->file, (char *) unconstify(uint8_t *, pixels), (int) d->image_bytes, offset,
				  WAIT_EVENT_BUFFILE_WRITE) != (int) d->image_bytes)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write the temporary file of training images: %m")));
}

void
dataset_add(Dataset *d, const uint8_t *pixels, const DatasetRow *row)
{
	DatasetRow *copy;

	if (d->count == PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %u images", PG_UINT32_MAX)));
	d->rows = dataset_grow(d, d->rows, d->count, &d->capacity, sizeof(DatasetRow));
	copy = &d->rows[d->count++];
	*copy = *row;
	copy->key = row->key ? MemoryContextStrdup(d->context, row->key) : NULL;
	copy->group_key = row->group_key ? MemoryContextStrdup(d->context, row->group_key) : NULL;
	copy->labels = MemoryContextAlloc(d->context, sizeof(int32) * Max(row->label_count, 1));
	memcpy(copy->labels, row->labels, sizeof(int32) * row->label_count);
	d->prints = dataset_grow(d, d->prints, d->count - 1, &d->print_capacity, sizeof(vc_fingerprint));
	vc_fingerprint_make(pixels, (int) sqrt((double) (d->image_bytes / 3)), &d->prints[d->count - 1]);
	write_pixels(d, pixels);
}

/* Counts one more, and keeps the descriptions of the first few. */
static void
add_oddity(const Dataset *d, DatasetOddities *o, const char *key, const char *what)
{
	if (o->count < DATASET_EXAMPLES)
	{
		MemoryContext caller = MemoryContextSwitchTo(d->context);

		o->examples[o->count] = key ? psprintf("%s: %s", key, what) : pstrdup(what);
		MemoryContextSwitchTo(caller);
	}
	o->count++;
}

void
dataset_add_bad(Dataset *d, const char *key, const char *why)
{
	add_oddity(d, &d->bad, key, why);
}

void
dataset_add_flawed(Dataset *d, const char *key, const char *flaw)
{
	add_oddity(d, &d->flawed, key, flaw);
}

static int
compare_labels(const DatasetRow *x, const DatasetRow *y)
{
	if (x->label_count != y->label_count)
		return x->label_count - y->label_count;
	for (int i = 0; i < x->label_count; i++)
		if (x->labels[i] != y->labels[i])
			return x->labels[i] - y->labels[i];
	return 0;
}

/* Compares rows by image, labels and side. Rows that are equal in all are interchangeable. */
static int
compare_rows(const void *a, const void *b, void *argument)
{
	const DatasetRow *rows = argument;
	const DatasetRow *x = &rows[*(const uint32 *) a];
	const DatasetRow *y = &rows[*(const uint32 *) b];
	int			order;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	order = compare_labels(x, y);
	return order != 0 ? order : (int) x->side - (int) y->side;
}

static int
compare_ints(const void *a, const void *b)
{
	return *(const int32 *) a - *(const int32 *) b;
}

/* Replaces indexes in the order of first sight by those in the order of the classes. */
static void
renumber_labels(Dataset *d)
{
	int		   *rank = palloc(sizeof(int) * Max(d->class_count, 1));

	for (int i = 0; i < d->class_count; i++)
		rank[d->classes[i].first_seen] = i;
	for (int64 i = 0; i < d->count; i++)
	{
		DatasetRow *row = &d->rows[i];

		for (int k = 0; k < row->label_count; k++)
			row->labels[k] = rank[row->labels[k]];
		qsort(row->labels, row->label_count, sizeof(int32), compare_ints);
	}
	pfree(rank);
}

/* Counts the rows of one image, which are adjacent in the order. */
static void
count_copies(Dataset *d, const uint32 *order, int64 count)
{
	int64		alike = 0;		/* rows with the same labels as this row */
	int64		most = 0;
	int64		on_side[SIDE_VALID + 1] = {0};
	int64		elsewhere = 0;	/* in another fold than the first */

	for (int64 i = 0; i < count; i++)
	{
		const DatasetRow *row = &d->rows[order[i]];

		if (i > 0 && compare_labels(row, &d->rows[order[i - 1]]) != 0)
			alike = 0;
		alike++;
		most = Max(most, alike);
		on_side[row->side]++;
		elsewhere += row->fold != d->rows[order[0]].fold;
	}
	d->repeated += count;
	d->conflicting += count - most;
	d->leaking += Max(elsewhere, Min(on_side[SIDE_TRAIN], on_side[SIDE_VALID]));
}

/* Counts images that appear more than once; order is by image, then by labels. */
static void
count_repeats(Dataset *d, const uint32 *order)
{
	int64		first = 0;

	for (int64 i = 1; i <= d->count; i++)
	{
		if (i < d->count && d->rows[order[i]].hash == d->rows[order[first]].hash)
			continue;
		if (i - first > 1)
			count_copies(d, order + first, i - first);
		first = i;
	}
}

/* Identifies a row's image, labels and side. */
static uint64
row_fingerprint(const DatasetRow *row)
{
	uint64		hash = hash_combine64(row->hash, row->side + ((uint64) row->fold << 8));

	for (int i = 0; i < row->label_count; i++)
		hash = hash_combine64(hash, row->labels[i]);
	return hash;
}

/* Splits the rows into folds, if there are any, or into two sides. */
static void
split(Dataset *d, uint64 seed, double validation_share, int folds)
{
	int64		units;

	if (folds == 0)
	{
		dataset_hold_out(d, seed, validation_share);
		return;
	}
	d->folds = abs(folds);
	units = dataset_deal(d, seed, d->folds);
	if (units >= d->folds)
		return;
	if (folds > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%d folds are more than %lld groups or images that stay together", folds, (long long) units),
				 errhint("Take fewer folds, or label more.")));
	d->folds = units > 1 ? units : 0;
	split(d, seed, validation_share, d->folds);
}

void
dataset_finish(Dataset *d, uint64 seed, double validation_share, int folds)
{
	renumber_labels(d);
	split(d, seed, validation_share, folds);
	d->order = MemoryContextAllocHuge(d->context, sizeof(uint32) * Max(d->count, 1));
	for (int64 i = 0; i < d->count; i++)
		d->order[i] = (uint32) i;
	qsort_arg(d->order, d->count, sizeof(uint32), compare_rows, d->rows);
	count_repeats(d, d->order);
	for (int64 i = 0; i < d->count; i++)
		d->fingerprint = hash_combine64(d->fingerprint, row_fingerprint(&d->rows[d->order[i]]));
	for (int i = 0; i < d->class_count; i++)
		d->fingerprint = hash_combine64(d->fingerprint,
										hash_bytes_extended((unsigned char *) d->classes[i].label,
															strlen(d->classes[i].label), 0));
	dataset_take(d, 0);
}

void
dataset_take(Dataset *d, int fold)
{
	int			valid_fold = Max(fold, 1);

	if (d->train != NULL)
	{
		pfree(d->train);
		pfree(d->valid);
	}
	d->train = MemoryContextAllocHuge(d->context, sizeof(uint32) * Max(d->count, 1));
	d->valid = MemoryContextAllocHuge(d->context, sizeof(uint32) * Max(d->count, 1));
	d->train_count = d->valid_count = 0;
	for (int64 i = 0; i < d->count; i++)
	{
		const DatasetRow *row = &d->rows[d->order[i]];

		if (d->folds > 0 ? fold == 0 || row->fold != fold : row->side == SIDE_TRAIN)
			d->train[d->train_count++] = d->order[i];
	}
	for (int64 i = d->count - 1; i >= 0; i--)
	{
		const DatasetRow *row = &d->rows[d->order[i]];

		if (d->folds > 0 ? row->fold == valid_fold : row->side == SIDE_VALID)
			d->valid[d->valid_count++] = d->order[i];
	}
	d->train_images = d->train_count;
}

int64
dataset_fold_start(const Dataset *d, int fold)
{
	int64		start = 0;

	for (int64 i = 0; i < d->count; i++)
		start += d->rows[i].fold < fold;
	return start;
}

void
dataset_count(const Dataset *d, const uint32 *rows, int64 count, int64 *counts)
{
	memset(counts, 0, sizeof(int64) * d->class_count);
	for (int64 i = 0; i < count; i++)
		for (int k = 0; k < d->rows[rows[i]].label_count; k++)
			counts[d->rows[rows[i]].labels[k]]++;
}

/* Sorts the training rows by class, and finds where each class begins. */
static uint32 *
group_rows(const Dataset *d, const int64 *counts, int64 *starts)
{
	uint32	   *rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * d->train_images);
	int64	   *next = palloc(sizeof(int64) * d->class_count);
	int64		start = 0;

	for (int k = 0; k < d->class_count; k++)
	{
		starts[k] = next[k] = start;
		start += counts[k];
	}
	for (int64 i = 0; i < d->train_images; i++)
		rows[next[d->rows[d->train[i]].labels[0]]++] = d->train[i];
	pfree(next);
	return rows;
}

/* Throws if repeats would far exceed the number of images. */
static void
check_repeats(const Dataset *d, int64 repeated)
{
	if (repeated > MAX_REPEATS * d->train_images || repeated > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("balance \"oversample\" would make %lld training rows of %lld",
						(long long) repeated, (long long) d->train_images),
				 errhint("Use balance => 'weight', or leave out classes with very few images.")));
}

void
dataset_oversample(Dataset *d, uint64 seed)
{
	int64	   *counts = palloc(sizeof(int64) * d->class_count);
	int64	   *starts = palloc(sizeof(int64) * d->class_count);
	int64		most = 0;
	uint32	   *rows;
	uint32	   *train;

	dataset_count(d, d->train, d->train_images, counts);
	for (int k = 0; k < d->class_count; k++)
		most = Max(most, counts[k]);
	check_repeats(d, most * d->class_count);
	rows = group_rows(d, counts, starts);
	train = MemoryContextAllocHuge(d->context, sizeof(uint32) * Max(most * d->class_count, 1));
	memcpy(train, d->train, sizeof(uint32) * d->train_images);
	pfree(d->train);
	d->train = train;
	for (int k = 0; k < d->class_count; k++)
	{
		CHECK_FOR_INTERRUPTS();
		if (counts[k] > 0)
			vc_shuffle(rows + starts[k], counts[k], seed, k);
		for (int64 i = counts[k]; counts[k] > 0 && i < most; i++)
			d->train[d->train_count++] = rows[starts[k] + i % counts[k]];
	}
	pfree(rows);
	pfree(starts);
	pfree(counts);
}

void
dataset_members(const Dataset *d, uint32 row, uint8_t *members)
{
	memset(members, 0, d->class_count);
	for (int i = 0; i < d->rows[row].label_count; i++)
		members[d->rows[row].labels[i]] = 1;
}

char **
dataset_class_names(const Dataset *d)
{
	char	  **names = palloc(sizeof(char *) * d->class_count);

	for (int i = 0; i < d->class_count; i++)
		names[i] = d->classes[i].label;
	return names;
}

void
dataset_read(Dataset *d, uint32 row, uint8_t *pixels)
{
	off_t		offset = (off_t) row * (off_t) d->image_bytes;

	if (FileRead(d->file, (char *) pixels, (int) d->image_bytes, offset,
				 WAIT_EVENT_BUFFILE_READ) != (int) d->image_bytes)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read the temporary file of training images: %m")));
}

/*
 * dataset.c
 *		The images of a training, decoded once, in a temporary file.
 *
 * The file outlives the transaction that reads the source, since training
 * commits after each epoch; it is closed, and so deleted, with the dataset's
 * memory context.
 */
#include "dataset.h"

#include "commands/tablespace.h"
#include "common/hashfn.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "foreign.h"

#include "../engine/network.h"
#include "../engine/recipe.h"

static void
close_file(void *argument)
{
	const Dataset *d = argument;

	FileClose(d->file);
}

Dataset *
dataset_create(size_t image_bytes)
{
	Dataset    *d = palloc0(sizeof(*d));

	d->context = CurrentMemoryContext;
	d->image_bytes = image_bytes;
	PrepareTempTablespaces();
	d->file = OpenTemporaryFile(true);
	vc_release_with(d->context, close_file, d);
	return d;
}

/* Room for one more element in a growing array of the dataset's context. */
static void *
grow(Dataset *d, void *array, int64 count, int64 *capacity, Size size)
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
	d->classes = grow(d, d->classes, d->class_count, &capacity, sizeof(DatasetClass));
	d->class_capacity = capacity;
	memmove(&d->classes[low + 1], &d->classes[low],
			sizeof(DatasetClass) * (d->class_count - low));
	d->classes[low].label = MemoryContextStrdup(d->context, label);
	d->classes[low].first_seen = d->class_count;
	return d->class_count++;
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
	d->rows = grow(d, d->rows, d->count, &d->capacity, sizeof(DatasetRow));
	copy = &d->rows[d->count++];
	*copy = *row;
	copy->key = row->key ? MemoryContextStrdup(d->context, row->key) : NULL;
	write_pixels(d, pixels);
}

void
dataset_add_bad(Dataset *d, const char *key, const char *why)
{
	if (d->bad_count < DATASET_EXAMPLES)
	{
		MemoryContext caller = MemoryContextSwitchTo(d->context);

		d->bad_examples[d->bad_count] = key ? psprintf("%s: %s", key, why) : pstrdup(why);
		MemoryContextSwitchTo(caller);
	}
	d->bad_count++;
}

/* By image, label and side: rows that are equal in all are interchangeable. */
static int
compare_rows(const void *a, const void *b, void *argument)
{
	const DatasetRow *rows = argument;
	const DatasetRow *x = &rows[*(const uint32 *) a];
	const DatasetRow *y = &rows[*(const uint32 *) b];

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (x->label != y->label)
		return x->label - y->label;
	return (int) x->side - (int) y->side;
}

/* Replaces the order of first sight by the order of the classes. */
static void
renumber_labels(Dataset *d)
{
	int		   *rank = palloc(sizeof(int) * Max(d->class_count, 1));

	for (int i = 0; i < d->class_count; i++)
		rank[d->classes[i].first_seen] = i;
	for (int64 i = 0; i < d->count; i++)
		d->rows[i].label = rank[d->rows[i].label];
	pfree(rank);
}

/* Which side a row is on, and for good. */
static void
decide_side(DatasetRow *row, uint64 seed, double validation_share)
{
	if (row->side == SIDE_BY_HASH)
		row->side = vc_split_validation(row->group, seed, validation_share) ?
			SIDE_VALID : SIDE_TRAIN;
}

/* Counts images that come more than once; order is by image. */
static void
count_repeats(Dataset *d, const uint32 *order)
{
	for (int64 i = 1; i < d->count; i++)
	{
		const DatasetRow *before = &d->rows[order[i - 1]];
		const DatasetRow *row = &d->rows[order[i]];

		if (row->hash != before->hash)
			continue;
		d->repeated++;
		d->conflicting += row->label != before->label;
		d->leaking += row->side != before->side;
	}
}

void
dataset_finish(Dataset *d, uint64 seed, double validation_share)
{
	uint32	   *order = MemoryContextAllocHuge(d->context, sizeof(uint32) * Max(d->count, 1));

	renumber_labels(d);
	for (int64 i = 0; i < d->count; i++)
	{
		order[i] = (uint32) i;
		decide_side(&d->rows[i], seed, validation_share);
	}
	qsort_arg(order, d->count, sizeof(uint32), compare_rows, d->rows);
	count_repeats(d, order);

	/* training rows from the front, validation rows from the back */
	d->train = MemoryContextAllocHuge(d->context, sizeof(uint32) * Max(d->count, 1));
	d->valid = d->train + d->count;
	for (int64 i = 0; i < d->count; i++)
	{
		const DatasetRow *row = &d->rows[order[i]];

		d->fingerprint = hash_combine64(d->fingerprint,
										hash_combine64(row->hash, row->label * 4 + row->side));
		if (row->side == SIDE_VALID)
			d->valid[-++d->valid_count] = order[i];
		else
			d->train[d->train_count++] = order[i];
	}
	d->valid -= d->valid_count;
	pfree(order);
	for (int i = 0; i < d->class_count; i++)
		d->fingerprint = hash_combine64(d->fingerprint,
										hash_bytes_extended((unsigned char *) d->classes[i].label,
															strlen(d->classes[i].label), 0));
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

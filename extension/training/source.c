/*
 * source.c
 *		Reads the table or view that a model is trained on.
 *
 * Rows come through a cursor, batch by batch. While the pool decodes one
 * batch, the next is fetched.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "extension/support/decoding_batch.h"
#include "extension/support/source_columns.h"
#include "extension/training/source.h"
#include "extension/support/sql.h"

#define ROWS_PER_FETCH 64

/* The part of a fetched row that is not in the batch. */
typedef struct SourceRow
{
	DatasetRow	row;			/* its labels are not yet indexes */
	char	  **labels;
} SourceRow;

/* Columns of the cursor. */
enum
{
	COLUMN_IMAGE = 1,
	COLUMN_LABEL,
	COLUMN_KEY,
	COLUMN_GROUP,
	COLUMN_SPLIT
};

typedef struct SourceBatch
{
	DecodingBatch	   *batch;
	MemoryContext keys;
	SourceRow	rows[ROWS_PER_FETCH];
} SourceBatch;

/* Checks the columns; returns true if images have any number of labels. */
static bool
check_columns(const TrainOptions *o)
{
	Oid			type;
	bool		multi_label;

	source_check_image(o->source, o->image_column);
	type = source_column_type(o->source, o->label_column, "label_column");
	source_check_label(o->source, o->label_column);
	if (type == BYTEAOID || get_element_type(type) == BYTEAOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be the label", o->label_column,
						format_type_be(type)),
				 errhint("A label is one value: text, an enum, an integer, a boolean; or an array of them, if images have any number of labels.")));
	if (type_is_array(type) && o->balance == BALANCE_OVERSAMPLE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("balance \"oversample\" needs one label an image, but column \"%s\" is of type %s",
						o->label_column, format_type_be(type)),
				 errhint("Use balance => 'weight'.")));
	multi_label = type_is_array(type);
	if (o->key_column)
		source_column_type(o->source, o->key_column, "key_column");
	if (o->group_column)
		source_column_type(o->source, o->group_column, "group_column");
	if (o->split_column)
		source_column_type(o->source, o->split_column, "split_column");
	return multi_label;
}

/* Returns SQL for a column as text, or NULL if there is none. */
static const char *
text_or_null(const TrainOptions *o, const char *column)
{
	return column ? source_text(o->source, column) : "NULL::pg_catalog.text";
}

static Portal
open_cursor(const TrainOptions *o, bool multi_label)
{
	char	   *label = multi_label ? source_text_array(o->source, o->label_column) :
		source_text(o->source, o->label_column);
	Sql			sql;

	sql_begin_source(&sql, psprintf("SELECT s.%s::pg_catalog.bytea, %s, %s, %s, %s FROM %s s WHERE s.%s IS NOT NULL",
									quote_identifier(o->image_column), label, text_or_null(o, o->key_column),
									text_or_null(o, o->group_column), text_or_null(o, o->split_column),
									relation_name(o->source), quote_identifier(o->label_column)));
	return sql_open(&sql, false);
}

static void
source_batch_create(SourceBatch *b, Decoder *decoder)
{
	b->batch = decoding_batch_create(CurrentMemoryContext, decoder, ROWS_PER_FETCH);
	b->keys = AllocSetContextCreate(CurrentMemoryContext, "visclf keys",
									ALLOCSET_SMALL_SIZES);
}

/* Returns the side that the split column gives a row. */
static DatasetSide
side_from_text(const TrainOptions *o, const char *value)
{
	if (value == NULL)
		return SIDE_BY_HASH;
	if (strcmp(value, "train") == 0 || strcmp(value, "false") == 0)
		return SIDE_TRAIN;
	if (strcmp(value, "valid") == 0 || strcmp(value, "true") == 0)
		return SIDE_VALID;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid split value \"%s\" in column \"%s\"", value, o->split_column),
			 errhint("Allowed: 'train', 'valid'; a boolean that is true for validation; NULL, to split by hash.")));
}

/* Reads a row's labels as text; returns false if they are NULL after all. */
static bool
fetch_labels(uint64 number, bool multi_label, char ***labels, int *count)
{
	bool		isnull;
	Datum		array;

	if (!multi_label)
	{
		*labels = palloc(sizeof(char *));
		*count = 1;
		return ((*labels)[0] = result_text(number, COLUMN_LABEL)) != NULL;
	}
	array = result_datum(number, COLUMN_LABEL, TEXTARRAYOID, &isnull);
	if (isnull)
		return false;
	if (array_contains_nulls(DatumGetArrayTypeP(array)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("labels of a row must not contain NULL: %s", result_text(number, COLUMN_LABEL)),
				 errhint("An image without labels has an empty array; NULL in place of the array leaves the row out.")));
	*labels = text_array_values(array, count);
	return true;
}

/*
 * Adds one row to a batch, or counts it as one without an image. A label may
 * be NULL although the query excludes NULL: a function in a view may return
 * something else the second time.
 */
static void
fetch_row(SourceBatch *b, const TrainOptions *o, uint64 number, Dataset *dataset)
{
	bool		isnull;
	Datum		image = result_datum(number, COLUMN_IMAGE, BYTEAOID, &isnull);
	char	   *key = result_text(number, COLUMN_KEY);
	char	   *group = result_text(number, COLUMN_GROUP);
	SourceRow	row;
	vc_decode_job *job;
	int			place;

	if (!fetch_labels(number, dataset->multi_label, &row.labels, &row.row.label_count))
		return;
	if (isnull)
	{
		dataset_add_bad(dataset, key, "image is NULL");
		return;
	}
	place = decoding_batch_add(b->batch, image);
	job = &b->batch->jobs[place];
	row.row.labels = NULL;
	row.row.key = key;
	row.row.group_key = group;
	row.row.hash = hash_bytes_extended(job->data, job->size, 0);
	row.row.fold = 0;
	row.row.group = group == NULL ? row.row.hash :
		hash_bytes_extended((unsigned char *) group, strlen(group), 0);
	row.row.side = side_from_text(o, result_text(number, COLUMN_SPLIT));
	b->rows[place] = row;
}

/* Fetches rows into an idle batch; returns false after the last. */
static bool
fetch_source_rows(SourceBatch *b, const TrainOptions *o, Portal cursor, Dataset *dataset)
{
	MemoryContext caller;
	uint64		rows;

	decoding_batch_reset(b->batch);
	MemoryContextReset(b->keys);
	rows = sql_fetch(cursor, ROWS_PER_FETCH);
	caller = MemoryContextSwitchTo(b->keys);
	for (uint64 i = 0; i < rows; i++)
		fetch_row(b, o, i, dataset);
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(SPI_tuptable);
	return rows > 0;
}

static int
compare_row_numbers(const void *a, const void *b)
{
	return *(const int32 *) a - *(const int32 *) b;
}

/* Looks up a row's labels among the classes, each once. */
static void
number_labels(SourceRow *row, Dataset *dataset)
{
	int			count = row->row.label_count;
	int32	   *labels = palloc(sizeof(int32) * Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		labels[i] = dataset_label(dataset, row->labels[i]);
	}
	qsort(labels, count, sizeof(int32), compare_row_numbers);
	row->row.labels = labels;
	row->row.label_count = qunique(labels, count, sizeof(int32), compare_row_numbers);
}

/* Puts a decoded batch into the dataset. */
static void
store_row(SourceBatch *b, Dataset *dataset)
{
	MemoryContext caller = MemoryContextSwitchTo(b->keys);
	DecodingBatch	   *batch = b->batch;

	for (int i = 0; i < batch->count; i++)
	{
		SourceRow  *row = &b->rows[i];

		if (batch->jobs[i].error.code != VC_OK)
		{
			dataset_add_bad(dataset, row->row.key, batch->jobs[i].error.message);
			continue;
		}
		if (batch->jobs[i].flaw.text[0] != '\0')
			dataset_add_flawed(dataset, row->row.key, batch->jobs[i].flaw.text);
		number_labels(row, dataset);
		dataset_add(dataset, batch->pixels + batch->image_bytes * i, &row->row);
	}
	MemoryContextSwitchTo(caller);
}

static void
read_rows(const TrainOptions *o, Dataset *dataset)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "visclf source",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Decoder    *decoder = decoder_create(context, o->image_size, o->resize);
	SourceBatch *current = palloc(sizeof(SourceBatch));
	SourceBatch *following = palloc(sizeof(SourceBatch));
	Portal		cursor = open_cursor(o, dataset->multi_label);
	bool		more;

	source_batch_create(current, decoder);
	source_batch_create(following, decoder);
	more = fetch_source_rows(current, o, cursor, dataset);
	decoding_batch_start(current->batch);
	while (more)
	{
		SourceBatch *decoded = current;

		more = fetch_source_rows(following, o, cursor, dataset);
		decoding_batch_wait(decoded->batch);
		decoding_batch_start(following->batch);
		store_row(decoded, dataset);
		current = following;
		following = decoded;
	}
	SPI_cursor_close(cursor);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Throws if there are too few images to train on or to validate with. */
static void
check_enough(const TrainOptions *o, const Dataset *d)
{
	const char *source = get_rel_name(o->source);

	if (d->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no row of \"%s\" has a label and an image that can be decoded", source),
				 errhint("Rows whose \"%s\" is NULL are not used for training: label a few hundred.", o->label_column)));
	if (d->class_count < (d->multi_label ? 1 : 2))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 d->multi_label ?
				 errmsg("none of %lld images of \"%s\" has a label", (long long) d->count, source) :
				 errmsg("all %lld labelled images of \"%s\" have the label \"%s\"",
						(long long) d->count, source, d->classes[0].label),
				 d->multi_label ?
				 errhint("Column \"%s\" is empty in all of them.", o->label_column) :
				 errhint("Label examples of at least two classes.")));
	if (d->train_count < 2 || d->valid_count < 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%lld labelled images of \"%s\" give %lld to train on and %lld to validate with",
						(long long) d->count, source,
						(long long) d->train_count, (long long) d->valid_count),
				 errhint("At least 2 and 1 are needed: label more, or change validation_share.")));
}

Dataset *
source_read(const TrainOptions *o)
{
	Dataset    *dataset;

	source_lock(o->source);
	dataset = dataset_create((size_t) o->image_size * o->image_size * 3, check_columns(o));
	read_rows(o, dataset);
	source_order_classes(o, dataset);
	dataset_group_alike(dataset);
	dataset_finish(dataset, (uint64) o->seed, o->validation_share, o->folds);
	source_warn(o, dataset);
	check_enough(o, dataset);
	return dataset;
}

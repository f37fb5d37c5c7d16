/*
 * source.c
 *		Reading the table or view that a model is trained on.
 *
 * Rows come through a cursor, a batch at a time; while one batch is decoded
 * on the pool, the next is fetched.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "batch.h"
#include "source.h"

#define ROWS_PER_FETCH 64

/* A fetched row: what the batch does not know of it. */
typedef struct SourceRow
{
	uint64		hash;
	char	   *label;
	char	   *key;
} SourceRow;

typedef struct SourceBatch
{
	Batch	   *batch;
	MemoryContext keys;
	SourceRow	rows[ROWS_PER_FETCH];
} SourceBatch;

/* Throws unless rows can be selected from the relation. */
static void
check_relation(const TrainOptions *o)
{
	char		kind = get_rel_relkind(o->source);

	if (kind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", o->source)));
	if (kind == RELKIND_RELATION || kind == RELKIND_VIEW || kind == RELKIND_MATVIEW ||
		kind == RELKIND_FOREIGN_TABLE || kind == RELKIND_PARTITIONED_TABLE)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a table or view", get_rel_name(o->source)),
			 errhint("Pass the name of the table or view that has the images.")));
}

/* The type of a column, domains looked through. */
static Oid
column_type(const TrainOptions *o, const char *column, const char *option)
{
	AttrNumber	number = get_attnum(o->source, column);

	if (number == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of \"%s\" does not exist", column, get_rel_name(o->source)),
				 errhint("Name the column: %s => '...'.", option)));
	return getBaseType(get_atttype(o->source, number));
}

static void
check_columns(const TrainOptions *o)
{
	Oid			type = column_type(o, o->image_column, "image_column");

	if (type != BYTEAOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, not bytea", o->image_column,
						format_type_be(type)),
				 errhint("Images are the bytes of JPEG files in a bytea column; name it with image_column => '...'.")));
	type = column_type(o, o->label_column, "label_column");
	if (type == BYTEAOID || type_is_array(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be the label", o->label_column,
						format_type_be(type)),
				 errhint("A label is one value: text, an enum, an integer, a boolean.")));
	if (o->key_column)
		column_type(o, o->key_column, "key_column");
}

static Portal
open_cursor(const TrainOptions *o)
{
	StringInfoData query;
	const char *label = quote_identifier(o->label_column);

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT s.%s, s.%s::pg_catalog.text, ",
					 quote_identifier(o->image_column), label);
	if (o->key_column)
		appendStringInfo(&query, "s.%s::pg_catalog.text", quote_identifier(o->key_column));
	else
		appendStringInfoString(&query, "NULL::pg_catalog.text");
	appendStringInfo(&query, " FROM %s s WHERE s.%s IS NOT NULL",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(o->source)),
												get_rel_name(o->source)),
					 label);
	return SPI_cursor_open_with_args(NULL, query.data, 0, NULL, NULL, NULL, false, 0);
}

static void
make_batch(SourceBatch *b, Decoder *decoder)
{
	b->batch = batch_create(CurrentMemoryContext, decoder, ROWS_PER_FETCH);
	b->keys = AllocSetContextCreate(CurrentMemoryContext, "visclf keys",
									ALLOCSET_SMALL_SIZES);
}

/* Fetches rows into an idle batch; false after the last. */
static bool
fetch(SourceBatch *b, Portal cursor, Dataset *dataset)
{
	batch_reset(b->batch);
	MemoryContextReset(b->keys);
	SPI_cursor_fetch(cursor, true, ROWS_PER_FETCH);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		MemoryContext caller = MemoryContextSwitchTo(b->keys);
		char	   *key = SPI_getvalue(tuple, desc, 3);
		bool		isnull;
		Datum		image = SPI_getbinval(tuple, desc, 1, &isnull);
		vc_decode_job *job;
		SourceRow  *row;

		if (isnull)
			dataset_add_bad(dataset, key, "image is NULL");
		else
		{
			job = &b->batch->jobs[batch_add(b->batch, image)];
			row = &b->rows[b->batch->count - 1];
			row->label = SPI_getvalue(tuple, desc, 2);
			row->key = key;
			row->hash = hash_bytes_extended(job->data, job->size, 0);
		}
		MemoryContextSwitchTo(caller);
	}
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed > 0;
}

/* Puts a decoded batch into the dataset. */
static void
store(SourceBatch *b, Dataset *dataset)
{
	Batch	   *batch = b->batch;

	for (int i = 0; i < batch->count; i++)
	{
		SourceRow  *row = &b->rows[i];

		if (batch->jobs[i].error.code == VC_OK)
			dataset_add(dataset, batch->pixels + batch->image_bytes * i,
						row->hash, dataset_label(dataset, row->label), row->key);
		else
			dataset_add_bad(dataset, row->key, batch->jobs[i].error.message);
	}
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
	Portal		cursor = open_cursor(o);
	bool		more;

	make_batch(current, decoder);
	make_batch(following, decoder);
	more = fetch(current, cursor, dataset);
	batch_start(current->batch);
	while (more)
	{
		SourceBatch *decoded = current;

		more = fetch(following, cursor, dataset);
		batch_wait(decoded->batch);
		batch_start(following->batch);
		store(decoded, dataset);
		current = following;
		following = decoded;
	}
	SPI_cursor_close(cursor);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

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

/* Throws where there is too little to train on or to validate with. */
static void
check_enough(const TrainOptions *o, const Dataset *d)
{
	const char *source = get_rel_name(o->source);

	if (d->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no row of \"%s\" has a label and an image that can be decoded", source),
				 errhint("Rows whose \"%s\" is NULL are not trained on: label some hundred.", o->label_column)));
	if (d->class_count < 2)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("all %lld labelled images of \"%s\" have the label \"%s\"",
						(long long) d->count, source, d->classes[0].label),
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

	check_relation(o);
	check_columns(o);
	dataset = dataset_create((size_t) o->image_size * o->image_size * 3);
	read_rows(o, dataset);
	dataset_finish(dataset, (uint64) o->seed, o->validation_share);
	warn_of_bad_rows(o, dataset);
	check_enough(o, dataset);
	return dataset;
}

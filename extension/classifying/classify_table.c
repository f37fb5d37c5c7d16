/*
 * classify_table.c
 *		visclf.classify_table: classifies the rows that have no prediction yet.
 *
 * While the pool decodes one batch, the next is fetched; then the network runs
 * and the predictions are written. Outside a transaction block each batch is a
 * transaction, so predictions that are written stay if the backend dies, and
 * no row is classified twice.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "extension/support/arguments.h"
#include "extension/support/decoding_batch.h"
#include "extension/classifying/cache.h"
#include "extension/models/model_locks.h"
#include "extension/classifying/unclassified_rows.h"
#include "extension/classifying/prediction.h"
#include "extension/support/settings.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"
#include "extension/support/clock.h"

PG_FUNCTION_INFO_V1(visclf_classify_table);

#define NO_IMAGE (-1)			/* the row's image is NULL */

/* Arguments of visclf.classify_table. */
enum
{
	ARG_MODEL,
	ARG_SOURCE,
	ARG_KEY_COLUMN,
	ARG_TARGET,
	ARG_IMAGE_COLUMN,
	ARG_REPLACE
};

/* A batch of rows. */
typedef struct TableRows
{
	MemoryContext context;		/* of the keys, reset for each batch */
	int			count;
	Datum	   *keys;			/* [batch_size] */
	int		   *jobs;			/* [batch_size]: place in the batch, or NO_IMAGE */
	DecodingBatch	   *batch;
} TableRows;

typedef struct Work
{
	ModelKey	key;
	vc_precision precision;
	int			batch_size;
	bool		atomic;
	const char *model;			/* its name */
	UnclassifiedRows    *unclassified;
	PredictionTable *table;
	float	   *logits;			/* [batch_size][classes] */
	int64		done;
	int64		failed;			/* of them, without a prediction */
	instr_time	start;
	instr_time	last_progress;
} Work;

static TableRows *
table_rows_create(const Work *w, Decoder *decoder)
{
	TableRows	   *rows = palloc0(sizeof(*rows));

	rows->context = AllocSetContextCreate(CurrentMemoryContext, "visclf keys",
										  ALLOCSET_DEFAULT_SIZES);
	rows->keys = palloc(sizeof(Datum) * w->batch_size);
	rows->jobs = palloc(sizeof(int) * w->batch_size);
	rows->batch = decoding_batch_create(CurrentMemoryContext, decoder, w->batch_size);
	return rows;
}

/* Fetches rows and adds their images to the batch. Returns false after the last. */
static bool
fetch_rows(Work *w, TableRows *rows)
{
	MemoryContext caller;
	const UnclassifiedRows *p = w->unclassified;
	uint64		fetched;
	bool		more;

	decoding_batch_reset(rows->batch);
	MemoryContextReset(rows->context);
	caller = MemoryContextSwitchTo(rows->context);
	rows->count = 0;
	more = unclassified_rows_next(w->unclassified, w->batch_size, &fetched);
	for (uint64 i = 0; i < fetched && rows->count < w->batch_size; i++)
	{
		bool		isnull;
		Datum		key = result_datum(i, 1, p->key_type, &isnull);
		Datum		image;

		if (isnull)
			continue;
		rows->keys[rows->count] = unclassified_rows_own_key(p, key);
		image = result_datum(i, 2, BYTEAOID, &isnull);
		rows->jobs[rows->count++] = isnull ? NO_IMAGE : decoding_batch_add(rows->batch, image);
	}
	if (more)
		SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(caller);
	return more;
}

/* Returns the prediction of one row, after its batch has run. */
static Datum
prediction_of(Work *w, const CachedModel *cached, const TableRows *rows, int i)
{
	int			job = rows->jobs[i];
	vc_error	error = {.message = "image is NULL"};

	if (job != NO_IMAGE && rows->batch->jobs[job].error.code == VC_OK)
		return prediction_make(w->table->desc, cached->model,
							   w->logits + (size_t) job * cached->model->class_count,
							   &rows->batch->jobs[job].flaw);
	w->failed++;
	return prediction_error(w->table->desc, cached->model,
							job == NO_IMAGE ? &error : &rows->batch->jobs[job].error);
}

/* Runs the network on decoded rows; their predictions are in the rows' context. */
static Datum *
predict_rows(Work *w, TableRows *rows)
{
	CachedModel *cached = cached_model(w->key, w->batch_size, w->precision);
	MemoryContext caller = MemoryContextSwitchTo(rows->context);
	Datum	   *predictions = palloc(sizeof(Datum) * Max(rows->count, 1));

	if (rows->batch->count > 0)
		cached_model_run(cached, rows->batch->pixels, rows->batch->count, w->logits, NULL);
	for (int i = 0; i < rows->count; i++)
		predictions[i] = prediction_of(w, cached, rows, i);
	MemoryContextSwitchTo(caller);
	return predictions;
}

/*
 * Writes the predictions of decoded rows. All are made before the first is
 * written: triggers of the table may classify with other models, so that the
 * cache drops this one.
 */
static void
classify_rows(Work *w, TableRows *rows)
{
	Datum	   *predictions = predict_rows(w, rows);

	prediction_table_check(w->table);
	for (int i = 0; i < rows->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		prediction_table_write(w->table, rows->keys[i], predictions[i]);
	}
	w->done += rows->count;
	if (!w->atomic)
		sql_commit();
}

/* Reports progress, at most every visclf.progress_interval. */
static void
report_progress(Work *w)
{
	double		seconds = seconds_since(w->start);

	if (setting_progress_interval == 0 || w->done == 0 || w->done >= w->unclassified->count ||
		seconds_since(w->last_progress) < setting_progress_interval)
		return;
	INSTR_TIME_SET_CURRENT(w->last_progress);
	ereport(NOTICE,
			(errmsg("%lld of %lld rows, %.1f rows/s, about %s left",
					(long long) w->done, (long long) w->unclassified->count, w->done / seconds,
					clock_time((w->unclassified->count - w->done) * seconds / w->done))));
}

static void
classify_all(Work *w)
{
	const Model *model = cached_model(w->key, w->batch_size, w->precision)->model;
	Decoder    *decoder = decoder_create(CurrentMemoryContext, model->image_size, model->resize);
	TableRows	   *current = table_rows_create(w, decoder);
	TableRows	   *following = table_rows_create(w, decoder);
	bool		more;

	w->logits = palloc(sizeof(float) * w->batch_size * model->class_count);
	INSTR_TIME_SET_CURRENT(w->start);
	w->last_progress = w->start;
	more = fetch_rows(w, current);
	decoding_batch_start(current->batch);
	while (more)
	{
		TableRows	   *decoded = current;

		more = fetch_rows(w, following);
		decoding_batch_wait(decoded->batch);
		decoding_batch_start(following->batch);
		classify_rows(w, decoded);
		report_progress(w);
		current = following;
		following = decoded;
	}
}

/* Reports how many rows were classified and how many were not. */
static void
report_classified(const Work *w)
{
	if (w->unclassified->count == 0)
		ereport(NOTICE,
				(errmsg("every row of %s has a prediction of model \"%s\" in %s",
						w->unclassified->source, w->model, w->table->name)));
	else
		ereport(NOTICE,
				(errmsg("classified %lld rows into %s, %lld of them failed",
						(long long) w->done, w->table->name, (long long) w->failed)));
	if (w->unclassified->without_key > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("%lld rows of %s were left out: their %s is NULL",
						(long long) w->unclassified->without_key, w->unclassified->source,
						w->unclassified->key_column)));
}

/* CALL visclf.classify_table(...) */
Datum
visclf_classify_table(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"model", "source", "key_column", "target", "image_column", "replace"};
	Work	   *w;
	Oid			source;
	char	   *key_column;
	char	   *image_column;
	Oid			key_type;
	int32		key_typmod;
	Oid			key_collation;

	arguments_not_null(fcinfo, names, lengthof(names));
	source = PG_GETARG_OID(ARG_SOURCE);
	key_column = NameStr(*PG_GETARG_NAME(ARG_KEY_COLUMN));
	image_column = NameStr(*PG_GETARG_NAME(ARG_IMAGE_COLUMN));
	SPI_connect_ext(call_is_atomic(fcinfo) ? 0 : SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(AllocSetContextCreate(CurrentMemoryContext, "visclf classify_table",
												ALLOCSET_DEFAULT_SIZES));
	w = palloc0(sizeof(*w));
	w->atomic = call_is_atomic(fcinfo);
	w->precision = setting_precision;
	w->batch_size = setting_batch_size;
	source_lock(source);
	source_check_image(source, image_column);
	source_check_key(source, key_column);
	get_atttypetypmodcoll(source, get_attnum(source, key_column), &key_type, &key_typmod,
						  &key_collation);
	w->model = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	w->key = model_find_active(w->model);
	w->table = prediction_table_open(text_to_cstring(PG_GETARG_TEXT_PP(ARG_TARGET)), key_column,
									 key_type, key_typmod);
	lock_predictions(w->table->relation, CurrentMemoryContext);
	w->unclassified = unclassified_rows_find(source, key_column, image_column, w->table, w->key.model_id);
	if (!PG_GETARG_BOOL(ARG_REPLACE))
		unclassified_rows_check_models(w->unclassified, w->table, w->model);
	if (w->unclassified->count > 0)
		classify_all(w);
	report_classified(w);
	SPI_finish();
	return (Datum) 0;
}

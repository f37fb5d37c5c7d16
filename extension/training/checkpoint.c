/*
 * checkpoint.c
 *		Writes what a training leaves in the database, on its way and at its
 *		end.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "extension/support/sql.h"
#include "extension/training/training.h"
#include "extension/models/model_version.h"

char *
training_progress(const Training *t)
{
	char		loss[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(t->loss.value, loss);
	return psprintf("{\"run\": %d, \"phase\": %d, \"epoch\": %d, \"loss\": %s, \"loss_count\": " INT64_FORMAT
					", \"fingerprint\": \"" UINT64_FORMAT "\"}",
					t->run, t->phase, t->epoch, loss, t->loss.count, t->data->fingerprint);
}

void
checkpoint_write(Training *t)
{
	weights_write(t->model, t->device.api, t->plan);
	optimizer_write(t->model, t->device.api, t->plan);
	checkpoint_place(t);
}

void
checkpoint_place(Training *t)
{
	Sql			sql;

	sql_begin(&sql, "UPDATE visclf.model SET progress = $3::pg_catalog.jsonb "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1 AND owner_role OPERATOR(pg_catalog.=) $2");
	sql_int(&sql, t->model->model_id);
	sql_oid(&sql, t->model->owner);
	sql_text(&sql, training_progress(t));
	version_write(&sql, t->model->name, 1);
	INSTR_TIME_SET_CURRENT(t->last_checkpoint);
}

/* Throws if the rows have changed since the training began. */
static void
check_fingerprint(const Training *t, const char *stored)
{
	char	   *now = psprintf(UINT64_FORMAT, t->data->fingerprint);

	if (strcmp(stored, now) != 0 || t->data->multi_label != t->model->multi_label)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the labelled rows of \"%s\" have changed since the training began",
						get_rel_name(t->options->source)),
				 errhint("CALL visclf.train to train a new version on the rows as they are.")));
}

/* Returns a column of the row that was read; throws if it is NULL. */
static char *
progress_text(int column)
{
	char	   *value = result_text(0, column);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("progress is missing from the model's row"),
				 errhint("Train a new version.")));
	return value;
}

bool
checkpoint_read(Training *t)
{
	Sql			sql;
	int64		run;
	int64		phase;
	int64		epoch;

	sql_begin(&sql,
			  "SELECT m.progress OPERATOR(pg_catalog.->>) 'phase', "
			  "m.progress OPERATOR(pg_catalog.->>) 'epoch', "
			  "m.progress OPERATOR(pg_catalog.->>) 'loss', "
			  "m.progress OPERATOR(pg_catalog.->>) 'loss_count', "
			  "m.progress OPERATOR(pg_catalog.->>) 'fingerprint', "
			  "m.progress OPERATOR(pg_catalog.->>) 'run' "
			  "FROM visclf.model m WHERE m.model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_read_latest(&sql);
	check_fingerprint(t, progress_text(5));
	run = strtoll(progress_text(6), NULL, 10);
	phase = strtoll(progress_text(1), NULL, 10);
	epoch = strtoll(progress_text(2), NULL, 10);
	t->loss.value = strtod(progress_text(3), NULL);
	t->loss.count = strtoll(progress_text(4), NULL, 10);
	if (run < 0 || run > t->data->folds || phase < 0 || phase >= t->recipe.phases ||
		epoch < 0 || epoch >= t->recipe.phase[phase].epochs)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("progress of model \"%s\" is outside its training", t->model->name),
				 errhint("Train a new version.")));
	t->run = (int) run;
	t->phase = (int) phase;
	t->epoch = (int) epoch;
	if (t->run > 0)
		training_take(t);
	if (t->phase == 0 && t->epoch == 0)
		return false;
	weights_read(t->model, t->device.api, t->plan);
	optimizer_read(t->model, t->device.api, t->plan);
	return true;
}

/* Returns the names of classes, as an array if images have any number of them. */
static void
sql_classes(Sql *sql, const Model *model, const int *labels, int count)
{
	char	  **names = palloc(sizeof(char *) * Max(count, 1));

	for (int i = 0; i < count; i++)
		names[i] = model->classes[labels[i]];
	if (model->multi_label)
		sql_datum(sql, TEXTARRAYOID, text_array(names, count));
	else
		sql_text(sql, names[0]);
}

void
validation_write(const Training *t, int number, uint32 row, double loss)
{
	const Model *model = t->model;
	const DatasetRow *r = &t->data->rows[row];
	MemoryContext one = AllocSetContextCreate(CurrentMemoryContext, "visclf validation row",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(one);
	int		   *predicted = palloc(sizeof(int) * model->class_count);
	int			count = model_labels(model, t->probabilities, predicted);
	Sql			sql;

	sql_begin(&sql, model->multi_label ?
			  "INSERT INTO visclf.validation (model_id, row_number, key, labels, "
			  "predicted_labels, probabilities, loss, group_key, fold) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)" :
			  "INSERT INTO visclf.validation (model_id, row_number, key, label, "
			  "predicted, probabilities, loss, group_key, fold) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
	sql_int(&sql, model->model_id);
	sql_int(&sql, number);
	sql_text(&sql, r->key);
	sql_classes(&sql, model, r->labels, r->label_count);
	sql_classes(&sql, model, predicted, count);
	sql_datum(&sql, FLOAT4ARRAYOID, real_array(t->probabilities, model->class_count));
	sql_float8(&sql, loss);
	sql_text(&sql, r->group_key);
	sql_int(&sql, r->fold);
	if (r->fold == 0)
		sql.nulls[sql.count - 1] = 'n';
	sql_write(&sql);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(one);
}

void
training_finish(const Training *t, const Validation *v)
{
	Sql			sql;

	weights_write(t->model, t->device.api, t->plan);
	sql_begin(&sql, "DELETE FROM visclf.optimizer_state WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_write(&sql);
	sql_begin(&sql,
			  "SELECT pg_catalog.jsonb_build_object("
			  "'accuracy', $1::pg_catalog.float4, 'valid_loss', $2::pg_catalog.float4, "
			  "'train_images', $3, 'valid_images', $4, 'skipped_images', $5) "
			  "OPERATOR(pg_catalog.||) CASE WHEN $6 THEN "
			  "pg_catalog.jsonb_build_object('f1_score', $7::pg_catalog.float4) ELSE '{}' END");
	sql_float8(&sql, v->accuracy);
	sql_float8(&sql, v->loss);
	sql_bigint(&sql, t->data->train_images);
	sql_bigint(&sql, t->data->folds > 0 ? t->data->count : t->data->valid_count);
	sql_bigint(&sql, t->data->bad.count);
	sql_datum(&sql, BOOLOID, BoolGetDatum(t->data->multi_label));
	sql_float8(&sql, v->f1);
	sql_read(&sql);
	version_ready(t->model, SPI_datumTransfer(result_not_null(0, 1, JSONBOID), false, -1));
}

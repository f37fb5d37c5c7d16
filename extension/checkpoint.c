/*
 * checkpoint.c
 *		What a training leaves in the database as it goes and when it ends.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "sql.h"
#include "training.h"
#include "version.h"

#include "../engine/metrics.h"

char *
training_progress(const Training *t)
{
	char		loss[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(t->loss.value, loss);
	return psprintf("{\"phase\": %d, \"epoch\": %d, \"loss\": %s, \"loss_count\": " INT64_FORMAT
					", \"fingerprint\": \"" UINT64_FORMAT "\"}",
					t->phase, t->epoch, loss, t->loss.count, t->data->fingerprint);
}

void
checkpoint_write(Training *t)
{
	Sql			sql;

	weights_write(t->model, t->device.api, t->plan);
	optimizer_write(t->model, t->device.api, t->plan);
	sql_begin(&sql, "UPDATE visclf.model SET progress = $2::pg_catalog.jsonb "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_text(&sql, training_progress(t));
	sql_write(&sql);
	INSTR_TIME_SET_CURRENT(t->last_checkpoint);
}

/* Throws where the rows are not those that the training began with. */
static void
check_fingerprint(const Training *t, const char *stored)
{
	char	   *now = psprintf(UINT64_FORMAT, t->data->fingerprint);

	if (strcmp(stored, now) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the labelled rows of \"%s\" have changed since the training began",
						get_rel_name(t->options->source)),
				 errhint("CALL visclf.train to train a new version on the rows as they are.")));
}

bool
checkpoint_read(Training *t)
{
	Sql			sql;

	sql_begin(&sql,
			  "SELECT m.progress OPERATOR(pg_catalog.->>) 'phase', "
			  "m.progress OPERATOR(pg_catalog.->>) 'epoch', "
			  "m.progress OPERATOR(pg_catalog.->>) 'loss', "
			  "m.progress OPERATOR(pg_catalog.->>) 'loss_count', "
			  "m.progress OPERATOR(pg_catalog.->>) 'fingerprint' "
			  "FROM visclf.model m WHERE m.model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_read_latest(&sql);
	check_fingerprint(t, stored_text(5, "progress"));
	t->phase = atoi(stored_text(1, "progress"));
	t->epoch = atoi(stored_text(2, "progress"));
	t->loss.value = strtod(stored_text(3, "progress"), NULL);
	t->loss.count = strtoll(stored_text(4, "progress"), NULL, 10);
	if (t->phase < 0 || t->phase >= t->recipe.phases ||
		t->epoch < 0 || t->epoch > t->recipe.phase[t->phase].epochs)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("progress of model \"%s\" is outside its training", t->model->name),
				 errhint("Train a new version.")));
	if (t->phase == 0 && t->epoch == 0)
		return false;
	weights_read(t->model, t->device.api, t->plan);
	optimizer_read(t->model, t->device.api, t->plan);
	return true;
}

void
validation_write(const Training *t, int number, uint32 row, const float *logits, double loss)
{
	const Model *model = t->model;
	const DatasetRow *r = &t->data->rows[row];
	MemoryContext one = AllocSetContextCreate(CurrentMemoryContext, "visclf validation row",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(one);
	float	   *probabilities = palloc(sizeof(float) * model->class_count);
	Sql			sql;

	vc_softmax(logits, model->class_count, probabilities);
	sql_begin(&sql, "INSERT INTO visclf.validation (model_id, row_number, key, label, "
			  "predicted, probabilities, loss) VALUES ($1, $2, $3, $4, $5, $6, $7)");
	sql_int(&sql, model->model_id);
	sql_int(&sql, number);
	sql_text(&sql, r->key);
	sql_text(&sql, model->classes[r->label]);
	sql_text(&sql, model->classes[vc_argmax(logits, model->class_count)]);
	sql_datum(&sql, FLOAT4ARRAYOID, real_array(probabilities, model->class_count));
	sql_float8(&sql, loss);
	sql_write(&sql);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(one);
}

void
training_finish(const Training *t, const Validation *v)
{
	Sql			sql;
	bool		isnull;

	weights_write(t->model, t->device.api, t->plan);
	sql_begin(&sql, "DELETE FROM visclf.optimizer_state WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_write(&sql);
	sql_begin(&sql,
			  "SELECT pg_catalog.jsonb_build_object("
			  "'accuracy', $1::pg_catalog.float4, 'valid_loss', $2::pg_catalog.float4, "
			  "'train_images', $3, 'valid_images', $4, 'skipped_images', $5)");
	sql_float8(&sql, v->accuracy);
	sql_float8(&sql, v->loss);
	sql_bigint(&sql, t->data->train_count);
	sql_bigint(&sql, t->data->valid_count);
	sql_bigint(&sql, t->data->bad_count);
	sql_read(&sql);
	version_ready(t->model, SPI_datumTransfer(result_datum(0, 1, &isnull), false, -1));
}

/*
 * checkpoint.c
 *		What a training leaves in the database as it goes and when it ends.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "sql.h"
#include "training.h"
#include "version.h"

#include "../engine/metrics.h"

/* A number that changes with the images and labels trained on. */
static char *
fingerprint(const Training *t)
{
	return psprintf(UINT64_FORMAT, t->data->fingerprint);
}

void
checkpoint_write(Training *t)
{
	Sql			sql;
	char		loss[DOUBLE_SHORTEST_DECIMAL_LEN];

	weights_write(t->model, t->device.api, t->plan);
	optimizer_write(t->model, t->device.api, t->plan);
	double_to_shortest_decimal_buf(t->loss.value, loss);
	sql_begin(&sql,
			  "UPDATE visclf.model SET progress = pg_catalog.jsonb_build_object("
			  "'phase', $2, 'epoch', $3, 'loss', $4::pg_catalog.text, 'loss_count', $5, "
			  "'fingerprint', $6::pg_catalog.text) "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_int(&sql, t->phase);
	sql_int(&sql, t->epoch);
	sql_text(&sql, loss);
	sql_bigint(&sql, t->loss.count);
	sql_text(&sql, fingerprint(t));
	sql_run(&sql);
	INSTR_TIME_SET_CURRENT(t->last_checkpoint);
}

bool
checkpoint_read(Training *t)
{
	Sql			sql;

	sql_begin(&sql,
			  "SELECT p.phase, p.epoch, p.loss, p.loss_count, p.fingerprint FROM visclf.model m, "
			  "pg_catalog.jsonb_to_record(m.progress) AS p(phase text, epoch text, "
			  "loss text, loss_count text, fingerprint text) "
			  "WHERE m.model_id OPERATOR(pg_catalog.=) $1 AND m.progress IS NOT NULL");
	sql_int(&sql, t->model->model_id);
	if (sql_run(&sql) == 0)
		return false;
	if (strcmp(result_text(0, 5), fingerprint(t)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the labelled rows of \"%s\" have changed since the training began",
						get_rel_name(t->options->source)),
				 errhint("CALL visclf.train to train a new version on the rows as they are.")));
	t->phase = atoi(result_text(0, 1));
	t->epoch = atoi(result_text(0, 2));
	t->loss.value = strtod(result_text(0, 3), NULL);
	t->loss.count = strtoll(result_text(0, 4), NULL, 10);
	weights_read(t->model, t->device.api, t->plan);
	optimizer_read(t->model, t->device.api, t->plan);
	return true;
}

void
validation_write(const Training *t, int number, uint32 row, const float *logits, double loss)
{
	const Model *model = t->model;
	const DatasetRow *r = &t->data->rows[row];
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
	sql_run(&sql);
}

void
training_finish(const Training *t, const Validation *v)
{
	Sql			sql;
	bool		isnull;

	weights_write(t->model, t->device.api, t->plan);
	sql_begin(&sql, "DELETE FROM visclf.optimizer_state WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_run(&sql);
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

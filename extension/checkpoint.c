/*
 * checkpoint.c
 *		The rows of a version while it is trained and when it is ready.
 *
 * A version in training holds an advisory lock, taken anew in each
 * transaction, so that a training whose backend is gone can be told from one
 * that runs: the view visclf.models shows it, and visclf.resume relies on it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/shortest_dec.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "sql.h"
#include "training.h"

#include "../engine/metrics.h"

/* First key of the advisory locks: "visc"; visclf.sql has the same number. */
#define LOCK_CLASS 1986622307

void
version_lock(const Model *model)
{
	if (!DatumGetBool(DirectFunctionCall2(pg_try_advisory_xact_lock_int4,
										  Int32GetDatum(LOCK_CLASS),
										  Int32GetDatum(model->model_id))))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("model \"%s\" version %d is being trained by another session",
						model->name, model->version),
				 errhint("See visclf.training_log for how far it is.")));
}

/* Throws where the name belongs to a role that this one is no member of. */
static void
check_name(const char *name)
{
	Sql			sql;
	char	   *owner;
	char	   *member;

	sql_begin(&sql, "SELECT o.owner, visclf.acts_as(o.owner) FROM visclf.model_owner($1) o(owner)");
	sql_text(&sql, name);
	sql_run(&sql);
	owner = result_text(0, 1);
	member = result_text(0, 2);
	if (owner != NULL && member[0] != 't')
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("model \"%s\" belongs to role \"%s\"", name, owner),
				 errhint("Choose another name.")));
}

/* Names of the classes, in the order of the network's outputs. */
static char **
class_names(const Dataset *d)
{
	char	  **names = palloc(sizeof(char *) * d->class_count);

	for (int i = 0; i < d->class_count; i++)
		names[i] = d->classes[i].label;
	return names;
}

int
version_create(const TrainOptions *o, const Dataset *d, const char *device)
{
	Sql			sql;
	bool		isnull;
	Datum		hyperparameters = options_to_jsonb(o);

	check_name(o->model);

	/* two trainings under one name get their numbers one after the other */
	DirectFunctionCall2(pg_advisory_xact_lock_int4, Int32GetDatum(LOCK_CLASS + 1),
						Int32GetDatum((int32) hash_bytes((unsigned char *) o->model,
														 strlen(o->model))));
	sql_begin(&sql,
			  "INSERT INTO visclf.model (name, version, architecture, head, classes, "
			  "image_size, resize, mean, std, hyperparameters, device) "
			  "SELECT $1, coalesce((SELECT pg_catalog.max(m.version) "
			  "FROM visclf.model m WHERE m.name OPERATOR(pg_catalog.=) $1), 0) "
			  "OPERATOR(pg_catalog.+) 1, $2, $3, $4, $5, $6, $7, $8, $9, $10 "
			  "RETURNING model_id");
	sql_text(&sql, o->model);
	sql_text(&sql, o->architecture);
	sql_text(&sql, head_name(o->head));
	sql_datum(&sql, TEXTARRAYOID, text_array(class_names(d), d->class_count));
	sql_int(&sql, o->image_size);
	sql_text(&sql, o->resize_name);
	sql_datum(&sql, FLOAT4ARRAYOID, real_array(vc_imagenet_mean, 3));
	sql_datum(&sql, FLOAT4ARRAYOID, real_array(vc_imagenet_std, 3));
	sql_datum(&sql, JSONBOID, hyperparameters);
	sql_text(&sql, device);
	sql_run(&sql);
	return DatumGetInt32(result_datum(0, 1, &isnull));
}

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
version_finish(const Training *t, const Validation *v)
{
	Sql			sql;

	weights_write(t->model, t->device.api, t->plan);
	sql_begin(&sql, "DELETE FROM visclf.optimizer_state WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_run(&sql);
	sql_begin(&sql, "UPDATE visclf.model SET active = false "
			  "WHERE name OPERATOR(pg_catalog.=) $1 AND active");
	sql_text(&sql, t->model->name);
	sql_run(&sql);
	sql_begin(&sql,
			  "UPDATE visclf.model SET status = 'ready', active = true, progress = NULL, "
			  "finished_at = pg_catalog.clock_timestamp(), metrics = pg_catalog.jsonb_build_object("
			  "'accuracy', $2::pg_catalog.float4, 'valid_loss', $3::pg_catalog.float4, "
			  "'train_images', $4, 'valid_images', $5, 'skipped_images', $6) "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_float8(&sql, v->accuracy);
	sql_float8(&sql, v->loss);
	sql_bigint(&sql, t->data->train_count);
	sql_bigint(&sql, t->data->valid_count);
	sql_bigint(&sql, t->data->bad_count);
	sql_run(&sql);
}

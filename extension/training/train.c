/*
 * train.c
 *		visclf.train and visclf.resume.
 *
 * The version's row is written first; epochs follow (training.c), and outside
 * a transaction block each is committed.  After an error or a cancel the row
 * stays behind to be resumed.
 */
#include "extension/support/pgcompat.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "extension/models/model_locks.h"
#include "extension/models/ownership.h"
#include "extension/training/source.h"
#include "extension/support/sql.h"
#include "extension/training/training.h"
#include "extension/models/model_version.h"

PG_FUNCTION_INFO_V1(visclf_train);
PG_FUNCTION_INFO_V1(visclf_resume);

/* Creates the row of the version to be trained; returns its model_id. */
static int
create_version(const Training *t)
{
	const TrainOptions *o = t->options;
	VersionRow	row = {0};

	row.name = o->model;
	row.architecture = o->architecture;
	row.head = o->head;
	row.classes = dataset_class_names(t->data);
	row.class_count = t->data->class_count;
	row.multi_label = t->data->multi_label;
	row.image_size = o->image_size;
	row.resize = o->resize_name;
	memcpy(row.mean, o->parent ? o->parent->mean : vc_imagenet_mean, sizeof(row.mean));
	memcpy(row.std, o->parent ? o->parent->std : vc_imagenet_std, sizeof(row.std));
	row.parent_id = o->parent_id;
	row.progress = training_progress(t);
	row.hyperparameters = options_to_jsonb(o);
	row.device = t->device.api->kind;
	return version_create(&row);
}

/* Warns that a training in a transaction block is not saved before its end. */
static void
warn_atomic(const Training *t)
{
	if (t->atomic)
		ereport(NOTICE,
				(errmsg("training inside a transaction block is not saved before COMMIT"),
				 errhint("Call it outside a transaction block to save each epoch and to be able to resume.")));
}

/* CALL visclf.train(...) */
Datum
visclf_train(PG_FUNCTION_ARGS)
{
	Training   *t;

	PreventCommandIfReadOnly("visclf.train()");
	t = training_begin(call_is_atomic(fcinfo));
	t->options = options_from_train(fcinfo);
	name_check(t->options->model);
	warn_atomic(t);
	training_open_device(t);
	t->data = source_read(t->options);
	t->options->folds = t->data->folds;
	log_classes(t);
	log_folds(t);
	t->model = model_read(create_version(t), true, CurrentMemoryContext);
	version_lock(t->model, CurrentMemoryContext);
	training_plan(t);
	training_start(t);
	training_commit(t);
	training_run(t);
	SPI_finish();
	return (Datum) 0;
}

/* Returns the model_id of the latest unfinished version of the current role's name. */
static int
find_unfinished(const char *name)
{
	Sql			sql;

	sql_begin(&sql, "SELECT model_id, status FROM visclf.model "
			  "WHERE name OPERATOR(pg_catalog.=) $1 AND owner_role OPERATOR(pg_catalog.=) $2 "
			  "ORDER BY status OPERATOR(pg_catalog.=) 'training' DESC, version DESC LIMIT 1");
	sql_text(&sql, name);
	sql_oid(&sql, name_check_owned(name));
	if (sql_read_all(&sql) == 0 || strcmp(result_string(0, 2), "training") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the training of model \"%s\" has finished", name),
				 errhint("CALL visclf.train to train a new version.")));
	return result_int(0, 1);
}

/*
 * Finds the unfinished version and locks it against a second training. The
 * training that held the lock may have ended meanwhile, so it looks again.
 */
static Model *
lock_unfinished(const char *name)
{
	int			model_id = find_unfinished(name);
	Model	   *model = model_read(model_id, true, CurrentMemoryContext);

	version_lock(model, CurrentMemoryContext);
	if (find_unfinished(name) != model_id)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the training of model \"%s\" version %d has just finished", name, model->version),
				 errhint("An earlier version is unfinished too: call visclf.resume again to continue it.")));
	return model;
}

/* CALL visclf.resume(model) */
Datum
visclf_resume(PG_FUNCTION_ARGS)
{
	Training   *t;

	PreventCommandIfReadOnly("visclf.resume()");
	t = training_begin(call_is_atomic(fcinfo));
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the model must not be NULL")));
	t->model = lock_unfinished(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	warn_atomic(t);
	t->options = options_from_model(t->model->model_id);
	training_open_device(t);
	t->data = source_read(t->options);
	training_plan(t);
	if (!checkpoint_read(t))
		training_start(t);
	training_run(t);
	SPI_finish();
	return (Datum) 0;
}

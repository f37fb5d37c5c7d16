/*
 * train.c
 *		visclf.train and visclf.resume.
 *
 * The source is read once into a temporary file; then each epoch shuffles,
 * steps, validates, writes its row and, outside a transaction block, commits.
 * Everything hangs on one memory context, so an error or a cancel at any
 * point frees it, and the version's row stays behind to be resumed.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <math.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "error.h"
#include "foreign.h"
#include "settings.h"
#include "source.h"
#include "sql.h"
#include "training.h"
#include "version.h"

#include "../engine/metrics.h"
#include "../engine/random.h"

PG_FUNCTION_INFO_V1(visclf_train);
PG_FUNCTION_INFO_V1(visclf_resume);

static void
release_device(void *argument)
{
	Training   *t = argument;

	t->device.api->close(t->device.device);
#ifdef __GLIBC__
	/* a gigabyte may be free now that would otherwise stay with the process */
	malloc_trim(0);
#endif
}

static void
release_plan(void *argument)
{
	Training   *t = argument;

	t->device.api->plan_free(t->plan);
}

/* Opens the device for the training alone. */
static void
make_device(Training *t)
{
	open_device(&t->device);
	vc_release_with(CurrentMemoryContext, release_device, t);
}

/*
 * Connects to SPI and makes a context that lives until training_end, over
 * commits, or until an error.
 */
static Training *
training_begin(FunctionCallInfo fcinfo)
{
	Training   *t;

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(AllocSetContextCreate(CurrentMemoryContext, "visclf training",
												ALLOCSET_DEFAULT_SIZES));
	t = palloc0(sizeof(*t));
	t->atomic = fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic;
	return t;
}

/* Outside a transaction block: keeps what is done. */
static void
commit(const Training *t)
{
	if (!t->atomic)
		SPI_commit();
}

/* Plans the network and makes room for one batch. */
static void
make_plan(Training *t)
{
	const vc_network *network = t->model->network;
	bool		probe = t->options->method == METHOD_PROBE;
	vc_plan_options options = {0};
	vc_error	error;

	t->batch_size = (int) Min(t->options->batch_size, t->data->train_count);
	options.purpose = probe ? VC_INFERENCE : VC_TRAINING;
	options.algorithm = setting_convolution;
	options.max_batch = t->batch_size;
	options.interrupted = vc_query_canceled;
	vc_check(t->device.api->plan(t->device.device, network, &options, &t->plan, &error), &error);
	vc_release_with(CurrentMemoryContext, release_plan, t);	/* before the network */
	t->images = MemoryContextAllocHuge(CurrentMemoryContext,
									   t->data->image_bytes * t->batch_size);
	t->labels = palloc(sizeof(int32) * t->batch_size);
	t->logits = palloc(sizeof(float) * t->batch_size * network->classes);
	if (probe)
		vc_recipe_probe(&t->recipe);
	else
		vc_recipe_fine_tune(&t->options->recipe, &t->recipe);
}

/* Sets every parameter to its random start. */
static void
start_random(Training *t)
{
	const vc_network *network = t->model->network;
	vc_error	error;

	for (int i = 0; i < network->parameter_count; i++)
	{
		float	   *data;

		if (!vc_parameter_stored(&network->parameters[i]))
			continue;
		data = palloc(sizeof(float) * network->parameters[i].count);
		vc_parameter_init(network, i, (uint64) t->options->seed, data);
		vc_check(t->device.api->set_parameter(t->plan, i, data, &error), &error);
		pfree(data);
	}
}

/* Whether the parent's head answers the same question in the same way. */
static bool
head_fits(const Model *parent, const Model *model)
{
	if (parent->head != model->head || parent->class_count != model->class_count)
		return false;
	for (int i = 0; i < model->class_count; i++)
		if (strcmp(parent->classes[i], model->classes[i]) != 0)
			return false;
	return true;
}

/* Sets the parameter that a parent's tensor is a start for. */
static void
start_from(int index, const float *data, void *argument)
{
	Training   *t = argument;
	const Model *parent = t->options->parent;
	const vc_parameter *p = &parent->network->parameters[index];
	vc_error	error;

	if (p->group == VC_GROUP_HEAD && !head_fits(parent, t->model))
		return;
	vc_check(t->device.api->set_parameter(t->plan, vc_network_find(t->model->network, p->name),
										  data, &error), &error);
}

/* Where training begins: random weights, over them the parent's. */
static void
initialize(Training *t)
{
	start_random(t);
	if (t->options->parent_id != 0 && t->options->parent == NULL)
		t->options->parent = model_read(t->options->parent_id, false, CurrentMemoryContext);
	if (t->options->parent)
		weights_each(t->options->parent, start_from, t);
}

void
training_load(Training *t, const uint32 *rows, int count)
{
	for (int i = 0; i < count; i++)
	{
		dataset_read(t->data, rows[i], t->images + t->data->image_bytes * i);
		t->labels[i] = t->data->rows[rows[i]].label;
	}
}

/* Throws where a loss says that the weights have run away. */
static void
check_finite(const Training *t, double loss)
{
	if (!isfinite(loss))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("training diverged: the loss is not a number in %s epoch %d",
						t->recipe.phase[t->phase].name, t->epoch),
				 errhint("Lower learning_rate, which was %g.",
						 t->options->recipe.learning_rate)));
}

/* Images still to train on, after `done` steps of this epoch. */
static int64
images_left(const Training *t, int steps, int done)
{
	int64		epochs = t->recipe.phase[t->phase].epochs - t->epoch;

	for (int p = t->phase + 1; p < t->recipe.phases; p++)
		epochs += t->recipe.phase[p].epochs;
	return (epochs * steps - done) * t->batch_size;
}

/*
 * One pass over the training rows, the last partial batch left out; returns
 * the smoothed loss.
 */
static double
train_epoch(Training *t)
{
	int			steps = (int) (t->data->train_count / t->batch_size);
	Size		bytes = sizeof(uint32) * t->data->train_count;
	uint32	   *order = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	uint64		seed = vc_random_bits((uint64) t->options->seed, t->phase, 0);
	instr_time	start;

	memcpy(order, t->data->train, bytes);
	vc_shuffle(order, t->data->train_count, seed, t->epoch);
	INSTR_TIME_SET_CURRENT(start);
	t->last_progress = start;
	for (int s = 0; s < steps; s++)
	{
		vc_step		step;
		float		loss;
		vc_error	error;

		CHECK_FOR_INTERRUPTS();
		training_load(t, order + (int64) s * t->batch_size, t->batch_size);
		vc_recipe_step(&t->recipe, t->phase, t->epoch, s, steps, &step);
		step.seed = seed;
		vc_check(t->device.api->train_step(t->plan, t->images, &(vc_targets) {.labels = t->labels},
										   t->batch_size, &step, &loss, NULL, &error), &error);
		check_finite(t, loss);
		vc_smooth_loss_add(&t->loss, loss);
		log_progress(t, (int64) (s + 1) * t->batch_size, (int64) steps * t->batch_size,
					 images_left(t, steps, s + 1), seconds_since(start));
	}
	pfree(order);
	return vc_smooth_loss_value(&t->loss);
}

/* Runs the validation rows; keeps what is said of each where asked to. */
static Validation
validate(Training *t, bool keep)
{
	const Dataset *d = t->data;
	int			classes = t->model->class_count;
	Validation	v = {0};

	for (int64 first = 0; first < d->valid_count; first += t->batch_size)
	{
		int			count = (int) Min(t->batch_size, d->valid_count - first);
		vc_error	error;

		CHECK_FOR_INTERRUPTS();
		training_load(t, d->valid + first, count);
		vc_check(t->device.api->forward(t->plan, t->images, count, t->logits, NULL, &error),
				 &error);
		for (int i = 0; i < count; i++)
		{
			const float *logits = t->logits + (size_t) i * classes;
			double		loss = vc_cross_entropy(logits, classes, t->labels[i]);

			v.loss += loss;
			v.accuracy += vc_argmax(logits, classes) == t->labels[i];
			if (keep)
				validation_write(t, (int) (first + i + 1), d->valid[first + i], logits, loss);
		}
	}
	v.loss /= d->valid_count;
	v.accuracy /= d->valid_count;
	check_finite(t, v.loss);
	return v;
}

/* One epoch and what it leaves; the last one of all finishes the version. */
static void
run_epoch(Training *t)
{
	bool		last = t->phase == t->recipe.phases - 1 &&
	t->epoch == t->recipe.phase[t->phase].epochs - 1;
	instr_time	start;
	Validation	v;
	double		loss;

	INSTR_TIME_SET_CURRENT(start);
	if (t->options->method == METHOD_PROBE)
		loss = probe_train(t);
	else
		loss = train_epoch(t);
	v = validate(t, last);
	log_epoch(t, loss, &v, seconds_since(start));
	t->epoch++;
	if (last)
		training_finish(t, &v);
	else if (!t->atomic && seconds_since(t->last_checkpoint) >= setting_checkpoint_interval)
		checkpoint_write(t);
	commit(t);
}

/* From where the training is to its end. */
static void
run(Training *t)
{
	vc_error	error;

	INSTR_TIME_SET_CURRENT(t->last_checkpoint);
	while (t->phase < t->recipe.phases)
	{
		if (t->epoch == 0 && t->options->method == METHOD_FINE_TUNE)
			vc_check(t->device.api->reset_optimizer(t->plan, &error), &error);
		if (t->epoch < t->recipe.phase[t->phase].epochs)
			log_header(t);
		while (t->epoch < t->recipe.phase[t->phase].epochs)
			run_epoch(t);
		t->phase++;
		t->epoch = 0;
		memset(&t->loss, 0, sizeof(t->loss));
	}
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

/* The row of the version to be trained; its model_id. */
static int
create_version(const Training *t)
{
	const TrainOptions *o = t->options;
	VersionRow	row = {0};

	row.name = o->model;
	row.architecture = o->architecture;
	row.head = o->head;
	row.classes = class_names(t->data);
	row.class_count = t->data->class_count;
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

/* CALL visclf.train(...) */
Datum
visclf_train(PG_FUNCTION_ARGS)
{
	Training   *t = training_begin(fcinfo);

	t->options = options_from_call(fcinfo);
	make_device(t);
	t->data = source_read(t->options);
	t->model = model_read(create_version(t), true, CurrentMemoryContext);
	version_lock(t->model, CurrentMemoryContext);
	make_plan(t);
	initialize(t);
	commit(t);
	run(t);
	SPI_finish();
	return (Datum) 0;
}

/* model_id of the latest version of a name whose training is unfinished. */
static int
find_unfinished(const char *name)
{
	Sql			sql;
	bool		isnull;

	sql_begin(&sql, "SELECT model_id, status FROM visclf.model "
			  "WHERE name OPERATOR(pg_catalog.=) $1 AND visclf.acts_as(owner) "
			  "ORDER BY status OPERATOR(pg_catalog.=) 'training' DESC, version DESC LIMIT 1");
	sql_text(&sql, name);
	if (sql_read(&sql) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("you own no model \"%s\"", name),
				 errhint("SELECT model, owner, status FROM visclf.models.")));
	if (strcmp(result_text(0, 2), "training") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the training of model \"%s\" has finished", name),
				 errhint("CALL visclf.train to train a new version.")));
	return DatumGetInt32(result_datum(0, 1, &isnull));
}

/* CALL visclf.resume(model) */
Datum
visclf_resume(PG_FUNCTION_ARGS)
{
	Training   *t = training_begin(fcinfo);
	int			model_id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the model must not be NULL")));
	model_id = find_unfinished(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	t->options = options_from_model(model_id);
	t->model = model_read(model_id, true, CurrentMemoryContext);
	version_lock(t->model, CurrentMemoryContext);
	make_device(t);
	t->data = source_read(t->options);
	make_plan(t);
	if (!checkpoint_read(t))
		initialize(t);
	run(t);
	SPI_finish();
	return (Datum) 0;
}

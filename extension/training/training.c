/*
 * training.c
 *		Runs a training, from an open device to its last epoch.
 *
 * The source is read once into a temporary file. Then each epoch shuffles,
 * steps, validates, writes its row and, outside a transaction block, commits.
 * Everything belongs to one memory context, so that an error or a cancel at
 * any point frees it.
 */
#include "extension/support/clock.h"
#include "extension/support/pgcompat.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/support/settings.h"
#include "extension/support/sql.h"
#include "extension/training/training.h"

#include "engine/support/random.h"

static void
release_training_device(void *argument)
{
	Training   *t = argument;

	t->device.api->close(t->device.device);
#ifdef __GLIBC__
	/* give back memory that would otherwise stay with the process */
	malloc_trim(0);
#endif
}

static void
release_training_plan(void *argument)
{
	Training   *t = argument;

	t->device.api->plan_free(t->plan);
}

void
training_open_device(Training *t)
{
	open_device(&t->device);
	release_with_context(t->context, release_training_device, t);
}

Training *
training_begin(bool atomic)
{
	Training   *t;

	SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(AllocSetContextCreate(CurrentMemoryContext, "visclf training",
												ALLOCSET_DEFAULT_SIZES));
	t = palloc0(sizeof(*t));
	t->context = CurrentMemoryContext;
	t->atomic = atomic;
	return t;
}

void
training_commit(const Training *t)
{
	if (!t->atomic)
		sql_commit();
}

/* Adds a hint to an error or cancel: the training can be resumed. */
static void
add_context(void *argument)
{
	const Training *t = argument;
	int			category = ERRCODE_TO_CATEGORY(geterrcode());

	if (t->resumable && category != ERRCODE_TO_CATEGORY(ERRCODE_SUCCESSFUL_COMPLETION) &&
		category != ERRCODE_TO_CATEGORY(ERRCODE_WARNING))
		errcontext("training of model \"%s\" version %d, which CALL visclf.resume(%s) goes on with",
				   t->model->name, t->model->version, quote_literal_cstr(t->model->name));
}

/* Allocates one batch and its results. */
static void
training_batch_create(Training *t)
{
	int			classes = t->model->class_count;

	t->images = MemoryContextAllocHuge(CurrentMemoryContext,
									   t->data->image_bytes * t->batch_size);
	if (t->options->augment != VC_AUGMENT_NONE)
	{
		t->originals = MemoryContextAllocHuge(CurrentMemoryContext,
											  t->data->image_bytes * t->batch_size);
		t->pool = pool_create(CurrentMemoryContext);
	}
	if (t->data->multi_label)
		t->targets.members = t->members = palloc((Size) t->batch_size * classes);
	else
		t->targets.labels = t->labels = palloc(sizeof(int32) * t->batch_size);
	t->logits = palloc(sizeof(float) * t->batch_size * classes);
	t->probabilities = palloc(sizeof(float) * classes);
	t->predicted = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * t->data->count);
}

/* Returns the largest batch: all rows of the smallest run. */
static int64
fewest_rows(Training *t)
{
	int64		fewest = t->data->train_count;

	for (t->run = 0; t->run <= t->data->folds; t->run++)
	{
		training_take(t);
		fewest = Min(fewest, t->data->train_count);
	}
	t->run = 0;
	training_take(t);
	return fewest;
}

void
training_plan(Training *t)
{
	const vc_network *network = t->model->network;
	bool		probe = t->options->method == METHOD_PROBE;
	vc_plan_options options = {0};
	vc_error	error;

	t->batch_size = (int) Min(t->options->batch_size, fewest_rows(t));
	options.purpose = probe ? VC_INFERENCE : VC_TRAINING;
	options.algorithm = setting_convolution;
	options.precision = setting_precision;
	options.max_batch = t->batch_size;
	options.interrupted = query_canceled;
	check_status(t->device.api->plan(t->device.device, network, &options, &t->plan, &error), &error);
	release_with_context(t->context, release_training_plan, t);	/* before the network and the device */
	training_batch_create(t);
	training_keep(t);
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
		check_status(t->device.api->set_parameter(t->plan, i, data, &error), &error);
		pfree(data);
	}
}

/* Returns true if the parent's head has the same classes and form. */
static bool
head_fits(const Model *parent, const Model *model)
{
	if (parent->head != model->head || parent->multi_label != model->multi_label ||
		parent->class_count != model->class_count)
		return false;
	for (int i = 0; i < model->class_count; i++)
		if (strcmp(parent->classes[i], model->classes[i]) != 0)
			return false;
	return true;
}

/* Sets the parameter that corresponds to a parent's tensor. */
static void
start_from(int index, const float *data, void *argument)
{
	Training   *t = argument;
	const Model *parent = t->options->parent;
	const vc_parameter *p = &parent->network->parameters[index];
	vc_error	error;

	if (p->group == VC_GROUP_HEAD && !head_fits(parent, t->model))
		return;
	check_status(t->device.api->set_parameter(t->plan, vc_network_find(t->model->network, p->name),
										  data, &error), &error);
}

/* Sets random weights, then the parent's. */
void
training_start(Training *t)
{
	start_random(t);
	if (t->options->parent_id != 0 && t->options->parent == NULL)
		t->options->parent = model_read(t->options->parent_id, false, CurrentMemoryContext);
	if (t->options->parent)
		weights_each(t->options->parent, start_from, t);
}

/* Returns the number of images still to train on, after `done` steps of this epoch. */
static int64
images_left(const Training *t, int steps, int done)
{
	int64		epochs = t->recipe.phase[t->phase].epochs - t->epoch;

	for (int p = t->phase + 1; p < t->recipe.phases; p++)
		epochs += t->recipe.phase[p].epochs;
	epochs += (int64) (t->data->folds - t->run) * vc_recipe_epochs(&t->recipe);
	return (epochs * steps - done) * t->batch_size;
}

uint32 *
training_order(const Training *t, uint64 seed, int epoch)
{
	Size		bytes = sizeof(uint32) * t->data->train_count;
	uint32	   *order = MemoryContextAllocHuge(CurrentMemoryContext, bytes);

	memcpy(order, t->data->train, bytes);
	vc_shuffle(order, t->data->train_count, seed, epoch);
	return order;
}

double
training_step(Training *t, const uint32 *order, int64 first, int64 next, int epoch,
			  const vc_step *step)
{
	float		loss;
	vc_error	error;

	CHECK_FOR_INTERRUPTS();
	if (t->options->augment == VC_AUGMENT_NONE)
	{
		training_load(t, order + first, t->batch_size);
		if (next >= 0)
			training_load_ahead(t, order + next, t->batch_size);
	}
	else
		training_load_augmented(t, order + first, t->batch_size, step->seed, epoch, first);
	check_status(t->device.api->train_step(t->plan, t->sent, &t->targets, t->batch_size, step,
									   &loss, NULL, &error), &error);
	return loss;
}

/*
 * Runs one pass over the training rows, without the last partial batch.
 * Returns the smoothed loss.
 */
static double
train_epoch(Training *t)
{
	int			steps = (int) (t->data->train_count / t->batch_size);
	uint64		seed = vc_random_bits((uint64) t->options->seed, t->phase, 0);
	uint32	   *order = training_order(t, seed, t->epoch);
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	t->last_progress = start;
	for (int s = 0; s < steps; s++)
	{
		vc_step		step;
		double		loss;

		vc_recipe_step(&t->recipe, t->phase, t->epoch, s, steps, &step);
		step.seed = seed;
		loss = training_step(t, order, (int64) s * t->batch_size,
							 s + 1 < steps ? (int64) (s + 1) * t->batch_size : -1, t->epoch, &step);
		training_check_finite(t, loss);
		vc_smooth_loss_add(&t->loss, loss);
		log_progress(t, (int64) (s + 1) * t->batch_size, (int64) steps * t->batch_size,
					 images_left(t, steps, s + 1), seconds_since(start));
	}
	pfree(order);
	return vc_smooth_loss_value(&t->loss);
}

/* Advances to the next epoch, phase or run. */
static void
advance(Training *t)
{
	if (++t->epoch < t->recipe.phase[t->phase].epochs)
		return;
	t->epoch = 0;
	memset(&t->loss, 0, sizeof(t->loss));
	if (++t->phase < t->recipe.phases)
		return;
	t->phase = 0;
	t->run++;
}

/* Ends a run: stores the predictions for its fold, or makes the version ready. */
static void
end_run(Training *t, Validation v)
{
	if (t->run <= t->data->folds)
	{
		if (!t->atomic)
			checkpoint_place(t);
		training_take(t);
		training_start(t);
		return;
	}
	if (t->data->folds > 0)
	{
		v = training_validate_folds(t);
		training_say(t);
	}
	training_calibrate(t);
	training_finish(t, &v);
}

/* Runs one epoch and stores its results. */
static void
run_epoch(Training *t)
{
	int			run = t->run;
	bool		last = t->phase == t->recipe.phases - 1 &&
	t->epoch == t->recipe.phase[t->phase].epochs - 1;
	bool		blind = t->data->folds > 0 && training_is_final(t);
	Validation	v = {0};
	instr_time	start;
	double		loss;

	INSTR_TIME_SET_CURRENT(start);
	if (t->options->method == METHOD_PROBE)
		loss = probe_train(t);
	else
		loss = train_epoch(t);
	training_check_finite(t, loss);
	training_check_weights(t);
	if (!blind)
		v = training_validate(t, last);
	log_epoch(t, loss, blind ? NULL : &v, seconds_since(start));
	advance(t);
	if (t->run > run)
		end_run(t, v);
	else if (!t->atomic && seconds_since(t->last_checkpoint) >= setting_checkpoint_interval)
		checkpoint_write(t);
	training_commit(t);
}

void
training_run(Training *t)
{
	ErrorContextCallback callback = {error_context_stack, add_context, t};
	bool		begins = true;
	vc_error	error;

	t->resumable = !t->atomic;
	error_context_stack = &callback;
	INSTR_TIME_SET_CURRENT(t->last_checkpoint);
	while (t->run <= t->data->folds)
	{
		if (t->epoch == 0 && t->options->method == METHOD_FINE_TUNE)
			check_status(t->device.api->reset_optimizer(t->plan, &error), &error);
		if (t->epoch == 0 || begins)
			log_header(t);
		begins = false;
		run_epoch(t);
	}
	error_context_stack = callback.previous;
}

/*
 * probe.c
 *		method => 'probe': a linear head on the features of a frozen body.
 *
 * Each training image goes through the network once; its features (a few kB
 * an image) are kept in memory while heads are fitted to them: one for each fold
 * and one for all.
 */
#include "extension/support/clock.h"
#include "extension/support/pgcompat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/training/training.h"

#include "engine/training/probe.h"

#define ITERATIONS 500

/* Allocates the targets of all training images. */
static vc_targets
make_targets(const Training *t, void **memory)
{
	Size		size = t->data->multi_label ? t->model->class_count : sizeof(int32);
	vc_targets	targets = {.class_weights = t->targets.class_weights};

	*memory = MemoryContextAllocHuge(CurrentMemoryContext, size * t->data->train_count);
	if (t->data->multi_label)
		targets.members = *memory;
	else
		targets.labels = *memory;
	return targets;
}

/* Sets the targets of the rows. */
static void
fill_targets(Training *t, const uint32 *rows, int64 count, void *targets)
{
	for (int64 first = 0; first < count; first += t->batch_size)
	{
		int			size = (int) Min(t->batch_size, count - first);

		training_load_targets(t, rows + first, size);
		if (t->data->multi_label)
			memcpy((uint8_t *) targets + first * t->model->class_count, t->members,
				   (Size) size * t->model->class_count);
		else
			memcpy((int32 *) targets + first, t->labels, sizeof(int32) * size);
	}
}

/* Computes the features of some rows, into t->features. */
static void
compute_features(Training *t, const uint32 *rows, int64 count)
{
	int			width = t->model->network->features;
	float	   *batch = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * t->batch_size * width);
	instr_time	start;

	t->features = MemoryContextAllocHuge(t->context, sizeof(float) * t->data->count * width);
	INSTR_TIME_SET_CURRENT(start);
	t->last_progress = start;
	for (int64 first = 0; first < count; first += t->batch_size)
	{
		int			size = (int) Min(t->batch_size, count - first);
		vc_error	error;

		CHECK_FOR_INTERRUPTS();
		training_load(t, rows + first, size);
		check_status(t->device.api->forward(t->plan, t->sent, size, t->logits, batch, &error), &error);
		for (int i = 0; i < size; i++)
			memcpy(t->features + (Size) rows[first + i] * width, batch + (Size) i * width, sizeof(float) * width);
		log_progress(t, first + size, count, count - first - size, seconds_since(start));
	}
	pfree(batch);
}

/* Sets the head, on the device and in t->head, as floats [classes][width], then [classes]. */
static void
set_head(Training *t, float *head)
{
	const vc_network *network = t->model->network;
	const vc_node *node = &network->nodes[network->node_count - 1];
	vc_error	error;

	check_status(t->device.api->set_parameter(t->plan, node->weight, head, &error), &error);
	check_status(t->device.api->set_parameter(t->plan, node->bias, head + network->features * network->classes, &error), &error);
	if (t->head != NULL)
		pfree(t->head);
	t->head = head;
}

double
probe_train(Training *t)
{
	const vc_network *network = t->model->network;
	const Dataset *d = t->data;
	void	   *memory;
	vc_targets	targets = make_targets(t, &memory);
	float	   *head = MemoryContextAllocHuge(t->context, sizeof(float) * (network->features + 1) * network->classes);
	vc_probe_options options = {t->options->recipe.weight_decay, ITERATIONS, query_canceled, NULL, d->train};
	double		loss;
	vc_error	error;

	if (t->features == NULL)
		compute_features(t, d->folds > 0 ? d->order : d->train, d->folds > 0 ? d->count : d->train_count);
	fill_targets(t, d->train, d->train_count, memory);
	check_status(vc_probe_fit(t->features, &targets, d->train_count, network->features, network->classes,
						  &options, head, head + network->features * network->classes, &loss, &error), &error);
	set_head(t, head);
	pfree(memory);
	return loss;
}

void
probe_forward(Training *t, const uint32 *rows, int count)
{
	int			width = t->model->network->features;
	int			classes = t->model->class_count;
	const float *bias = t->head + (Size) width * classes;

	training_load_targets(t, rows, count);
	for (int i = 0; i < count; i++)
		for (int k = 0; k < classes; k++)
		{
			const float *features = t->features + (Size) rows[i] * width;
			double		sum = bias[k];

			for (int j = 0; j < width; j++)
				sum += t->head[(Size) k * width + j] * features[j];
			t->logits[(Size) i * classes + k] = (float) sum;
		}
}

/*
 * probe.c
 *		method => 'probe': a linear head on the features of a frozen body.
 *
 * Each training image goes through the network once; its features (a few kB
 * an image) are kept in memory while the head is fitted to them.
 */
#include "extension/support/clock.h"
#include "extension/support/pgcompat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/training/training.h"

#include "engine/training/probe.h"

#define ITERATIONS 500

/* Room for what all training images are taught. */
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

/* The features of all training images, and into targets what they are taught. */
static void
compute_features(Training *t, float *features, void *targets)
{
	const Dataset *d = t->data;
	int			width = t->model->network->features;
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	t->last_progress = start;
	for (int64 first = 0; first < d->train_count; first += t->batch_size)
	{
		int			count = (int) Min(t->batch_size, d->train_count - first);
		vc_error	error;

		CHECK_FOR_INTERRUPTS();
		training_load(t, d->train + first, count);
		check_status(t->device.api->forward(t->plan, t->sent, count, t->logits,
										features + first * width, &error), &error);
		if (d->multi_label)
			memcpy((uint8_t *) targets + first * t->model->class_count, t->members,
				   (Size) count * t->model->class_count);
		else
			memcpy((int32 *) targets + first, t->labels, sizeof(int32) * count);
		log_progress(t, first + count, d->train_count, d->train_count - first - count,
					 seconds_since(start));
	}
}

double
probe_train(Training *t)
{
	const vc_network *network = t->model->network;
	const vc_node *head = &network->nodes[network->node_count - 1];
	int64		count = t->data->train_count;
	float	   *features = MemoryContextAllocHuge(CurrentMemoryContext,
												  sizeof(float) * count * network->features);
	void	   *memory;
	vc_targets	targets = make_targets(t, &memory);
	float	   *weight = palloc(sizeof(float) * network->features * network->classes);
	float	   *bias = palloc(sizeof(float) * network->classes);
	vc_probe_options options = {t->options->recipe.weight_decay, ITERATIONS, query_canceled, NULL};
	double		loss;
	vc_error	error;

	compute_features(t, features, memory);
	check_status(vc_probe_fit(features, &targets, count, network->features, network->classes,
						  &options, weight, bias, &loss, &error), &error);
	check_status(t->device.api->set_parameter(t->plan, head->weight, weight, &error), &error);
	check_status(t->device.api->set_parameter(t->plan, head->bias, bias, &error), &error);
	pfree(features);
	pfree(memory);
	return loss;
}

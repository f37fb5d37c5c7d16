/*
 * training_calibrate.c
 *		What a model needs to be run in 8-bit integers.
 *
 * Training ends with a float32 plan that knows nothing of inference's fused
 * steps, so one is made that does, and then one for int8.
 */
#include "extension/support/pgcompat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/classifying/inference.h"
#include "extension/training/training.h"

#include "engine/weights/finite.h"

/* Plans the model for inference, with the weights that it has now. */
static vc_plan *
plan_inference(Training *t, vc_precision precision, const float *ranges)
{
	const vc_network *network = t->model->network;
	const vc_device_api *api = t->device.api;
	vc_plan    *plan = inference_plan(&t->device, t->model, precision, ranges, t->batch_size);
	vc_error	error;

	for (int i = 0; i < network->parameter_count; i++)
	{
		float	   *data;

		if (!vc_parameter_stored(&network->parameters[i]))
			continue;
		data = palloc(sizeof(float) * network->parameters[i].count);
		check_status(api->get_parameter(t->plan, i, data, &error), &error);
		check_status(api->set_parameter(plan, i, data, &error), &error);
		pfree(data);
	}
	return plan;
}

/* Raises the ranges by training images from all over. */
static void
find_ranges(Training *t, float *ranges)
{
	const Dataset *d = t->data;
	vc_plan    *plan = plan_inference(t, VC_FLOAT32, NULL);
	int64		count = Min(d->train_images, CALIBRATION_IMAGES);

	for (int64 first = 0; first < count; first += t->batch_size)
	{
		int			size = (int) Min(t->batch_size, count - first);
		uint32	   *rows = palloc(sizeof(uint32) * size);
		vc_error	error;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < size; i++)
			rows[i] = d->train[(first + i) * d->train_images / count];
		training_load(t, rows, size);
		check_status(t->device.api->calibrate(plan, t->images, size, ranges, &error), &error);
		pfree(rows);
	}
}

/* The share of the validation images of which both plans say the same. */
static double
agreement(Training *t, const float *ranges)
{
	const Dataset *d = t->data;
	vc_plan    *plan = plan_inference(t, VC_INT8, ranges);
	int64		same = 0;

	for (int64 first = 0; first < d->valid_count; first += t->batch_size)
	{
		int			count = (int) Min(t->batch_size, d->valid_count - first);
		vc_error	error;

		CHECK_FOR_INTERRUPTS();
		training_load(t, d->valid + first, count);
		check_status(t->device.api->forward(plan, t->images, count, t->logits, NULL, &error), &error);
		for (int i = 0; i < count; i++)
			same += training_predicted(t, i) == t->predicted[first + i];
	}
	return (double) same / d->valid_count;
}

void
training_calibrate(Training *t)
{
	MemoryContext caller = CurrentMemoryContext;
	int			nodes = t->model->network->node_count;
	MemoryContext plans;
	float	   *ranges;

	if (t->device.api->calibrate == NULL)
		return;
	ranges = palloc0(sizeof(float) * nodes);
	plans = AllocSetContextCreate(caller, "visclf calibration", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(plans);
	find_ranges(t, ranges);
	MemoryContextReset(plans);
	if (vc_first_not_finite(ranges, nodes) == nodes)
	{
		t->model->int8_agreement = (float) agreement(t, ranges);
		t->model->ranges = ranges;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(plans);
}

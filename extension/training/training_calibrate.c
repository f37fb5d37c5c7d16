/*
 * training_calibrate.c
 *		Calibrates a trained model for 8-bit integers.
 *
 * Training images set the ranges; int8 is compared with what was predicted of
 * the validation images.
 */
#include "extension/support/pgcompat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "extension/classifying/calibration.h"
#include "extension/support/error.h"
#include "extension/training/training.h"

#include "engine/weights/finite.h"

/* Copies the weights of the plan that was trained. */
static void
set_trained_weights(void *training, vc_plan *plan)
{
	const Training *t = training;
	const vc_network *network = t->model->network;
	const vc_device_api *api = t->device.api;
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
}

/* Raises the ranges by training images, evenly spaced. */
static void
raise_ranges(Training *t, Calibration *c)
{
	const Dataset *d = t->data;
	int64		count = Min(d->train_images, CALIBRATION_IMAGES);

	for (int64 first = 0; first < count; first += t->batch_size)
	{
		int			size = (int) Min(t->batch_size, count - first);
		uint32	   *rows = palloc(sizeof(uint32) * size);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < size; i++)
			rows[i] = d->train[(first + i) * d->train_images / count];
		training_load(t, rows, size);
		calibration_raise(c, t->images, size);
		pfree(rows);
	}
}

static void
compare_validation_images(Training *t, Calibration *c)
{
	const Dataset *d = t->data;

	for (int64 first = 0; first < d->valid_count; first += t->batch_size)
	{
		int			count = (int) Min(t->batch_size, d->valid_count - first);

		CHECK_FOR_INTERRUPTS();
		training_load(t, d->valid + first, count);
		calibration_compare(c, t->images, count, t->predicted + first);
	}
}

void
training_calibrate(Training *t)
{
	MemoryContext caller = CurrentMemoryContext;
	int			nodes = t->model->network->node_count;
	MemoryContext context;
	Calibration *c;

	if (t->device.api->calibrate == NULL)
		return;
	context = AllocSetContextCreate(caller, "visclf calibration", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	c = calibration_begin(&t->device, t->model, t->batch_size, set_trained_weights, t);
	raise_ranges(t, c);
	if (vc_first_not_finite(c->ranges, nodes) == nodes)
	{
		compare_validation_images(t, c);
		t->model->int8_agreement = calibration_agreement(c);
		t->model->ranges = MemoryContextAlloc(caller, sizeof(float) * nodes);
		memcpy(t->model->ranges, c->ranges, sizeof(float) * nodes);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

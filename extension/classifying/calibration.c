/*
 * calibration.c
 *		Calibrates a model for int8: finds the ranges of its activations, and
 *		how often int8 predicts what float32 predicts.
 */
#include "extension/classifying/calibration.h"

#include "utils/memutils.h"

#include "extension/classifying/cache.h"
#include "extension/support/error.h"

Calibration *
calibration_begin(const OpenDevice *device, const Model *model, int max_batch,
				  SetWeights set_weights, void *argument)
{
	Calibration *c = palloc0(sizeof(*c));

	c->device = device;
	c->model = model;
	c->max_batch = max_batch;
	c->set_weights = set_weights;
	c->argument = argument;
	c->context = CurrentMemoryContext;
	c->ranges = palloc0(sizeof(float) * model->network->node_count);
	c->logits = palloc(sizeof(float) * max_batch * model->class_count);
	c->probabilities = palloc(sizeof(float) * model->class_count);
	return c;
}

/* Makes a plan at its first use. */
static vc_plan *
calibration_plan(Calibration *c, CalibrationPlan *p, vc_precision precision)
{
	MemoryContext caller;

	if (p->plan != NULL)
		return p->plan;
	p->context = AllocSetContextCreate(c->context, "visclf calibration", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(p->context);
	p->plan = inference_plan(c->device, c->model, precision,
							 precision == VC_INT8 ? c->ranges : NULL, c->max_batch);
	c->set_weights(c->argument, p->plan);
	MemoryContextSwitchTo(caller);
	return p->plan;
}

static void
calibration_plan_free(CalibrationPlan *p)
{
	if (p->plan != NULL)
		MemoryContextDelete(p->context);
	p->plan = NULL;
}

void
calibration_raise(Calibration *c, const uint8_t *images, int count)
{
	vc_plan    *plan = calibration_plan(c, &c->float32, VC_FLOAT32);
	vc_error	error;

	check_status(c->device->api->calibrate(plan, images, count, c->ranges, &error), &error);
	c->calibrated += count;
}

/* Runs a plan on images[count]; predicted[count] identify the classes, see model_predicted. */
static void
calibration_predict(Calibration *c, vc_plan *plan, const uint8_t *images, int count, uint64 *predicted)
{
	int			classes = c->model->class_count;
	vc_error	error;

	check_status(c->device->api->forward(plan, images, count, c->logits, NULL, &error), &error);
	model_check_numbers(c->model, c->logits, (int64) count * classes);
	for (int i = 0; i < count; i++)
		predicted[i] = model_predicted(c->model, c->logits + (Size) i * classes, c->probabilities);
}

void
calibration_compare(Calibration *c, const uint8_t *images, int count, const uint64 *predicted)
{
	uint64	   *by_float32 = palloc(sizeof(uint64) * count);
	uint64	   *by_int8 = palloc(sizeof(uint64) * count);

	if (predicted == NULL)
		calibration_predict(c, calibration_plan(c, &c->float32, VC_FLOAT32), images, count, by_float32);
	else
	{
		calibration_plan_free(&c->float32);
		memcpy(by_float32, predicted, sizeof(uint64) * count);
	}
	calibration_predict(c, calibration_plan(c, &c->int8, VC_INT8), images, count, by_int8);
	for (int i = 0; i < count; i++)
		c->same += by_float32[i] == by_int8[i];
	c->compared += count;
	pfree(by_float32);
	pfree(by_int8);
}

float
calibration_agreement(const Calibration *c)
{
	return (float) ((double) c->same / c->compared);
}

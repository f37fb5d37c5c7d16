/*
 * inference.c
 *		A plan that runs a model, for one statement.
 */
#include "extension/classifying/inference.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/support/settings.h"

/* A plan that ends with its context. */
typedef struct Inference
{
	const vc_device_api *api;
	vc_plan    *plan;
} Inference;

static void
release_plan(void *argument)
{
	Inference  *inference = argument;

	inference->api->plan_free(inference->plan);
}

vc_plan *
inference_plan(const OpenDevice *device, const Model *model, vc_precision precision,
			   const float *ranges, int max_batch)
{
	Inference  *inference = palloc0(sizeof(*inference));
	vc_plan_options options = {0};
	vc_error	error;

	options.purpose = VC_INFERENCE;
	options.algorithm = setting_convolution;
	options.precision = precision;
	options.ranges = ranges;
	options.max_batch = max_batch;
	options.interrupted = query_canceled;
	inference->api = device->api;
	check_status(device->api->plan(device->device, model->network, &options, &inference->plan, &error), &error);
	release_with_context(CurrentMemoryContext, release_plan, inference);
	return inference->plan;
}

/*
 * plan.c
 *		Making a plan of a network, and freeing it.
 */
#include <stdlib.h>

#include "cuda/cuda.h"

/* Chooses this card's types for the precision that is asked for. */
static vc_status
choose_type(vc_plan *plan, vc_error *error)
{
	int			capability = plan->device->capability;
	vc_precision precision = plan->options.precision;
	const char *missing = NULL;

	if (precision == VC_PRECISION_AUTO)
		precision = capability >= 80 ? VC_BFLOAT16 : VC_FLOAT16;
	plan->type = VC_CUDA_FLOAT;
	switch (precision)
	{
		case VC_FLOAT32:
			break;
		case VC_TF32:
			plan->rounds = true;
			missing = capability >= 80 ? NULL : "TF32";
			break;
		case VC_BFLOAT16:
			plan->type = VC_CUDA_BFLOAT16;
			missing = capability >= 80 ? NULL : "bfloat16";
			break;
		case VC_FLOAT16:
			plan->type = VC_CUDA_HALF;
			break;
		default:
			vc_fail(error, VC_UNSUPPORTED, "a GPU does not compute in this precision");
			return vc_hint(error, VC_UNSUPPORTED,
						   "Set visclf.precision to auto, float32, tf32, bfloat16 or float16.");
	}
	if (missing == NULL)
		return VC_OK;
	vc_fail(error, VC_UNSUPPORTED, "a GPU of compute capability %d.%d has no %s",
			capability / 10, capability % 10, missing);
	return vc_hint(error, VC_UNSUPPORTED, "Set visclf.precision to auto, float32 or float16.");
}

static vc_status
cuda_build(vc_plan *plan, vc_error *error)
{
	const vc_network *n = plan->network;
	vc_flow    *flow = &plan->flow;
	vc_run largest = {.count = plan->options.max_batch,.training = plan->training};
	vc_status	status = choose_type(plan, error);

	if (status != VC_OK)
		return status;
	if ((status = vc_parameters_create(&plan->book, n, plan->options.purpose, error)) != VC_OK ||
		(status = vc_flow_create(flow, n, VC_CUDA_ALIGNMENT, error)) != VC_OK ||
		(status = vc_cuda_build_steps(plan, error)) != VC_OK)
		return status;
	vc_flow_lives(flow, n, plan->training, 2 * flow->step_count + 1);
	if ((status = vc_flow_create_states(flow, plan, error)) != VC_OK ||
		(status = vc_arena_place(flow->buffers, flow->buffer_count, &plan->arena_bytes,
								 error)) != VC_OK ||
		(status = vc_cuda_describe_parameters(plan, error)) != VC_OK ||
		(status = vc_cuda_allocate(plan, error)) != VC_OK ||
		(status = vc_cuda_parameters_start(plan, error)) != VC_OK)
		return status;
	return vc_cuda_ready(plan, &largest, error);	/* finds now what is missing */
}

/* The device's plan(); see device.h. */
vc_status
vc_cuda_plan(vc_device *device, const vc_network *network,
			 const vc_plan_options *options, vc_plan **result, vc_error *error)
{
	vc_plan    *plan;
	vc_status	status = vc_options_check(options, error);

	if (status != VC_OK)
		return status;
	if ((plan = calloc(1, sizeof(*plan))) == NULL)
		return vc_no_memory(error, sizeof(*plan));
	plan->device = device;
	plan->network = network;
	plan->options = *options;
	plan->training = options->purpose == VC_TRAINING;
	plan->stale = true;
	plan->loss_scale = plan->gradient_scale = 1;
	vc_cuda_enter(device);
	status = cuda_build(plan, error);
	vc_cuda_leave(device);
	if (status != VC_OK)
	{
		vc_cuda_plan_free(plan);
		return status;
	}
	*result = plan;
	return VC_OK;
}

/* Frees a plan, complete or not; NULL is allowed. */
void
vc_cuda_plan_free(vc_plan *plan)
{
	if (plan == NULL)
		return;
	vc_cuda_enter(plan->device);
	if (plan->ahead != NULL && plan->ahead_number == plan->device->upload.number)
		vc_cuda_upload_stop(&plan->device->upload);
	cudaStreamSynchronize(plan->device->upload.stream);
	cudaStreamSynchronize(plan->device->stream);	/* canceled work may still run */
	vc_cuda_graphs_drop(plan);
	vc_cuda_release(plan);
	vc_cuda_leave(plan->device);
	vc_flow_free(&plan->flow);
	vc_parameters_free(&plan->book);
	free(plan->parameters);
	free(plan);
}

int64_t
vc_cuda_plan_memory(const vc_plan *plan)
{
	return (int64_t) (plan->memory_bytes + plan->pinned_bytes + plan->workspace_bytes);
}

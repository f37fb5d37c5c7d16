/*
 * step_norm.c
 *		Batch norm, with the addition and the relu behind it.
 */
#include <stdlib.h>

#include "cuda/cuda.h"

/* Makes the state of a step, whose memory is laid out later. */
vc_status
vc_cuda_keep(vc_plan *plan, vc_plan_step *step, vc_error *error)
{
	(void) plan;
	step->state = calloc(1, sizeof(vc_cuda_kept));
	return step->state != NULL ? VC_OK : vc_no_memory(error, sizeof(vc_cuda_kept));
}

/* Makes the state, and enlarges the room for sums, which all batch norms share. */
static vc_status
norm_create(vc_plan *plan, vc_plan_step *step, vc_error *error)
{
	const vc_value *v = &plan->flow.values[step->output];
	size_t		bytes = vc_cuda_norm_partials(v->format,
											  (int64_t) plan->options.max_batch * v->height * v->width,
											  v->padded, plan->device->multiprocessors);

	if (bytes > plan->partials_bytes)
		plan->partials_bytes = bytes;
	return vc_cuda_keep(plan, step, error);
}

/* Describes a batch norm for the kernels. */
vc_cuda_norm
vc_cuda_norm_of(const vc_plan *plan, const vc_plan_step *step, const vc_node *node, int count)
{
	const vc_value *out = &plan->flow.values[step->output];
	const vc_cuda_kept *kept = step->state;

	return (vc_cuda_norm) {
		.type = out->format,
		.rows = (int64_t) count * out->height * out->width,
		.channels = out->padded,
		.multiprocessors = plan->device->multiprocessors,
		.state = plan->request.state,
		.weight = plan->parameters[node->weight].value,
		.bias = plan->parameters[node->bias].value,
		.running_mean = plan->parameters[node->mean].value,
		.running_variance = plan->parameters[node->variance].value,
		.saved = kept->saved,.terms = kept->terms,.partials = plan->partials
	};
}

static vc_status
norm_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	vc_cuda_norm norm = vc_cuda_norm_of(plan, step, step->node, run->count);
	const void *x = vc_cuda_value_data(plan, step->input);
	cudaStream_t stream = plan->device->stream;
	cudaError_t status = run->training ? vc_cuda_launch_norm_statistics(&norm, x, stream)
		: vc_cuda_launch_norm_running(&norm, stream);

	if (status == cudaSuccess)
		status = vc_cuda_launch_norm_apply(&norm, x, vc_cuda_value_data(plan, step->other),
										   step->relu, vc_cuda_value_data(plan, step->output),
										   stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "batch norm");
}

/* Reads both parts of its gradient at once, as no other step does. */
static vc_status
norm_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	vc_cuda_norm norm = vc_cuda_norm_of(plan, step, step->node, run->count);
	const vc_value *out = &plan->flow.values[step->output];
	const void *y = step->relu && step->other >= 0 ? vc_cuda_value_data(plan, step->output) : NULL;
	cudaError_t launched =
		vc_cuda_launch_norm_backward(&norm, vc_cuda_value_data(plan, step->input), y, step->relu,
									 vc_cuda_buffer_data(plan, out->gradient[0]),
									 vc_cuda_buffer_data(plan, out->gradient[1]),
									 plan->parameters[step->node->weight].gradient,
									 plan->parameters[step->node->bias].gradient,
									 vc_cuda_wanted(plan, step->input, step->to_input),
									 vc_cuda_wanted(plan, step->other, step->to_other),
									 plan->device->stream);
	vc_status	status;

	if (launched != cudaSuccess)
		return vc_cuda_failed(error, launched, "batch norm's gradient");
	status = vc_cuda_contribute(plan, step->input, step->to_input, run->count, error);
	if (status == VC_OK)
		status = vc_cuda_contribute(plan, step->other, step->to_other, run->count, error);
	return status;
}

const vc_operation vc_cuda_norm_operation = {
	.keeps_input = true,
	.in_place = true,
	.other_in_place = true,
	.create = norm_create,
	.forward = norm_forward,
	.backward = norm_backward,
	.free = free,
};

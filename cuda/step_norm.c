/*
 * step_norm.c
 *		Batch norm, with the addition and the relu behind it.
 */
#include "cuda/cuda.h"

/* What the kernels want to know of a batch norm. */
vc_cuda_norm
vc_cuda_norm_of(const vc_plan *plan, const vc_cuda_step *step, const vc_node *node, int count)
{
	const vc_cuda_value *out = &plan->values[step->output];

	return (vc_cuda_norm) {
		.type = out->type,
		.rows = (int64_t) count * out->height * out->width,
		.channels = out->padded,
		.multiprocessors = plan->device->multiprocessors,
		.state = plan->request.state,
		.weight = plan->parameters[node->weight].value,
		.bias = plan->parameters[node->bias].value,
		.running_mean = plan->parameters[node->mean].value,
		.running_variance = plan->parameters[node->variance].value,
		.saved = step->saved,.terms = step->terms,.partials = plan->partials
	};
}

static vc_status
norm_forward(vc_plan *plan, vc_cuda_step *step, const vc_cuda_run *run, vc_error *error)
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

/* Reads both parts of its gradient at once; so does no other step. */
static vc_status
norm_backward(vc_plan *plan, vc_cuda_step *step, const vc_cuda_run *run, vc_error *error)
{
	vc_cuda_norm norm = vc_cuda_norm_of(plan, step, step->node, run->count);
	const vc_cuda_value *out = &plan->values[step->output];
	const void *y = step->keeps_output ? vc_cuda_value_data(plan, step->output) : NULL;
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

const vc_cuda_operation vc_cuda_norm_operation = {norm_forward, norm_backward};

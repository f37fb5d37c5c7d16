/*
 * step_pooling.c
 *		Max pooling, and pooling over whole planes.
 */
#include "cuda/cuda.h"

static vc_cuda_pool
pool_of(const vc_plan *plan, const vc_plan_step *step, int count)
{
	const vc_value *in = &plan->flow.values[step->input];
	const vc_value *out = &plan->flow.values[step->output];

	return (vc_cuda_pool) {
		.count = count,.channels = in->padded,.height = in->height,.width = in->width,
		.out_height = out->height,.out_width = out->width,.kernel = step->node->kernel,
		.stride = step->node->stride,.padding = step->node->padding
	};
}

static vc_status
max_pool_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	vc_cuda_pool pool = pool_of(plan, step, run->count);
	cudaError_t status = vc_cuda_launch_max_pool(plan->flow.values[step->output].format, &pool,
												 vc_cuda_value_data(plan, step->input),
												 vc_cuda_value_data(plan, step->output),
												 vc_cuda_buffer_data(plan, step->extra[0]),
												 plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "max pool");
}

static vc_status
max_pool_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	vc_cuda_pool pool = pool_of(plan, step, run->count);
	void	   *dx = vc_cuda_wanted(plan, step->input, step->to_input);
	const void *dy;
	vc_status	status = vc_cuda_gradient(plan, step->output, run->count, &dy, error);
	cudaError_t launched;

	if (status != VC_OK || dx == NULL)
		return status;
	launched = vc_cuda_launch_max_pool_backward(plan->flow.values[step->output].format, &pool, dy,
												vc_cuda_buffer_data(plan, step->extra[0]), dx,
												plan->device->stream);
	if (launched != cudaSuccess)
		return vc_cuda_failed(error, launched, "max pool's gradient");
	return vc_cuda_contribute(plan, step->input, step->to_input, run->count, error);
}

static vc_cuda_global_pool
global_pool_of(const vc_plan *plan, const vc_plan_step *step, int count)
{
	const vc_value *in = &plan->flow.values[step->input];

	return (vc_cuda_global_pool) {
		.count = count,.plane = in->height * in->width,.channels = in->padded,
		.real = in->channels,.y_channels = plan->flow.values[step->output].padded,
		.concat = step->node->op == VC_CONCAT_POOL
	};
}

static vc_status
global_pool_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	vc_cuda_global_pool pool = global_pool_of(plan, step, run->count);
	cudaError_t status = vc_cuda_launch_global_pool(plan->flow.values[step->input].format, &pool,
													vc_cuda_value_data(plan, step->input),
													vc_cuda_value_data(plan, step->output),
													vc_cuda_buffer_data(plan, step->extra[0]),
													plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "global pool");
}

static vc_status
global_pool_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	vc_cuda_global_pool pool = global_pool_of(plan, step, run->count);
	void	   *dx = vc_cuda_wanted(plan, step->input, step->to_input);
	const void *dy;
	vc_status	status = vc_cuda_gradient(plan, step->output, run->count, &dy, error);
	cudaError_t launched;

	if (status != VC_OK || dx == NULL)
		return status;
	launched = vc_cuda_launch_global_pool_backward(plan->flow.values[step->input].format, &pool, dy,
												   vc_cuda_buffer_data(plan, step->extra[0]), dx,
												   plan->device->stream);
	if (launched != cudaSuccess)
		return vc_cuda_failed(error, launched, "global pool's gradient");
	return vc_cuda_contribute(plan, step->input, step->to_input, run->count, error);
}

const vc_operation vc_cuda_max_pool_operation = {
	.forward = max_pool_forward,
	.backward = max_pool_backward,
};

const vc_operation vc_cuda_global_pool_operation = {
	.forward = global_pool_forward,
	.backward = global_pool_backward,
};

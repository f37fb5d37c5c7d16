/*
 * step_linear.c
 *		Linear layers: y = x W' + b; x is [count][inputs], W [outputs][inputs].
 */
#include "cuda/cuda.h"

static vc_status
launch_product(vc_plan *plan, const vc_cuda_product *product, vc_error *error)
{
	cudaError_t status = vc_cuda_launch_product(product, plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "matrix product");
}

static vc_status
linear_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	int			bias = step->node->bias;
	vc_cuda_product product = {
		.m = run->count,.n = plan->flow.values[step->output].padded,
		.k = plan->flow.values[step->input].padded,.transpose_b = true,
		.a = vc_cuda_value_data(plan, step->input),
		.b = plan->parameters[step->node->weight].value,
		.bias = bias >= 0 ? plan->parameters[bias].value : NULL,
		.c = vc_cuda_value_data(plan, step->output)
	};

	return launch_product(plan, &product, error);
}

static vc_status
parameter_gradients(vc_plan *plan, vc_plan_step *step, const vc_run *run, const float *dy,
					vc_error *error)
{
	int			weight = step->node->weight;
	int			bias = step->node->bias;
	int			outputs = plan->flow.values[step->output].padded;
	vc_cuda_product product = {
		.m = outputs,.n = plan->flow.values[step->input].padded,.k = run->count,
		.transpose_a = true,.a = dy,.b = vc_cuda_value_data(plan, step->input),
		.c = plan->parameters[weight].gradient
	};
	vc_status	status = VC_OK;
	cudaError_t launched;

	if (vc_flow_trains(plan->network, weight, run->frozen_groups))
		status = launch_product(plan, &product, error);
	if (status != VC_OK || !vc_flow_trains(plan->network, bias, run->frozen_groups))
		return status;
	launched = vc_cuda_launch_column_sums(dy, run->count, outputs,
										  plan->parameters[bias].gradient, plan->device->stream);
	return launched == cudaSuccess ? VC_OK : vc_cuda_failed(error, launched, "bias gradient");
}

static vc_status
linear_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	void	   *dx = vc_cuda_wanted(plan, step->input, step->to_input);
	const void *dy;
	vc_status	status = vc_cuda_gradient(plan, step->output, run->count, &dy, error);
	vc_cuda_product product = {
		.m = run->count,.n = plan->flow.values[step->input].padded,
		.k = plan->flow.values[step->output].padded,
		.b = plan->parameters[step->node->weight].value,.c = dx
	};

	if (status == VC_OK)
		status = parameter_gradients(plan, step, run, dy, error);
	if (status != VC_OK || dx == NULL)
		return status;
	product.a = dy;
	status = launch_product(plan, &product, error);
	if (status == VC_OK)
		status = vc_cuda_contribute(plan, step->input, step->to_input, run->count, error);
	return status;
}

const vc_operation vc_cuda_linear_operation = {
	.keeps_input = true,
	.forward = linear_forward,
	.backward = linear_backward,
};

/*
 * step_elementwise.c
 *		Relu, addition and dropout that are steps of their own.
 */
#include "cuda/cuda.h"

static int64_t
elements_of(const vc_plan *plan, int value, int count)
{
	return plan->flow.values[value].image_elements * count;
}

static vc_status
relu_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	cudaError_t status = vc_cuda_launch_relu(plan->flow.values[step->output].format,
											 vc_cuda_value_data(plan, step->input),
											 elements_of(plan, step->output, run->count),
											 vc_cuda_value_data(plan, step->output),
											 plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "relu");
}

static vc_status
relu_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	void	   *dx = vc_cuda_wanted(plan, step->input, step->to_input);
	const void *dy;
	vc_status	status = vc_cuda_gradient(plan, step->output, run->count, &dy, error);
	cudaError_t launched;

	if (status != VC_OK || dx == NULL)
		return status;
	launched = vc_cuda_launch_relu_backward(plan->flow.values[step->output].format,
											vc_cuda_value_data(plan, step->output), dy,
											elements_of(plan, step->output, run->count), dx,
											plan->device->stream);
	if (launched != cudaSuccess)
		return vc_cuda_failed(error, launched, "relu's gradient");
	return vc_cuda_contribute(plan, step->input, step->to_input, run->count, error);
}

static vc_status
add_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	cudaError_t status = vc_cuda_launch_add(plan->flow.values[step->output].format,
											vc_cuda_value_data(plan, step->input),
											vc_cuda_value_data(plan, step->other),
											elements_of(plan, step->output, run->count),
											vc_cuda_value_data(plan, step->output),
											plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "addition");
}

/* Passes a gradient on to an operand; does not copy it if it lies there already. */
static vc_status
hand_on(vc_plan *plan, int value, vc_contribution contribution, const void *dy, int count,
		vc_error *error)
{
	void	   *dx = vc_cuda_wanted(plan, value, contribution);
	cudaError_t status = cudaSuccess;

	if (dx != NULL && dx != dy)
		status = cudaMemcpyAsync(dx, dy, vc_cuda_value_bytes(plan, value, count),
								 cudaMemcpyDeviceToDevice, plan->device->stream);
	if (status != cudaSuccess)
		return vc_cuda_failed(error, status, "addition's gradient");
	return vc_cuda_contribute(plan, value, contribution, count, error);
}

/* The second operand comes first, because the input's part may replace the gradient. */
static vc_status
add_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const void *dy;
	vc_status	status = vc_cuda_gradient(plan, step->output, run->count, &dy, error);

	if (status == VC_OK)
		status = hand_on(plan, step->other, step->to_other, dy, run->count, error);
	if (status == VC_OK)
		status = hand_on(plan, step->input, step->to_input, dy, run->count, error);
	return status;
}

static vc_status
launch_dropout(vc_plan *plan, const vc_plan_step *step, int count, const void *x, void *y,
			   vc_error *error)
{
	const vc_value *v = &plan->flow.values[step->output];
	cudaError_t status = vc_cuda_launch_dropout(v->format, plan->request.state, step->index,
												step->node->rate,
												(int64_t) count * v->height * v->width,
												v->padded, x, y, plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "dropout");
}

static vc_status
dropout_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const void *x = vc_cuda_value_data(plan, step->input);
	void	   *y = vc_cuda_value_data(plan, step->output);
	cudaError_t status;

	if (run->training)
		return launch_dropout(plan, step, run->count, x, y, error);
	status = cudaMemcpyAsync(y, x, vc_cuda_value_bytes(plan, step->output, run->count),
							 cudaMemcpyDeviceToDevice, plan->device->stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "copying past dropout");
}

static vc_status
dropout_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	void	   *dx = vc_cuda_wanted(plan, step->input, step->to_input);
	const void *dy;
	vc_status	status = vc_cuda_gradient(plan, step->output, run->count, &dy, error);

	if (status == VC_OK && dx != NULL)
		status = launch_dropout(plan, step, run->count, dy, dx, error);
	if (status == VC_OK && dx != NULL)
		status = vc_cuda_contribute(plan, step->input, step->to_input, run->count, error);
	return status;
}

const vc_operation vc_cuda_relu_operation = {
	.keeps_output = true,
	.in_place = true,
	.forward = relu_forward,
	.backward = relu_backward,
};

const vc_operation vc_cuda_add_operation = {
	.in_place = true,
	.forward = add_forward,
	.backward = add_backward,
};

const vc_operation vc_cuda_dropout_operation = {
	.in_place = true,
	.forward = dropout_forward,
	.backward = dropout_backward,
};

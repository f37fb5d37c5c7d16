/*
 * step_convolution.c
 *		Convolutions, in inference with batch norm, addition and relu.
 *
 * In inference the batch norm is folded into weights and bias. cuDNN adds
 * bias and operand and applies the relu too, if it has an engine for that.
 * Otherwise a kernel of our own does it after a plain convolution.
 */
#include <stdlib.h>

#include "cuda/cuda.h"

/* The weights as convolutions read them. */
static void *
weights_of(const vc_plan *plan, const vc_plan_step *step)
{
	const vc_cuda_parameter *p = &plan->parameters[step->node->weight];
	const vc_cuda_kept *kept = step->state;

	if (kept->folded != NULL)
		return kept->folded;
	return p->copy != NULL ? p->copy : (void *) p->value;
}

static vc_cuda_problem
problem_of(const vc_plan *plan, const vc_plan_step *step, int count, int direction)
{
	const vc_value *in = &plan->flow.values[step->input];
	const vc_value *out = &plan->flow.values[step->output];

	return (vc_cuda_problem) {
		.direction = direction,.type = (int) plan->type,.rounds = plan->rounds,
		.measured = plan->options.algorithm == VC_ALGORITHM_AUTO,.count = count,
		.channels = in->padded,.height = in->height,.width = in->width,
		.out_channels = out->padded,.out_height = out->height,.out_width = out->width,
		.kernel = step->node->kernel,.stride = step->node->stride,
		.padding = step->node->padding
	};
}

/* The tensors that a direction reads and writes. */
static vc_cuda_operands
operands_of(const vc_plan *plan, const vc_plan_step *step, int direction, const void *dy)
{
	const vc_cuda_kept *kept = step->state;
	vc_cuda_operands o = {
		.x = vc_cuda_value_data(plan, step->input),.w = weights_of(plan, step),
		.y = vc_cuda_value_data(plan, step->output),.bias = kept->folded_bias,
		.other = vc_cuda_value_data(plan, step->other),.workspace = plan->workspace
	};

	if (direction != VC_CUDA_FORWARD)
		o.y = (void *) dy;
	if (direction == VC_CUDA_BACKWARD_DATA)
		o.x = vc_cuda_buffer_data(plan, step->to_input.buffer);
	if (direction == VC_CUDA_BACKWARD_WEIGHTS)
		o.w = plan->parameters[step->node->weight].gradient;
	return o;
}

static vc_status
poll_plan(void *plan, vc_error *error)
{
	return vc_cuda_poll(plan, error);
}

/* Finds one direction's engine, and makes workspace for it. */
static vc_status
find_engine(vc_plan *plan, vc_plan_step *step, const vc_cuda_problem *problem, vc_error *error)
{
	int			d = problem->direction;
	vc_cuda_kept *kept = step->state;
	const vc_value *out = &plan->flow.values[step->output];
	vc_cuda_operands operands = operands_of(plan, step, d,
											vc_cuda_buffer_data(plan, out->gradient[0]));
	vc_cuda_interrupt interrupt = {poll_plan, plan};
	vc_status	status = vc_cuda_engine_find(plan->device->library, problem, &operands,
											 &interrupt, &kept->engines[d], error);

	if (status != VC_OK || kept->engines[d] == NULL)
		return status;
	return vc_cuda_reserve_workspace(plan, vc_cuda_engine_workspace(kept->engines[d]), error);
}

static vc_status
ready_forward(vc_plan *plan, vc_plan_step *step, int count, vc_error *error)
{
	vc_cuda_kept *kept = step->state;
	vc_cuda_problem problem = problem_of(plan, step, count, VC_CUDA_FORWARD);
	vc_status	status;

	kept->fused = false;
	if (kept->folded != NULL && vc_cuda_switch("VISCLF_CUDA_FUSE", true))
	{
		problem.fused = true;
		problem.adds = step->other >= 0;
		problem.relu = step->relu;
		status = find_engine(plan, step, &problem, error);
		kept->fused = status == VC_OK && kept->engines[VC_CUDA_FORWARD] != NULL;
		if (status != VC_OK || kept->fused)
			return status;
		problem.fused = problem.adds = problem.relu = false;
	}
	return find_engine(plan, step, &problem, error);
}

/* Finds the engines for a run's batch size, for all directions that it may take. */
static vc_status
convolution_ready(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_value *out = &plan->flow.values[step->output];
	vc_cuda_problem problem;
	vc_status	status = vc_cuda_poll(plan, error);

	if (status == VC_OK)
		status = ready_forward(plan, step, run->count, error);
	if (status != VC_OK || !run->training || out->gradient[0] < 0)
		return status;
	if (plan->parameters[step->node->weight].gradient != NULL)
	{
		problem = problem_of(plan, step, run->count, VC_CUDA_BACKWARD_WEIGHTS);
		status = find_engine(plan, step, &problem, error);
	}
	if (status == VC_OK && step->to_input.buffer >= 0)
	{
		problem = problem_of(plan, step, run->count, VC_CUDA_BACKWARD_DATA);
		status = find_engine(plan, step, &problem, error);
	}
	return status;
}

/* Inference: folds the batch norm into weights and bias. */
static vc_status
convolution_fold(vc_plan *plan, vc_plan_step *step, vc_error *error)
{
	const vc_cuda_parameter *p = &plan->parameters[step->node->weight];
	const vc_cuda_kept *kept = step->state;
	vc_cuda_norm norm;
	cudaError_t status;

	if (step->norm == NULL)
		return VC_OK;
	norm = vc_cuda_norm_of(plan, step, step->norm, 1);
	status = vc_cuda_launch_norm_running(&norm, plan->device->stream);
	if (status == cudaSuccess)
		status = vc_cuda_launch_fold(plan->type, p->value, &norm, p->padded_outputs,
									 (int64_t) p->area * p->padded_channels, kept->folded,
									 kept->folded_bias, plan->device->stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "folding batch norm");
}

static vc_status
convolution_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_cuda_kept *kept = step->state;
	const vc_value *out = &plan->flow.values[step->output];
	vc_cuda_operands o = operands_of(plan, step, VC_CUDA_FORWARD, NULL);
	vc_status	status = vc_cuda_engine_run(plan->device->library, kept->engines[VC_CUDA_FORWARD],
											&o, error);
	cudaError_t launched;

	if (status != VC_OK || kept->folded == NULL || kept->fused)
		return status;
	launched = vc_cuda_launch_epilogue(plan->type, o.y, o.bias, o.other, step->relu,
									   (int64_t) run->count * out->height * out->width,
									   out->padded, plan->device->stream);
	return launched == cudaSuccess ? VC_OK : vc_cuda_failed(error, launched, "bias and relu");
}

static vc_status
convolution_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_cuda_kept *kept = step->state;
	const void *dy;
	vc_cuda_operands o;
	vc_status	status = vc_cuda_gradient(plan, step->output, run->count, &dy, error);

	if (status == VC_OK && vc_flow_trains(plan->network, step->node->weight, run->frozen_groups))
	{
		o = operands_of(plan, step, VC_CUDA_BACKWARD_WEIGHTS, dy);
		status = vc_cuda_engine_run(plan->device->library,
									kept->engines[VC_CUDA_BACKWARD_WEIGHTS], &o, error);
	}
	if (status != VC_OK || vc_cuda_wanted(plan, step->input, step->to_input) == NULL)
		return status;
	o = operands_of(plan, step, VC_CUDA_BACKWARD_DATA, dy);
	status = vc_cuda_engine_run(plan->device->library, kept->engines[VC_CUDA_BACKWARD_DATA],
								&o, error);
	if (status == VC_OK)
		status = vc_cuda_contribute(plan, step->input, step->to_input, run->count, error);
	return status;
}

const vc_operation vc_cuda_convolution_operation = {
	.keeps_input = true,
	.create = vc_cuda_keep,
	.ready = convolution_ready,
	.fold = convolution_fold,
	.forward = convolution_forward,
	.backward = convolution_backward,
	.free = free,
};

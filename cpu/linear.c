/*
 * linear.c
 *		Linear layers: y = x W' + b, with oneDNN's matrix product.
 *
 * x is [count][inputs], W [outputs][inputs], y [count][outputs], all plain.
 */
#include <string.h>

#include "cpu/cpu.h"

static vc_status
multiply_matrices(char transa, char transb, int64_t m, int64_t n, int64_t k,
				  const float *a, int64_t lda, const float *b, int64_t ldb,
				  float beta, float *c, vc_error *error)
{
	dnnl_status_t status = vc_cpu_room();

	if (status == dnnl_success)
		status = dnnl_sgemm(transa, transb, m, n, k, 1.0f, a, lda, b, ldb, beta, c, n);
	if (status != dnnl_success)
		return vc_cpu_dnnl_failed(error, status, "matrix product");
	return VC_OK;
}

static vc_status
linear_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_parameter *p = &plan->network->parameters[step->node->weight];
	int64_t		outputs = p->shape[0];
	int64_t		inputs = p->shape[1];
	float	   *y = vc_cpu_value_data(plan, step->output);
	int			bias = step->node->bias;

	if (bias >= 0)
		for (int i = 0; i < run->count; i++)
			memcpy(y + i * outputs, plan->parameters[bias].data,
				   sizeof(float) * (size_t) outputs);
	return multiply_matrices('N', 'T', run->count, outputs, inputs,
							 vc_cpu_value_data(plan, step->input), inputs,
							 plan->parameters[step->node->weight].data, inputs,
							 bias >= 0 ? 1.0f : 0.0f, y, error);
}

static void
bias_gradient(const float *dy, int count, int64_t outputs, float *gradient)
{
	memset(gradient, 0, sizeof(float) * (size_t) outputs);
	for (int i = 0; i < count; i++)
		for (int64_t o = 0; o < outputs; o++)
			gradient[o] += dy[i * outputs + o];
}

static vc_status
linear_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_parameter *p = &plan->network->parameters[step->node->weight];
	vc_cpu_parameter *weight = &plan->parameters[step->node->weight];
	int64_t		outputs = p->shape[0];
	int64_t		inputs = p->shape[1];
	int			frozen = run->step->frozen_groups;
	const float *x = vc_cpu_value_data(plan, step->input);
	const float *dy = vc_cpu_gradient(plan, step->output, run->count);
	vc_status	status = VC_OK;

	if (vc_flow_trains(plan->network, step->node->weight, frozen))
		status = multiply_matrices('T', 'N', outputs, inputs, run->count, dy, outputs, x, inputs,
								   0.0f, weight->gradient, error);
	if (status == VC_OK && vc_flow_trains(plan->network, step->node->bias, frozen))
		bias_gradient(dy, run->count, outputs, plan->parameters[step->node->bias].gradient);
	if (status == VC_OK && vc_flow_wants(&plan->flow, step->input, step->to_input))
	{
		status = multiply_matrices('N', 'N', run->count, inputs, outputs, dy, outputs,
								   weight->data, inputs, 0.0f,
								   vc_cpu_buffer_data(plan, step->to_input.buffer), error);
		vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	}
	return status;
}

const vc_operation vc_cpu_linear_operation = {
	.keeps_input = true,
	.forward = linear_forward,
	.backward = linear_backward,
};

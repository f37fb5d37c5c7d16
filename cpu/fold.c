/*
 * fold.c
 *		Makes a convolution's weights for inference: folds in the batch
 *		norm behind it and, for int8, quantises.
 */
#include <math.h>

#include "cpu/convolution.h"

/* Computes weights[outputs][..] times the batch norm's scale, and the bias that remains. */
static void
fold_norm(const vc_plan *plan, const vc_plan_step *step, const vc_parameter *p,
		  float *weights, float *bias)
{
	const float *from = plan->parameters[step->node->weight].data;
	int64_t		row = p->count / p->shape[0];

	for (int o = 0; o < p->shape[0]; o++)
	{
		float		scale = 1.0f;

		if (step->norm != NULL)
		{
			scale = plan->parameters[step->norm->weight].data[o] /
				sqrtf(plan->parameters[step->norm->variance].data[o] + VC_NORM_EPSILON);
			bias[o] = plan->parameters[step->norm->bias].data[o] -
				plan->parameters[step->norm->mean].data[o] * scale;
		}
		for (int64_t i = 0; i < row; i++)
			weights[o * row + i] = from[o * row + i] * scale;
	}
}

/*
 * int8: turns folded weights into whole numbers of -127 to 127 (still as
 * floats), and the bias into the units of their products with the input, or
 * of the output if oneDNN does not scale the bias.
 */
static void
quantize_weights(const vc_plan *plan, const vc_plan_step *step, const vc_parameter *p,
				 float *weights, float *bias, float *output_scales)
{
	float		in = plan->flow.values[step->input].scale;
	float		out = plan->flow.values[step->output].scale;
	int64_t		row = p->count / p->shape[0];

	for (int o = 0; o < p->shape[0]; o++)
	{
		float		most = 0;
		float		scale;

		for (int64_t i = 0; i < row; i++)
			most = fmaxf(most, fabsf(weights[o * row + i]));
		scale = fmaxf(most, 1e-20f) / 127;
		for (int64_t i = 0; i < row; i++)
			weights[o * row + i] = rintf(weights[o * row + i] / scale);
		if (bias != NULL)
			bias[o] /= VC_DNNL_SCALES_BIAS ? in * scale : out;
		output_scales[o] = in * scale / out;
	}
}

/* Writes the weights, ready to be packed, to plan->weight_scratch and the bias to c->bias. */
vc_status
vc_cpu_fold_weights(vc_plan *plan, const vc_plan_step *step, vc_error *error)
{
	const vc_cpu_convolution *c = step->state;
	const vc_parameter *p = &plan->network->parameters[step->node->weight];
	vc_status	status = vc_cpu_reserve(plan, &plan->weight_scratch, &plan->weight_scratch_bytes,
										sizeof(float) * (size_t) p->count, error);

	if (status != VC_OK)
		return status;
	fold_norm(plan, step, p, plan->weight_scratch, c->bias);
	if (vc_cpu_is_int8(c->shape.source))
		quantize_weights(plan, step, p, plan->weight_scratch, c->bias, c->output_scales);
	return VC_OK;
}

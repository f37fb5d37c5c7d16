/*
 * values.c
 *		What every step uses: values' activations and their gradients, and
 *		which parameters train.
 */
#include "cpu/cpu.h"

/* True where gradients change a parameter while groups below are frozen. */
bool
vc_cpu_trains(const vc_plan *plan, int parameter, int frozen_groups)
{
	return parameter >= 0 &&
		vc_parameter_trains(&plan->network->parameters[parameter], frozen_groups);
}

/* Where a buffer lies; -1 gives NULL. */
void *
vc_cpu_buffer_data(const vc_plan *plan, int buffer)
{
	return buffer < 0 ? NULL : plan->arena + plan->buffers[buffer].offset;
}

/* A value's activations. */
float *
vc_cpu_value_data(const vc_plan *plan, int value)
{
	return value < 0 ? NULL : vc_cpu_buffer_data(plan, plan->values[value].buffer);
}

/* sum += x. */
void
vc_cpu_accumulate(const vc_plan *plan, float *sum, const float *x, int64_t count)
{
#pragma omp parallel for
	for (int64_t c = 0; c < (count + VC_CPU_CHUNK - 1) / VC_CPU_CHUNK; c++)
		plan->device->kernels->accumulate(sum + c * VC_CPU_CHUNK, x + c * VC_CPU_CHUNK, vc_cpu_chunk_length(c, count));
}

/* A value's gradient, its two parts added; NULL where nothing reads it. */
float *
vc_cpu_gradient(vc_plan *plan, int value, int count)
{
	const vc_cpu_value *v = &plan->values[value];
	float	   *gradient = vc_cpu_buffer_data(plan, v->gradient[0]);

	if (v->gradient[1] >= 0)
		vc_cpu_accumulate(plan, gradient, vc_cpu_buffer_data(plan, v->gradient[1]),
						  v->image_floats * count);
	return gradient;
}

/* Ends a step's writing of an input's gradient. */
void
vc_cpu_contribute(vc_plan *plan, int value, vc_cpu_contribution c, int count)
{
	const vc_cpu_value *v = &plan->values[value];

	if (c.add)
		vc_cpu_accumulate(plan, vc_cpu_buffer_data(plan, v->gradient[0]),
						  vc_cpu_buffer_data(plan, c.buffer), v->image_floats * count);
}

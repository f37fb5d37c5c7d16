/*
 * values.c
 *		What every step uses: values' activations and their gradients.
 */
#include "cpu/cpu.h"

/* Where a buffer lies; -1 gives NULL. */
void *
vc_cpu_buffer_data(const vc_plan *plan, int buffer)
{
	return buffer < 0 ? NULL : plan->arena + plan->flow.buffers[buffer].offset;
}

/* A value's activations. */
float *
vc_cpu_value_data(const vc_plan *plan, int value)
{
	return value < 0 ? NULL : vc_cpu_buffer_data(plan, plan->flow.values[value].buffer);
}

/* sum += x. */
static void
add_gradients(const vc_plan *plan, float *sum, const float *x, int64_t count)
{
#pragma omp parallel for
	for (int64_t c = 0; c < (count + VC_CPU_CHUNK - 1) / VC_CPU_CHUNK; c++)
		plan->device->kernels->accumulate(sum + c * VC_CPU_CHUNK, x + c * VC_CPU_CHUNK,
										  vc_cpu_chunk_length(c, count));
}

/* A value's gradient, with its two parts added; NULL if nothing reads it. */
float *
vc_cpu_gradient(vc_plan *plan, int value, int count)
{
	const vc_value *v = &plan->flow.values[value];
	float	   *gradient = vc_cpu_buffer_data(plan, v->gradient[0]);

	if (v->gradient[1] >= 0)
		add_gradients(plan, gradient, vc_cpu_buffer_data(plan, v->gradient[1]),
					  v->image_elements * count);
	return gradient;
}

/* Call it when a step has written its part of an input's gradient. */
void
vc_cpu_contribute(vc_plan *plan, int value, vc_contribution c, int count)
{
	const vc_value *v = &plan->flow.values[value];

	if (c.add)
		add_gradients(plan, vc_cpu_buffer_data(plan, v->gradient[0]),
					  vc_cpu_buffer_data(plan, c.buffer), v->image_elements * count);
}

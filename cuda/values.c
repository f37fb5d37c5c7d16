/*
 * values.c
 *		What every step uses: values' activations and their gradients.
 */
#include "cuda/cuda.h"

size_t
vc_cuda_type_bytes(vc_cuda_type type)
{
	return type == VC_CUDA_FLOAT ? 4 : 2;
}

/* Bytes of a value's activations. */
size_t
vc_cuda_value_bytes(const vc_plan *plan, int value, int count)
{
	const vc_value *v = &plan->flow.values[value];

	return vc_cuda_type_bytes(v->format) * (size_t) v->image_elements * (size_t) count;
}

/* Where a buffer lies; -1 gives NULL. */
void *
vc_cuda_buffer_data(const vc_plan *plan, int buffer)
{
	return buffer < 0 ? NULL : plan->arena + plan->flow.buffers[buffer].offset;
}

/* A value's activations; -1 gives NULL. */
void *
vc_cuda_value_data(const vc_plan *plan, int value)
{
	return value < 0 ? NULL : vc_cuda_buffer_data(plan, plan->flow.values[value].buffer);
}

/* sum += x, over a value's elements. */
static vc_status
add_gradients(vc_plan *plan, int value, void *sum, const void *x, int count, vc_error *error)
{
	const vc_value *v = &plan->flow.values[value];
	cudaError_t status = vc_cuda_launch_add(v->format, sum, x, v->image_elements * count, sum,
											plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "adding gradients");
}

/* A value's gradient, with its two parts added. */
vc_status
vc_cuda_gradient(vc_plan *plan, int value, int count, const void **gradient, vc_error *error)
{
	const vc_value *v = &plan->flow.values[value];
	void	   *first = vc_cuda_buffer_data(plan, v->gradient[0]);

	*gradient = first;
	if (v->gradient[1] < 0)
		return VC_OK;
	return add_gradients(plan, value, first, vc_cuda_buffer_data(plan, v->gradient[1]), count, error);
}

/* Where a step writes its part of an input's gradient; NULL if it is not needed. */
void *
vc_cuda_wanted(const vc_plan *plan, int value, vc_contribution c)
{
	return vc_flow_wants(&plan->flow, value, c) ? vc_cuda_buffer_data(plan, c.buffer) : NULL;
}

/* Call it when a step has written its part of an input's gradient. */
vc_status
vc_cuda_contribute(vc_plan *plan, int value, vc_contribution c, int count, vc_error *error)
{
	if (!c.add || vc_cuda_wanted(plan, value, c) == NULL)
		return VC_OK;
	return add_gradients(plan, value, vc_cuda_buffer_data(plan, plan->flow.values[value].gradient[0]),
						 vc_cuda_buffer_data(plan, c.buffer), count, error);
}

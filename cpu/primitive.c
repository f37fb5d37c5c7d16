/*
 * primitive.c
 *		Making oneDNN's primitives of a convolution.
 */
#include <string.h>

#include "cpu/convolution.h"

/* Makes a memory object without memory. */
static dnnl_status_t
new_memory(const vc_device *device, vc_md md, dnnl_memory_t *memory)
{
	return dnnl_memory_create(memory, md, device->engine, DNNL_MEMORY_NONE);
}

/* Frees the parts of a primitive, complete or not. */
void
vc_cpu_primitive_free(vc_cpu_primitive *k)
{
	dnnl_memory_destroy(k->source);
	dnnl_memory_destroy(k->weights);
	dnnl_memory_destroy(k->bias);
	dnnl_memory_destroy(k->destination);
	dnnl_memory_destroy(k->scratchpad);
	dnnl_memory_destroy(k->scales);
	dnnl_memory_destroy(k->parameter);
	dnnl_primitive_destroy(k->reorder);
	dnnl_primitive_destroy(k->primitive);
	dnnl_primitive_desc_destroy(k->desc);
	memset(k, 0, sizeof(*k));
}

/*
 * Makes a primitive's attributes: it uses the plan's scratchpad, and in
 * inference adds the group's operand and relu.
 */
static dnnl_status_t
new_attributes(const vc_plan *plan, const vc_plan_step *step, bool forward,
			   dnnl_primitive_attr_t *attr)
{
	const vc_cpu_convolution *c = step->state;
	const vc_value *other = step->other >= 0 ? &plan->flow.values[step->other] : NULL;
	bool		int8 = vc_cpu_is_int8(c->shape.destination);
	float		factor = other != NULL && int8 ?
		other->scale / plan->flow.values[step->output].scale : 1;
	dnnl_status_t status = dnnl_primitive_attr_create(attr);

	if (status == dnnl_success)
		status = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
	if (status == dnnl_success && int8)
		status = vc_dnnl_set_output_scales(*attr, c->shape.out_channels, c->output_scales);
	if (status == dnnl_success && forward && (other != NULL || step->relu))
		status = vc_dnnl_append_post_ops(*attr, other != NULL, factor,
										 other != NULL ? vc_cpu_data_type(other->format) : dnnl_f32,
										 step->relu);
	return status;
}

/* Finds the fastest primitive descriptor; there always is a direct one. */
vc_status
vc_cpu_best_desc(vc_plan *plan, const vc_plan_step *step, int count,
				 vc_direction direction, dnnl_primitive_desc_t *desc, vc_error *error)
{
	const vc_cpu_convolution *c = step->state;
	bool		forward = direction == VC_FORWARD_INFERENCE || direction == VC_FORWARD_TRAINING;
	bool		winograd;
	dnnl_primitive_attr_t attr = NULL;
	vc_status	status = vc_cpu_choose(plan, &c->shape, count, direction, &winograd, error);

	*desc = NULL;
	if (status != VC_OK)
		return status;
	if (new_attributes(plan, step, forward, &attr) != dnnl_success)
	{
		dnnl_primitive_attr_destroy(attr);
		return vc_cpu_dnnl_failed(error, dnnl_out_of_memory, "convolution attributes");
	}

	/* First try the layout that needs no reorder, then any. */
	for (int attempt = 0; attempt < 4 && status == VC_OK && *desc == NULL; attempt++)
	{
		bool		fast = winograd && attempt < 2;
		vc_md		weights = attempt % 2 == 0 ? c->weights : NULL;

		if (attempt % 2 == 0 && (weights == NULL || direction == VC_BACKWARD_DATA))
			continue;
		status = vc_cpu_convolution_desc(plan->device, &c->shape, count, direction, fast,
										 weights, step->norm != NULL, attr, desc, error);
	}
	dnnl_primitive_attr_destroy(attr);
	if (status == VC_OK && *desc == NULL)
		return vc_fail(error, VC_UNSUPPORTED,
					   "oneDNN has no %dx%d convolution of %d to %d channels, stride %d",
					   c->shape.kernel, c->shape.kernel, c->shape.channels,
					   c->shape.out_channels, c->shape.stride);
	return status;
}

/* Makes the argument that holds the scales of int8. */
static dnnl_status_t
new_scales(const vc_device *device, const vc_cpu_convolution *c, vc_cpu_primitive *k)
{
	dnnl_dim_t	dims[1] = {c->shape.out_channels};
	vc_md		md = vc_md_create(1, dims, dnnl_x);
	dnnl_status_t status = dnnl_out_of_memory;

	if (md != NULL)
		status = dnnl_memory_create(&k->scales, md, device->engine, c->output_scales);
	vc_md_free(md);
	return status;
}

/* Makes memory objects for the arguments of k->desc. */
static dnnl_status_t
new_arguments(const vc_device *device, const vc_cpu_convolution *c, vc_cpu_primitive *k,
			  int direction)
{
	vc_md		source = vc_md_query(k->desc, direction == VC_CPU_BACKWARD_DATA ?
									 dnnl_query_diff_src_md : dnnl_query_src_md);
	vc_md		destination = vc_md_query(k->desc, direction == VC_CPU_FORWARD ?
										  dnnl_query_dst_md : dnnl_query_diff_dst_md);
	dnnl_status_t status;

	k->weights_md = vc_md_query(k->desc, direction == VC_CPU_BACKWARD_WEIGHTS ?
								dnnl_query_diff_weights_md : dnnl_query_weights_md);
	status = new_memory(device, source, &k->source);
	if (status == dnnl_success)
		status = new_memory(device, k->weights_md, &k->weights);
	if (status == dnnl_success)
		status = new_memory(device, destination, &k->destination);
	if (status == dnnl_success)
		status = new_memory(device, vc_md_query(k->desc, dnnl_query_scratchpad_md), &k->scratchpad);
	if (status == dnnl_success && c->bias != NULL)
		status = new_memory(device, dnnl_primitive_desc_query_md(k->desc, dnnl_query_weights_md, 1),
							&k->bias);
	if (status == dnnl_success && c->output_scales != NULL && VC_DNNL_SCALES_ARG != 0)
		status = new_scales(device, c, k);
	return status;
}

/* Makes the reorder that training needs if the primitive's weights have another layout. */
static dnnl_status_t
new_reorder(const vc_device *device, vc_cpu_primitive *k, int direction, vc_md parameter)
{
	bool		back = direction == VC_CPU_BACKWARD_WEIGHTS;
	dnnl_primitive_desc_t desc = NULL;
	dnnl_status_t status;

	if (vc_md_equal(parameter, k->weights_md))
		return dnnl_success;
	status = dnnl_reorder_primitive_desc_create(&desc,
												back ? k->weights_md : parameter, device->engine,
												back ? parameter : k->weights_md, device->engine,
												NULL);
	if (status == dnnl_success)
		status = vc_cpu_new_primitive(&k->reorder, desc);
	dnnl_primitive_desc_destroy(desc);
	if (status == dnnl_success)
		status = new_memory(device, parameter, &k->parameter);
	return status;
}

/*
 * Makes the primitive of one direction (VC_CPU_FORWARD and so on) and its
 * memory objects, without memory.  After an error the caller frees it.
 */
vc_status
vc_cpu_primitive_create(vc_plan *plan, vc_plan_step *step, int count, int direction,
						vc_cpu_primitive *k, vc_error *error)
{
	static const vc_direction directions[VC_CPU_DIRECTIONS] = {
		VC_FORWARD_TRAINING, VC_BACKWARD_DATA, VC_BACKWARD_WEIGHTS
	};
	vc_cpu_convolution *c = step->state;
	dnnl_status_t status;
	vc_status	result = vc_cpu_best_desc(plan, step, count,
										  plan->training ? directions[direction] :
										  VC_FORWARD_INFERENCE, &k->desc, error);

	if (result != VC_OK)
		return result;
	status = vc_cpu_new_primitive(&k->primitive, k->desc);
	if (status == dnnl_success)
		status = new_arguments(plan->device, c, k, direction);
	if (status == dnnl_success && plan->training)
		status = new_reorder(plan->device, k, direction, c->weights);
	if (status != dnnl_success)
		return vc_cpu_dnnl_failed(error, status, "making a convolution");
	if (k->reorder != NULL &&
		(result = vc_cpu_reserve(plan, &plan->weight_scratch, &plan->weight_scratch_bytes,
								 vc_md_size(k->weights_md), error)) != VC_OK)
		return result;
	return vc_cpu_reserve(plan, &plan->scratch, &plan->scratch_bytes,
						  vc_md_size(vc_md_query(k->desc, dnnl_query_scratchpad_md)), error);
}

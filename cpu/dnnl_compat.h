/*
 * dnnl_compat.h
 *		Everything that differs between oneDNN's C APIs of 2.x and 3.x.
 *
 * 2.x has memory descriptors that are structs and operation descriptors
 * between them and primitive descriptors; 3.x has opaque memory descriptors
 * and no operation descriptors.  The rest of cpu/ handles a memory descriptor
 * only as a vc_md, a pointer to it, which a primitive descriptor owns or
 * vc_md_create returned, and makes convolutions with
 * vc_dnnl_convolution_create.  To build with 3.x, write this file's functions
 * a second time.
 */
#ifndef VISCLF_DNNL_COMPAT_H
#define VISCLF_DNNL_COMPAT_H

#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

#if DNNL_VERSION_MAJOR != 2
#error "cpu/dnnl_compat.h supports oneDNN 2.x only"
#endif

typedef const dnnl_memory_desc_t *vc_md;

/* A convolution's direction. */
typedef enum vc_direction
{
	VC_FORWARD_INFERENCE,
	VC_FORWARD_TRAINING,
	VC_BACKWARD_DATA,
	VC_BACKWARD_WEIGHTS
} vc_direction;

/* A new memory descriptor, or NULL; free with vc_md_free. */
static inline vc_md
vc_md_create_typed(int ndims, const dnnl_dim_t *dims, dnnl_data_type_t type,
				   dnnl_format_tag_t tag)
{
	dnnl_memory_desc_t *md = malloc(sizeof(*md));
	dnnl_dims_t all = {0};

	for (int i = 0; i < ndims; i++)
		all[i] = dims[i];
	if (md != NULL &&
		dnnl_memory_desc_init_by_tag(md, ndims, all, type, tag) != dnnl_success)
	{
		free(md);
		return NULL;
	}
	return md;
}

/* The same for float32. */
static inline vc_md
vc_md_create(int ndims, const dnnl_dim_t *dims, dnnl_format_tag_t tag)
{
	return vc_md_create_typed(ndims, dims, dnnl_f32, tag);
}

static inline vc_md
vc_md_copy(vc_md md)
{
	dnnl_memory_desc_t *copy = malloc(sizeof(*copy));

	if (copy != NULL)
		*copy = *md;
	return copy;
}

static inline void
vc_md_free(vc_md md)
{
	free((void *) md);
}

static inline size_t
vc_md_size(vc_md md)
{
	return dnnl_memory_desc_get_size(md);
}

static inline int
vc_md_equal(vc_md a, vc_md b)
{
	return dnnl_memory_desc_equal(a, b);
}

/* Writes bytes that tell a layout from others; 0 where there is no room. */
static inline int
vc_md_bytes(vc_md md, void *bytes, size_t room)
{
	if (sizeof(*md) > room)
		return 0;
	memcpy(bytes, md, sizeof(*md));
	return 1;
}

/* The descriptor of one of a primitive's arguments; the primitive owns it. */
static inline vc_md
vc_md_query(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
	return dnnl_primitive_desc_query_md(pd, what, 0);
}

/*
 * Makes a convolution's primitive descriptor.  The weights' layout may be
 * "any".  bias may be NULL, and is for forward only; hint is the forward
 * primitive descriptor that a backward one belongs to.
 */
static inline dnnl_status_t
vc_dnnl_convolution_create(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
						   vc_direction direction, int winograd,
						   vc_md source, vc_md weights, vc_md bias, vc_md destination,
						   int stride, int padding,
						   const_dnnl_primitive_attr_t attr,
						   const_dnnl_primitive_desc_t hint)
{
	dnnl_alg_kind_t algorithm = winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
	dnnl_dims_t strides = {stride, stride};
	dnnl_dims_t pad = {padding, padding};
	dnnl_convolution_desc_t desc;
	dnnl_status_t status;

	if (direction == VC_BACKWARD_DATA)
		status = dnnl_convolution_backward_data_desc_init(&desc, algorithm, source, weights,
														  destination, strides, pad, pad);
	else if (direction == VC_BACKWARD_WEIGHTS)
		status = dnnl_convolution_backward_weights_desc_init(&desc, algorithm, source, weights,
															 NULL, destination, strides, pad, pad);
	else
		status = dnnl_convolution_forward_desc_init(&desc,
													direction == VC_FORWARD_TRAINING ?
													dnnl_forward_training :
													dnnl_forward_inference,
													algorithm, source, weights, bias,
													destination, strides, pad, pad);
	if (status != dnnl_success)
		return status;
	return dnnl_primitive_desc_create(pd, &desc, attr, engine, hint);
}

/* Multiplies the sums of an int8 convolution by scales[channels]. */
static inline dnnl_status_t
vc_dnnl_set_output_scales(dnnl_primitive_attr_t attr, int channels, const float *scales)
{
	return dnnl_primitive_attr_set_output_scales(attr, channels, 2, scales);
}

/*
 * The post-operations of a forward convolution: add `factor` times what is
 * there, read as `type`, then relu.
 */
static inline dnnl_status_t
vc_dnnl_append_post_ops(dnnl_primitive_attr_t attr, int sum, float factor,
						dnnl_data_type_t type, int relu)
{
	dnnl_post_ops_t ops;
	dnnl_status_t status = dnnl_post_ops_create(&ops);

	if (status != dnnl_success)
		return status;
	if (sum)
		status = dnnl_post_ops_append_sum_v2(ops, factor, type);
	if (relu && status == dnnl_success)
		status = dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
	if (status == dnnl_success)
		status = dnnl_primitive_attr_set_post_ops(attr, ops);
	dnnl_post_ops_destroy(ops);
	return status;
}

#endif							/* VISCLF_DNNL_COMPAT_H */

/*
 * dnnl_compat.h
 *		Everything that differs between oneDNN's C APIs of 2.x and 3.x.
 *
 * 2.x has memory descriptors that are structs and operation descriptors
 * between them and primitive descriptors; 3.x has opaque memory descriptors
 * and no operation descriptors.  The rest of cpu/ handles a memory descriptor
 * only as a vc_md, a pointer to it, which a primitive descriptor owns or
 * vc_md_create returned, and makes convolutions with
 * vc_dnnl_convolution_create.
 *
 * The scales of int8 differ too. 2.x multiplies sums of products and their
 * bias by scales that are part of the primitive. 3.x multiplies the sums by
 * scales that are given at execution, and adds the bias afterwards, so that
 * the bias is in the units of the result.
 */
#ifndef VISCLF_DNNL_COMPAT_H
#define VISCLF_DNNL_COMPAT_H

#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

#if DNNL_VERSION_MAJOR != 2 && DNNL_VERSION_MAJOR != 3
#error "cpu/dnnl_compat.h supports oneDNN 2.x and 3.x"
#endif

/* A convolution's direction. */
typedef enum vc_direction
{
	VC_FORWARD_INFERENCE,
	VC_FORWARD_TRAINING,
	VC_BACKWARD_DATA,
	VC_BACKWARD_WEIGHTS
} vc_direction;

static inline dnnl_prop_kind_t
vc_dnnl_forward_kind(vc_direction direction)
{
	return direction == VC_FORWARD_TRAINING ? dnnl_forward_training : dnnl_forward_inference;
}

#if DNNL_VERSION_MAJOR == 2

typedef const dnnl_memory_desc_t *vc_md;

#define VC_DNNL_WINOGRAD	1	/* there is such an algorithm */
#define VC_DNNL_SCALES_ARG	0	/* int8: the scales are no argument */
#define VC_DNNL_SCALES_BIAS 1	/* int8: the bias is scaled as the sums are */

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

/* Writes bytes that tell a layout from others; returns 0 if there is no room. */
static inline int
vc_md_bytes(vc_md md, void *bytes, size_t room)
{
	if (sizeof(*md) > room)
		return 0;
	memcpy(bytes, md, sizeof(*md));
	return 1;
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
		status = dnnl_convolution_forward_desc_init(&desc, vc_dnnl_forward_kind(direction),
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

/* Adds `factor` times what is in the destination, read as `type`. */
static inline dnnl_status_t
vc_dnnl_append_sum(dnnl_post_ops_t ops, float factor, dnnl_data_type_t type)
{
	return dnnl_post_ops_append_sum_v2(ops, factor, type);
}

static inline dnnl_status_t
vc_dnnl_append_relu(dnnl_post_ops_t ops)
{
	return dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
}

#else							/* 3.x */

typedef const_dnnl_memory_desc_t vc_md;

#define VC_DNNL_WINOGRAD	0
#define VC_DNNL_SCALES_ARG	(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS)
#define VC_DNNL_SCALES_BIAS 0

static inline vc_md
vc_md_create_typed(int ndims, const dnnl_dim_t *dims, dnnl_data_type_t type,
				   dnnl_format_tag_t tag)
{
	dnnl_memory_desc_t md = NULL;
	dnnl_dims_t all = {0};

	for (int i = 0; i < ndims; i++)
		all[i] = dims[i];
	if (dnnl_memory_desc_create_with_tag(&md, ndims, all, type, tag) != dnnl_success)
		return NULL;
	return md;
}

static inline vc_md
vc_md_copy(vc_md md)
{
	dnnl_memory_desc_t copy = NULL;

	return dnnl_memory_desc_clone(&copy, md) == dnnl_success ? copy : NULL;
}

static inline void
vc_md_free(vc_md md)
{
	if (md != NULL)
		dnnl_memory_desc_destroy((dnnl_memory_desc_t) md);
}

/* Tells a blocked layout from others. Zeroed first, because it is compared as bytes. */
typedef struct vc_md_description
{
	dnnl_dims_t dims;
	dnnl_dims_t padded_dims;
	dnnl_dims_t strides;
	dnnl_dims_t inner_blocks;
	dnnl_dims_t inner_dims;		/* which dimension each block is of */
	int64_t		bytes;			/* with what an int8 kernel stores behind the weights */
	int			ndims;
	int			inner;			/* blocks */
	int			type;
} vc_md_description;

/*
 * Writes bytes that tell a layout from others; returns 0 if it has none, or
 * there is no room.
 */
static inline int
vc_md_bytes(vc_md md, void *bytes, size_t room)
{
	vc_md_description d;
	dnnl_format_kind_t kind;
	dnnl_data_type_t type;
	const dnnl_dims_t *lists[5];
	dnnl_dims_t *copies[5] = {&d.dims, &d.padded_dims, &d.strides, &d.inner_blocks, &d.inner_dims};
	static const dnnl_query_t queries[5] = {
		dnnl_query_dims, dnnl_query_padded_dims, dnnl_query_strides, dnnl_query_inner_blks,
		dnnl_query_inner_idxs
	};

	memset(&d, 0, sizeof(d));
	if (sizeof(d) > room ||
		dnnl_memory_desc_query(md, dnnl_query_format_kind, &kind) != dnnl_success ||
		kind != dnnl_blocked ||
		dnnl_memory_desc_query(md, dnnl_query_ndims_s32, &d.ndims) != dnnl_success ||
		dnnl_memory_desc_query(md, dnnl_query_inner_nblks_s32, &d.inner) != dnnl_success ||
		dnnl_memory_desc_query(md, dnnl_query_data_type, &type) != dnnl_success)
		return 0;
	for (int i = 0; i < 5; i++)
	{
		if (dnnl_memory_desc_query(md, queries[i], &lists[i]) != dnnl_success)
			return 0;
		memcpy(*copies[i], *lists[i],
			   sizeof(dnnl_dim_t) * (size_t) (i < 3 ? d.ndims : d.inner));
	}
	d.bytes = (int64_t) dnnl_memory_desc_get_size(md);
	d.type = (int) type;
	memcpy(bytes, &d, sizeof(d));
	return 1;
}

static inline dnnl_status_t
vc_dnnl_convolution_create(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
						   vc_direction direction, int winograd,
						   vc_md source, vc_md weights, vc_md bias, vc_md destination,
						   int stride, int padding,
						   const_dnnl_primitive_attr_t attr,
						   const_dnnl_primitive_desc_t hint)
{
	dnnl_dims_t strides = {stride, stride};
	dnnl_dims_t pad = {padding, padding};
	dnnl_dims_t dense = {0};

	if (winograd)
		return dnnl_unimplemented;
	if (direction == VC_BACKWARD_DATA)
		return dnnl_convolution_backward_data_primitive_desc_create(
			pd, engine, dnnl_convolution_direct, source, weights, destination, strides, dense,
			pad, pad, hint, attr);
	if (direction == VC_BACKWARD_WEIGHTS)
		return dnnl_convolution_backward_weights_primitive_desc_create(
			pd, engine, dnnl_convolution_direct, source, weights, NULL, destination, strides,
			dense, pad, pad, hint, attr);
	return dnnl_convolution_forward_primitive_desc_create(
		pd, engine, vc_dnnl_forward_kind(direction), dnnl_convolution_direct, source, weights,
		bias, destination, strides, dense, pad, pad, attr);
}

static inline dnnl_status_t
vc_dnnl_set_output_scales(dnnl_primitive_attr_t attr, int channels, const float *scales)
{
	(void) channels;
	(void) scales;
	return dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_WEIGHTS, 1);
}

static inline dnnl_status_t
vc_dnnl_append_sum(dnnl_post_ops_t ops, float factor, dnnl_data_type_t type)
{
	return dnnl_post_ops_append_sum(ops, factor, 0, type);
}

static inline dnnl_status_t
vc_dnnl_append_relu(dnnl_post_ops_t ops)
{
	return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0.0f, 0.0f);
}

#endif							/* DNNL_VERSION_MAJOR */

/* A new memory descriptor of float32, or NULL. */
static inline vc_md
vc_md_create(int ndims, const dnnl_dim_t *dims, dnnl_format_tag_t tag)
{
	return vc_md_create_typed(ndims, dims, dnnl_f32, tag);
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

/* The descriptor of one of a primitive's arguments; the primitive owns it. */
static inline vc_md
vc_md_query(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
	return dnnl_primitive_desc_query_md(pd, what, 0);
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
		status = vc_dnnl_append_sum(ops, factor, type);
	if (relu && status == dnnl_success)
		status = vc_dnnl_append_relu(ops);
	if (status == dnnl_success)
		status = dnnl_primitive_attr_set_post_ops(attr, ops);
	dnnl_post_ops_destroy(ops);
	return status;
}

#endif							/* VISCLF_DNNL_COMPAT_H */

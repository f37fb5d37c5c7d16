/*
 * convolution.h
 *		What convolution.c, fold.c, share.c, describe.c, primitive.c and
 *		algorithm.c share.
 */
#ifndef VISCLF_CPU_CONVOLUTION_H
#define VISCLF_CPU_CONVOLUTION_H

#include "cpu/cpu.h"

/* A convolution without its batch size.  All ints: it is compared as bytes. */
typedef struct vc_cpu_shape
{
	int			channels;		/* of the input */
	int			height;
	int			width;
	int			out_channels;
	int			out_height;
	int			out_width;
	int			kernel;
	int			stride;
	int			padding;
	int			source;			/* vc_cpu_layout of the input */
	int			destination;	/* and of the output */
} vc_cpu_shape;

#define VC_CPU_VARIANTS	6		/* batch sizes whose primitives are kept */
#define VC_CPU_PACKED		4		/* layouts of folded weights */

enum
{
	VC_CPU_FORWARD,
	VC_CPU_BACKWARD_DATA,
	VC_CPU_BACKWARD_WEIGHTS,
	VC_CPU_DIRECTIONS
};

/* One direction at one batch size. */
typedef struct vc_cpu_primitive
{
	dnnl_primitive_desc_t desc;
	dnnl_primitive_t primitive;
	dnnl_memory_t source;		/* or its gradient */
	dnnl_memory_t weights;		/* or their gradient */
	dnnl_memory_t bias;
	dnnl_memory_t destination;	/* or its gradient */
	dnnl_memory_t scratchpad;
	dnnl_memory_t scales;		/* of int8, if they are an argument */
	vc_md		weights_md;		/* owned by desc */
	dnnl_primitive_t reorder;	/* between the parameter's layout and this one */
	dnnl_memory_t parameter;	/* the parameter, for the reorder */
} vc_cpu_primitive;

typedef struct vc_cpu_variant
{
	int			count;			/* images; 0: free */
	vc_cpu_primitive primitives[VC_CPU_DIRECTIONS];
} vc_cpu_variant;

typedef struct vc_cpu_packed
{
	vc_md		md;
	float	   *data;			/* NULL: the weights are in shared */
	const float *shared;		/* in the plan's store */
	size_t		bytes;
} vc_cpu_packed;

typedef struct vc_cpu_convolution
{
	vc_cpu_shape shape;
	vc_md		weights;		/* training: the parameter's layout */
	vc_cpu_variant variants[VC_CPU_VARIANTS];
	int			next;			/* the variant to replace */
	vc_cpu_packed packed[VC_CPU_PACKED];
	int			packed_count;
	int			next_packed;	/* the layout to replace */
	bool		stale;			/* some packed weights are not filled */
	float	   *folded;			/* inference: room for the two below, [2][out_channels] */
	float	   *bias;			/* NULL: there is no batch norm to fold in */
	float	   *output_scales;	/* int8: turn sums of products into the output's units */
} vc_cpu_convolution;

/*
 * The primitive descriptor of a shape at a batch size and in a direction.
 * weights NULL lets oneDNN choose their layout. attr may be NULL.  *desc is
 * NULL if oneDNN has no such kernel.
 */
extern vc_status vc_cpu_convolution_desc(const vc_device *device, const vc_cpu_shape *shape,
										 int count, vc_direction direction, bool winograd,
										 vc_md weights, bool bias,
										 const_dnnl_primitive_attr_t attr,
										 dnnl_primitive_desc_t *desc, vc_error *error);

/* Tells whether Winograd's algorithm is the faster one; measures once for each shape. */
extern vc_status vc_cpu_choose(vc_plan *plan, const vc_cpu_shape *shape, int count,
							   vc_direction direction, bool *winograd, vc_error *error);

/* fold.c */
extern vc_status vc_cpu_fold_weights(vc_plan *plan, const vc_plan_step *step, vc_error *error);

/* share.c */
extern const float *vc_cpu_shared_weights(const vc_plan *plan, const vc_plan_step *step, vc_md md);
extern const float *vc_cpu_share_weights(const vc_plan *plan, const vc_plan_step *step, vc_md md,
										 const float *data);
extern bool vc_cpu_shared_bias(const vc_plan *plan, const vc_plan_step *step);
extern void vc_cpu_share_bias(const vc_plan *plan, const vc_plan_step *step);
extern bool vc_cpu_shared_choice(const vc_plan *plan, const void *trial, size_t bytes,
								 bool *winograd);
extern void vc_cpu_share_choice(const vc_plan *plan, const void *trial, size_t bytes,
								bool winograd);

/* Bytes of a convolution's `folded`. */
static inline size_t
vc_cpu_folded_bytes(const vc_cpu_convolution *c)
{
	return sizeof(float) * 2 * (size_t) c->shape.out_channels;
}

/* describe.c */
extern dnnl_data_type_t vc_cpu_data_type(int layout);
extern vc_md vc_cpu_weights_md(const vc_cpu_shape *shape, dnnl_format_tag_t tag);
extern vc_status vc_cpu_best_desc(vc_plan *plan, const vc_plan_step *step, int count,
								  vc_direction direction, dnnl_primitive_desc_t *desc,
								  vc_error *error);
extern vc_status vc_cpu_primitive_create(vc_plan *plan, vc_plan_step *step, int count,
										 int direction, vc_cpu_primitive *k, vc_error *error);
extern void vc_cpu_primitive_free(vc_cpu_primitive *k);

#endif							/* VISCLF_CPU_CONVOLUTION_H */

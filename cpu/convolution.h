/*
 * convolution.h
 *		What convolution.c and algorithm.c share.
 */
#ifndef VISCLF_CPU_CONVOLUTION_H
#define VISCLF_CPU_CONVOLUTION_H

#include "cpu.h"

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
	int			plain_input;	/* 1: N, C, H, W; 0: blocked */
} vc_cpu_shape;

/* A primitive descriptor and its primitive. */
typedef struct vc_cpu_primitive
{
	dnnl_primitive_desc_t desc;
	dnnl_primitive_t primitive;
} vc_cpu_primitive;

/*
 * The primitive descriptor of a shape at a batch size and in a direction.
 * weights NULL lets oneDNN choose their layout.  attr may be NULL.
 * *desc is NULL where oneDNN has no such kernel.
 */
extern vc_status vc_cpu_convolution_desc(const vc_device *device, const vc_cpu_shape *shape,
										 int count, vc_direction direction, bool winograd,
										 vc_md weights, bool bias,
										 const_dnnl_primitive_attr_t attr,
										 dnnl_primitive_desc_t *desc, vc_error *error);

/* Whether Winograd's algorithm is the faster one; measured once a shape. */
extern vc_status vc_cpu_choose(vc_plan *plan, const vc_cpu_shape *shape, int count,
							   vc_direction direction, bool *winograd, vc_error *error);

#endif							/* VISCLF_CPU_CONVOLUTION_H */

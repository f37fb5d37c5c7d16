/*
 * builder.h
 *		What network.c offers to the files that describe architectures.
 *
 * Each vc_add_ function appends one node and returns its index; after an
 * error it does nothing and returns -1.
 */
#ifndef VISCLF_BUILDER_H
#define VISCLF_BUILDER_H

#include "engine/network/network.h"

#define VC_BUILDER_NODES		256
#define VC_BUILDER_PARAMETERS	384

typedef struct vc_builder
{
	vc_network *network;
	int			group;			/* of the parameters added from now on */
	const char *linear_name;	/* the linear head's name in this family */
	vc_status	status;
	vc_error   *error;
} vc_builder;

extern int	vc_add_convolution(vc_builder *b, const char *name, int input,
							   int channels, int kernel, int stride,
							   int padding, vc_role role);
extern int	vc_add_batch_norm(vc_builder *b, const char *name, int input);
extern int	vc_add_relu(vc_builder *b, int input);
extern int	vc_add_sum(vc_builder *b, int left, int right);
extern int	vc_add_max_pool(vc_builder *b, int input, int kernel, int stride, int padding);

extern void vc_build_resnet18(vc_builder *b);
extern void vc_build_resnet34(vc_builder *b);
extern void vc_build_resnet50(vc_builder *b);
extern void vc_build_resnet20(vc_builder *b);

#endif							/* VISCLF_BUILDER_H */

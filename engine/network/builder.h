/*
 * builder.h
 *		Builds networks node by node; architectures are written with it.
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

/*
 * Appends a node of the first input's shape, which the caller may change;
 * NULL after an error.
 */
extern vc_node *vc_add_node(vc_builder *b, vc_op op, int input);

/* Index of the node that was added last. */
extern int	vc_last_node(const vc_builder *b);

extern int	vc_add_convolution(vc_builder *b, const char *name, int input,
							   int channels, int kernel, int stride,
							   int padding, vc_role role);
extern int	vc_add_batch_norm(vc_builder *b, const char *name, int input);
extern int	vc_add_relu(vc_builder *b, int input);
extern int	vc_add_sum(vc_builder *b, int left, int right);
extern int	vc_add_max_pool(vc_builder *b, int input, int kernel, int stride, int padding);
extern int	vc_add_global_pool(vc_builder *b, vc_op op, int input);	/* average or concat */
extern int	vc_add_dropout(vc_builder *b, int input, float rate);
extern int	vc_add_linear(vc_builder *b, const char *name, int input, int outputs, bool bias);

extern void vc_build_resnet18(vc_builder *b);
extern void vc_build_resnet34(vc_builder *b);
extern void vc_build_resnet50(vc_builder *b);
extern void vc_build_resnet20(vc_builder *b);

#endif							/* VISCLF_BUILDER_H */

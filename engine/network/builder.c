/*
 * builder.c
 *		Building networks node by node.
 *
 * The builder keeps the first error it meets and then ignores further nodes,
 * so that the architectures in resnet.c read as plain lists.
 */
#include "engine/network/builder.h"

#include <stdio.h>
#include <string.h>

vc_node *
vc_add_node(vc_builder *b, vc_op op, int input)
{
	vc_network *n = b->network;
	vc_node    *node;

	if (b->status != VC_OK)
		return NULL;
	if (n->node_count == VC_BUILDER_NODES)
	{
		b->status = vc_fail(b->error, VC_INVALID_ARGUMENT,
							"network has more than %d nodes", VC_BUILDER_NODES);
		return NULL;
	}
	node = &n->nodes[n->node_count++];
	memset(node, 0, sizeof(*node));
	if (input >= 0)
		*node = n->nodes[input];
	node->op = op;
	node->input[0] = input;
	node->input[1] = -1;
	node->kernel = node->stride = node->padding = 0;
	node->rate = 0;
	node->weight = node->bias = node->mean = node->variance = -1;
	return node;
}

int
vc_last_node(const vc_builder *b)
{
	return b->network->node_count - 1;
}

/* Adds a parameter called <prefix>.<suffix>; returns its index. */
static int
add_parameter(vc_builder *b, const char *prefix, const char *suffix,
			  vc_role role, int ndim, int d0, int d1, int d2, int d3)
{
	vc_network *n = b->network;
	vc_parameter *p;
	int			shape[4] = {d0, d1, d2, d3};

	if (b->status != VC_OK)
		return -1;
	if (n->parameter_count == VC_BUILDER_PARAMETERS)
	{
		b->status = vc_fail(b->error, VC_INVALID_ARGUMENT,
							"network has more than %d parameters", VC_BUILDER_PARAMETERS);
		return -1;
	}
	p = &n->parameters[n->parameter_count++];
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s.%s", prefix, suffix);
	p->role = role;
	p->group = b->group;
	p->ndim = ndim;
	p->count = 1;
	for (int i = 0; i < ndim; i++)
	{
		p->shape[i] = shape[i];
		p->count *= shape[i];
	}
	return n->parameter_count - 1;
}

int
vc_add_convolution(vc_builder *b, const char *name, int input, int channels,
				   int kernel, int stride, int padding, vc_role role)
{
	vc_node    *node = vc_add_node(b, VC_CONVOLUTION, input);
	int			in;

	if (node == NULL)
		return -1;
	in = node->channels;
	node->kernel = kernel;
	node->stride = stride;
	node->padding = padding;
	node->height = (node->height + 2 * padding - kernel) / stride + 1;
	node->width = (node->width + 2 * padding - kernel) / stride + 1;
	node->channels = channels;
	node->weight = add_parameter(b, name, "weight", role, 4, channels, in, kernel, kernel);
	return vc_last_node(b);
}

int
vc_add_batch_norm(vc_builder *b, const char *name, int input)
{
	vc_node    *node = vc_add_node(b, VC_BATCH_NORM, input);
	int			c;

	if (node == NULL)
		return -1;
	c = node->channels;
	node->weight = add_parameter(b, name, "weight", VC_NORM_WEIGHT, 1, c, 1, 1, 1);
	node->bias = add_parameter(b, name, "bias", VC_NORM_BIAS, 1, c, 1, 1, 1);
	node->mean = add_parameter(b, name, "running_mean", VC_RUNNING_MEAN, 1, c, 1, 1, 1);
	node->variance = add_parameter(b, name, "running_var", VC_RUNNING_VARIANCE, 1, c, 1, 1, 1);
	return vc_last_node(b);
}

int
vc_add_relu(vc_builder *b, int input)
{
	vc_add_node(b, VC_RELU, input);
	return vc_last_node(b);
}

int
vc_add_sum(vc_builder *b, int left, int right)
{
	vc_node    *node = vc_add_node(b, VC_ADD, left);

	if (node != NULL)
		node->input[1] = right;
	return vc_last_node(b);
}

int
vc_add_max_pool(vc_builder *b, int input, int kernel, int stride, int padding)
{
	vc_node    *node = vc_add_node(b, VC_MAX_POOL, input);

	if (node == NULL)
		return -1;
	node->kernel = kernel;
	node->stride = stride;
	node->padding = padding;
	node->height = (node->height + 2 * padding - kernel) / stride + 1;
	node->width = (node->width + 2 * padding - kernel) / stride + 1;
	return vc_last_node(b);
}

int
vc_add_global_pool(vc_builder *b, vc_op op, int input)
{
	vc_node    *node = vc_add_node(b, op, input);

	if (node == NULL)
		return -1;
	node->height = node->width = 1;
	if (op == VC_CONCAT_POOL)
		node->channels *= 2;
	return vc_last_node(b);
}

int
vc_add_dropout(vc_builder *b, int input, float rate)
{
	vc_node    *node = vc_add_node(b, VC_DROPOUT, input);

	if (node != NULL)
		node->rate = rate;
	return vc_last_node(b);
}

int
vc_add_linear(vc_builder *b, const char *name, int input, int outputs, bool bias)
{
	vc_node    *node = vc_add_node(b, VC_LINEAR, input);
	int			in;

	if (node == NULL)
		return -1;
	in = node->channels * node->height * node->width;
	node->channels = outputs;
	node->height = node->width = 1;
	node->weight = add_parameter(b, name, "weight", VC_WEIGHT, 2, outputs, in, 1, 1);
	if (bias)
		node->bias = add_parameter(b, name, "bias", VC_BIAS, 1, outputs, 1, 1, 1);
	return vc_last_node(b);
}

/*
 * network.c
 *		Makes a network from an architecture's name, and answers questions
 *		about it.
 */
#include "engine/network/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/network/builder.h"

/* Limits of mean and standard deviation: beyond them, the input would not be finite. */
#define LARGEST_SCALE 1e6f

const float vc_imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
const float vc_imagenet_std[3] = {0.229f, 0.224f, 0.225f};

static const struct
{
	const char *name;
	void		(*body) (vc_builder *builder);
}			architectures[] =
{
	{"resnet18", vc_build_resnet18},
	{"resnet34", vc_build_resnet34},
	{"resnet50", vc_build_resnet50},
	{"resnet20", vc_build_resnet20},
};

#define ARCHITECTURES ((int) (sizeof(architectures) / sizeof(architectures[0])))

const char *
vc_architecture_name(int index)
{
	return index < ARCHITECTURES ? architectures[index].name : NULL;
}

const char *
vc_architectures(void)
{
	return "resnet18, resnet34, resnet50, resnet20";
}

/* fastai's head: concat pool, norm, dropout, linear, relu, norm, dropout, linear. */
static void
add_concat_head(vc_builder *b, float dropout)
{
	vc_network *n = b->network;
	int			x = vc_add_global_pool(b, VC_CONCAT_POOL, vc_last_node(b));

	n->feature_node = x;
	x = vc_add_batch_norm(b, "head.norm1", x);
	x = vc_add_dropout(b, x, dropout / 2);
	x = vc_add_linear(b, "head.linear1", x, 512, false);
	x = vc_add_relu(b, x);
	x = vc_add_batch_norm(b, "head.norm2", x);
	x = vc_add_dropout(b, x, dropout);
	vc_add_linear(b, "head.linear2", x, n->classes, false);
}

static void
add_linear_head(vc_builder *b)
{
	vc_network *n = b->network;
	int			x = vc_add_global_pool(b, VC_AVERAGE_POOL, vc_last_node(b));

	n->feature_node = x;
	vc_add_linear(b, b->linear_name, x, n->classes, true);
}

static vc_status
check_options(const vc_network_options *o, int *architecture, vc_error *error)
{
	*architecture = -1;
	for (int i = 0; i < ARCHITECTURES; i++)
		if (strcmp(o->architecture, architectures[i].name) == 0)
			*architecture = i;
	if (*architecture < 0)
	{
		vc_fail(error, VC_INVALID_ARGUMENT, "unknown architecture \"%s\"", o->architecture);
		return vc_hint(error, VC_INVALID_ARGUMENT, "Architectures are %s.", vc_architectures());
	}
	if (o->image_size < VC_MIN_IMAGE_SIZE || o->image_size > VC_MAX_IMAGE_SIZE)
	{
		vc_fail(error, VC_INVALID_ARGUMENT, "image size %d is outside %d to %d pixels",
				o->image_size, VC_MIN_IMAGE_SIZE, VC_MAX_IMAGE_SIZE);
		return vc_hint(error, VC_INVALID_ARGUMENT,
					   "The ImageNet networks were trained at 224; resnet20 works well from 32 to 96.");
	}
	if (o->classes < 1 || o->classes > VC_MAX_CLASSES)
		return vc_fail(error, VC_INVALID_ARGUMENT, "%d classes are outside 1 to %d",
					   o->classes, VC_MAX_CLASSES);
	if (!(o->dropout >= 0 && o->dropout < 1))
		return vc_fail(error, VC_INVALID_ARGUMENT, "dropout %g is outside 0 to below 1",
					   (double) o->dropout);
	for (int i = 0; i < 3; i++)
		if (!(fabsf(o->mean[i]) <= LARGEST_SCALE))
			return vc_fail(error, VC_INVALID_ARGUMENT, "mean %g of channel %d is outside %g to %g",
						   (double) o->mean[i], i, (double) -LARGEST_SCALE, (double) LARGEST_SCALE);
	for (int i = 0; i < 3; i++)
		if (!(o->std[i] >= 1 / LARGEST_SCALE && o->std[i] <= LARGEST_SCALE))
			return vc_fail(error, VC_INVALID_ARGUMENT,
						   "standard deviation %g of channel %d is outside %g to %g",
						   (double) o->std[i], i, (double) (1 / LARGEST_SCALE), (double) LARGEST_SCALE);
	return VC_OK;
}

/* Allocates a network with room for all nodes that the builder may add. */
static vc_network *
allocate_network(void)
{
	vc_network *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->nodes = calloc(VC_BUILDER_NODES, sizeof(vc_node));
	n->parameters = calloc(VC_BUILDER_PARAMETERS, sizeof(vc_parameter));
	if (n->nodes == NULL || n->parameters == NULL)
	{
		vc_network_free(n);
		return NULL;
	}
	return n;
}

vc_status
vc_network_create(const vc_network_options *o, vc_network **network, vc_error *error)
{
	vc_builder	b = {.status = VC_OK,.error = error,.group = VC_GROUP_STEM,
	.linear_name = "fc"};
	int			architecture;
	vc_node    *input;

	b.status = check_options(o, &architecture, error);
	if (b.status != VC_OK)
		return b.status;
	if ((b.network = allocate_network()) == NULL)
		return vc_no_memory(error, sizeof(vc_node) * VC_BUILDER_NODES);

	snprintf(b.network->architecture, VC_NAME_SIZE, "%s", o->architecture);
	b.network->head = o->head;
	b.network->image_size = o->image_size;
	b.network->classes = o->classes;
	memcpy(b.network->mean, o->mean, sizeof(o->mean));
	memcpy(b.network->std, o->std, sizeof(o->std));
	input = vc_add_node(&b, VC_INPUT, -1);
	input->channels = 3;
	input->height = input->width = o->image_size;

	architectures[architecture].body(&b);
	b.group = VC_GROUP_HEAD;
	if (o->head == VC_HEAD_CONCAT)
		add_concat_head(&b, o->dropout);
	else
		add_linear_head(&b);

	if (b.status != VC_OK)
	{
		vc_network_free(b.network);
		return b.status;
	}
	b.network->features = b.network->nodes[b.network->feature_node].channels;
	*network = b.network;
	return VC_OK;
}

void
vc_network_free(vc_network *network)
{
	if (network == NULL)
		return;
	free(network->nodes);
	free(network->parameters);
	free(network);
}

int
vc_network_find(const vc_network *network, const char *name)
{
	for (int i = 0; i < network->parameter_count; i++)
		if (strcmp(network->parameters[i].name, name) == 0)
			return i;
	return -1;
}

int
vc_network_only_reader(const vc_network *network, int node)
{
	int			reader = -1;

	if (node == network->feature_node)
		return -1;
	for (int i = node + 1; i < network->node_count; i++)
		for (int k = 0; k < 2; k++)
			if (network->nodes[i].input[k] == node)
			{
				if (reader >= 0)
					return -1;
				reader = i;
			}
	return reader;
}

bool
vc_parameter_trainable(const vc_parameter *p)
{
	return p->role == VC_WEIGHT || p->role == VC_BIAS ||
		p->role == VC_NORM_WEIGHT || p->role == VC_NORM_BIAS;
}

bool
vc_parameter_stored(const vc_parameter *p)
{
	return p->role != VC_CONSTANT;
}

int64_t
vc_network_multiplications(const vc_network *network)
{
	int64_t		total = 0;

	for (int i = 0; i < network->node_count; i++)
	{
		const vc_node *node = &network->nodes[i];

		if (node->op == VC_CONVOLUTION || node->op == VC_LINEAR)
			total += network->parameters[node->weight].count *
				node->height * node->width;
	}
	return total;
}

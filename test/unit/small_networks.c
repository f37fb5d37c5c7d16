/*
 * small_networks.c
 *		Networks of a few nodes, and random parameters and batches, for tests.
 *
 * Sizes, strides and paddings are odd on purpose, and few channel counts are
 * multiples of a vector's length.  Most networks end in the concat pool: its
 * maximum makes gradients that differ from pixel to pixel.
 */
#include "test/unit/small_networks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/network/builder.h"
#include "engine/support/random.h"

/* Adds a node that builder.h has no function for. */
static int
add_plain(vc_builder *b, vc_op op, int input)
{
	int			x = vc_add_relu(b, input);
	vc_node    *node;

	if (x < 0)
		return x;
	node = &b->network->nodes[x];
	node->op = op;
	if (op == VC_AVERAGE_POOL || op == VC_CONCAT_POOL)
		node->height = node->width = 1;
	if (op == VC_CONCAT_POOL)
		node->channels *= 2;
	return x;
}

static int
add_dropout(vc_builder *b, int input, float rate)
{
	int			x = add_plain(b, VC_DROPOUT, input);

	if (x >= 0)
		b->network->nodes[x].rate = rate;
	return x;
}

/* A linear node is a convolution of one pixel whose weight has two axes. */
static int
add_linear(vc_builder *b, const char *name, int input, int outputs, bool bias)
{
	int			x = vc_add_convolution(b, name, input, outputs, 1, 1, 0, VC_WEIGHT);
	vc_network *n = b->network;
	vc_parameter *p;

	if (x < 0)
		return x;
	n->nodes[x].op = VC_LINEAR;
	n->nodes[x].kernel = n->nodes[x].stride = 0;
	n->parameters[n->nodes[x].weight].ndim = 2;
	if (!bias)
		return x;
	p = &n->parameters[n->parameter_count];
	*p = (vc_parameter) {.role = VC_BIAS,.group = b->group,.ndim = 1,
	.shape = {outputs},.count = outputs};
	snprintf(p->name, sizeof(p->name), "%s.bias", name);
	n->nodes[x].bias = n->parameter_count++;
	return x;
}

/* Concat pool and a linear node with bias. */
static void
end_concat(vc_builder *b, int input)
{
	b->network->feature_node = add_plain(b, VC_CONCAT_POOL, input);
	b->group = VC_GROUP_HEAD;
	add_linear(b, "end", b->network->feature_node, b->network->classes, true);
}

/* Average pool and a linear node. */
static void
end_average(vc_builder *b, int input, bool bias)
{
	b->network->feature_node = add_plain(b, VC_AVERAGE_POOL, input);
	b->group = VC_GROUP_HEAD;
	add_linear(b, "end", b->network->feature_node, b->network->classes, bias);
}

/* Two convolutions; see the table of shapes at the end. */
static void
convolutions(vc_builder *b, const int *s)
{
	int			x = vc_add_convolution(b, "first", 0, s[0], s[1], s[2], s[3], VC_WEIGHT);

	b->group = VC_GROUP_BODY;
	end_concat(b, vc_add_convolution(b, "second", x, s[4], s[5], s[6], s[7], VC_WEIGHT));
}

/* A max pool between two convolutions. */
static void
max_pools(vc_builder *b, const int *s)
{
	int			x = vc_add_convolution(b, "first", 0, s[0], 3, 1, 1, VC_WEIGHT);

	x = vc_add_max_pool(b, x, s[1], s[2], s[3]);
	b->group = VC_GROUP_BODY;
	x = vc_add_convolution(b, "second", x, s[4], 3, 1, 1, VC_WEIGHT);
	end_concat(b, x);
}

static void
only_linear(vc_builder *b, const int *s)
{
	end_average(b, 0, s[0]);
}

static void
average_pool(vc_builder *b, const int *s)
{
	int			x = vc_add_convolution(b, "first", 0, s[0], 3, 1, 1, VC_WEIGHT);

	end_average(b, vc_add_relu(b, x), true);
}

static void
relus(vc_builder *b, const int *s)
{
	int			x = vc_add_convolution(b, "first", 0, s[0], 3, 1, 1, VC_WEIGHT);

	x = vc_add_relu(b, x);
	b->group = VC_GROUP_BODY;
	x = vc_add_convolution(b, "second", x, s[1], 3, 2, 1, VC_WEIGHT);
	end_concat(b, vc_add_relu(b, x));
}

/* Batch norm without a relu, and twice in a row with one. */
static void
batch_norms(vc_builder *b, const int *s)
{
	int			x = vc_add_convolution(b, "first", 0, s[0], 3, 1, 1, VC_WEIGHT);

	x = vc_add_batch_norm(b, "norm1", x);
	b->group = VC_GROUP_BODY;
	x = vc_add_convolution(b, "second", x, s[1], 3, 1, 1, VC_WEIGHT);
	x = vc_add_relu(b, vc_add_batch_norm(b, "norm2", x));
	end_concat(b, vc_add_batch_norm(b, "norm3", x));
}

/* Sums: of two branches; with the input of a branch; before and after relu. */
static void
sums(vc_builder *b, const int *s)
{
	int			stem = vc_add_convolution(b, "stem", 0, s[0], 3, 1, 1, VC_WEIGHT);
	int			left = vc_add_convolution(b, "left", stem, s[1], 3, 2, 1, VC_WEIGHT);
	int			right = vc_add_convolution(b, "right", stem, s[1], 1, 2, 0, VC_WEIGHT);
	int			x = vc_add_relu(b, vc_add_sum(b, left, right));
	int			y;

	b->group = VC_GROUP_BODY;
	y = vc_add_convolution(b, "branch", x, s[1], 3, 1, 1, VC_WEIGHT);
	y = vc_add_sum(b, vc_add_relu(b, y), x);
	end_concat(b, y);
}

/* One residual block of each kind, as the architectures join them. */
static void
blocks(vc_builder *b, const int *s)
{
	int			x = vc_add_convolution(b, "stem", 0, s[0], 3, 2, 1, VC_WEIGHT);
	int			y;

	x = vc_add_relu(b, vc_add_batch_norm(b, "stem_norm", x));
	x = vc_add_max_pool(b, x, 3, 2, 1);
	y = vc_add_convolution(b, "a1", x, s[0], 3, 1, 1, VC_WEIGHT);
	y = vc_add_relu(b, vc_add_batch_norm(b, "a1_norm", y));
	y = vc_add_convolution(b, "a2", y, s[0], 3, 1, 1, VC_WEIGHT);
	x = vc_add_relu(b, vc_add_sum(b, vc_add_batch_norm(b, "a2_norm", y), x));
	b->group = VC_GROUP_BODY;
	y = vc_add_convolution(b, "b1", x, s[1], 3, 2, 1, VC_WEIGHT);
	y = vc_add_batch_norm(b, "b1_norm", y);
	x = vc_add_convolution(b, "b_down", x, s[1], 1, 2, 0, VC_WEIGHT);
	x = vc_add_relu(b, vc_add_sum(b, y, vc_add_batch_norm(b, "b_down_norm", x)));
	y = vc_add_convolution(b, "c1", x, s[1] + 6, 3, 2, 1, VC_WEIGHT);
	y = vc_add_batch_norm(b, "c1_norm", y);
	x = vc_add_convolution(b, "c_fixed", x, s[1] + 6, 1, 2, 0, VC_CONSTANT);
	end_concat(b, vc_add_relu(b, vc_add_sum(b, y, x)));
}

/* The concat head's nodes behind one convolution. */
static void
heads(vc_builder *b, const int *s)
{
	int			x = vc_add_convolution(b, "first", 0, s[0], 3, 2, 1, VC_WEIGHT);

	b->network->feature_node = x = add_plain(b, VC_CONCAT_POOL, x);
	b->group = VC_GROUP_HEAD;
	x = add_dropout(b, vc_add_batch_norm(b, "norm1", x), 0.25f);
	x = vc_add_relu(b, add_linear(b, "linear1", x, s[1], false));
	x = add_dropout(b, vc_add_batch_norm(b, "norm2", x), 0.5f);
	add_linear(b, "linear2", x, b->network->classes, true);
}

static const struct
{
	const char *name;
	void		(*body) (vc_builder *b, const int *shape);
	int			image_size;
	int			classes;
	int			shape[8];
}			table[] =
{
	{"linear", only_linear, 8, 3, {true}},
	{"linear without bias", only_linear, 9, 17, {false}},
	{"average pool", average_pool, 11, 2, {6}},
	/* channels, kernel, stride, padding; twice */
	{"convolution 3x3", convolutions, 9, 3, {7, 3, 1, 1, 5, 3, 1, 1}},
	{"convolution 3x3 stride 2", convolutions, 11, 2, {16, 3, 1, 1, 33, 3, 2, 1}},
	{"convolution 1x1", convolutions, 8, 3, {17, 1, 1, 0, 48, 1, 1, 0}},
	{"convolution 1x1 stride 2", convolutions, 13, 4, {6, 3, 2, 1, 19, 1, 2, 0}},
	{"convolution 7x7 stride 2", convolutions, 23, 3, {64, 7, 2, 3, 10, 3, 1, 0}},
	{"convolution 5x5", convolutions, 16, 2, {8, 5, 3, 2, 24, 5, 1, 2}},
	{"convolution 2x2", convolutions, 10, 3, {5, 2, 2, 0, 9, 2, 1, 1}},
	{"convolution 3x3 of 64", convolutions, 14, 3, {64, 3, 1, 1, 64, 3, 1, 1}},
	{"convolution 3x3 of 96", convolutions, 28, 3, {96, 3, 1, 1, 96, 3, 1, 1}},
	{"convolution to one pixel", convolutions, 8, 3, {12, 4, 4, 0, 20, 3, 2, 1}},
	/* channels, kernel, stride, padding, channels after */
	{"max pool 3 stride 2", max_pools, 13, 3, {9, 3, 2, 1, 7}},
	{"max pool 2 stride 2", max_pools, 12, 2, {16, 2, 2, 0, 32}},
	{"max pool 3 stride 1", max_pools, 8, 3, {5, 3, 1, 1, 6}},
	{"relu", relus, 10, 3, {7, 21}},
	{"batch norm", batch_norms, 9, 3, {5, 18}},
	{"batch norm of 16s", batch_norms, 8, 2, {16, 32}},
	{"sums", sums, 11, 3, {6, 20}},
	{"blocks", blocks, 37, 3, {12, 26}},
	{"blocks of 64", blocks, 32, 5, {64, 128}},
	{"head", heads, 15, 3, {10, 37}},
};

vc_network *
small_network(int index)
{
	vc_builder	b = {.status = VC_OK,.group = VC_GROUP_STEM};
	vc_network *n;

	if (index >= (int) (sizeof(table) / sizeof(table[0])))
		return NULL;
	b.network = n = calloc(1, sizeof(*n));
	n->nodes = calloc(VC_BUILDER_NODES, sizeof(vc_node));
	n->parameters = calloc(VC_BUILDER_PARAMETERS, sizeof(vc_parameter));
	snprintf(n->architecture, sizeof(n->architecture), "%s", table[index].name);
	n->image_size = table[index].image_size;
	n->classes = table[index].classes;
	memcpy(n->mean, vc_imagenet_mean, sizeof(n->mean));
	memcpy(n->std, vc_imagenet_std, sizeof(n->std));
	n->node_count = 1;
	n->nodes[0] = (vc_node) {.op = VC_INPUT,.input = {-1, -1},.channels = 3,
	.height = n->image_size,.width = n->image_size,
	.weight = -1,.bias = -1,.mean = -1,.variance = -1};
	table[index].body(&b, table[index].shape);
	n->features = n->nodes[n->feature_node].channels;
	return n;
}

vc_network *
whole_network(const char *architecture, vc_head head, int image_size, int classes, float dropout)
{
	vc_network_options options = {.architecture = architecture,.head = head,
	.image_size = image_size,.classes = classes,.dropout = dropout};
	vc_network *network = NULL;
	vc_error	error = {0};

	memcpy(options.mean, vc_imagenet_mean, sizeof(options.mean));
	memcpy(options.std, vc_imagenet_std, sizeof(options.std));
	if (vc_network_create(&options, &network, &error) != VC_OK)
		printf("# %s: %s\n", architecture, error.message);
	return network;
}

/* Spreads `count` values evenly over low..high. */
static void
uniform(float *data, int64_t count, float low, float high, uint64_t seed, int stream)
{
	for (int64_t i = 0; i < count; i++)
		data[i] = low + (high - low) * vc_random_uniform(seed, stream, i);
}

float	  **
random_parameters(const vc_network *network, uint64_t seed)
{
	float	  **result = calloc(network->parameter_count, sizeof(float *));

	for (int i = 0; i < network->parameter_count; i++)
	{
		const vc_parameter *p = &network->parameters[i];

		if (!vc_parameter_stored(p))
			continue;
		result[i] = malloc(sizeof(float) * p->count);
		if (p->role == VC_WEIGHT || p->role == VC_BIAS)
			vc_parameter_init(network, i, seed, result[i]);
		else if (p->role == VC_NORM_WEIGHT || p->role == VC_RUNNING_VARIANCE)
			uniform(result[i], p->count, 0.5f, 1.5f, seed, i);
		else
			uniform(result[i], p->count, -0.3f, 0.3f, seed, i);
	}
	return result;
}

void
free_parameters(const vc_network *network, float **parameters)
{
	for (int i = 0; i < network->parameter_count; i++)
		free(parameters[i]);
	free(parameters);
}

/* One channel of one image. */
static void
paint(uint8_t *image, int size, int channel, uint64_t seed, uint64_t stream)
{
	float		base = 60 + 130 * vc_random_uniform(seed, stream, 0);
	float		fx = 9 * vc_random_uniform(seed, stream, 1) / size;
	float		fy = 9 * vc_random_uniform(seed, stream, 2) / size;

	for (int y = 0; y < size; y++)
		for (int x = 0; x < size; x++)
		{
			int			i = (y * size + x) * 3 + channel;
			float		noise = 40 * vc_random_uniform(seed, stream, i + 3) - 20;

			image[i] = (uint8_t) (base + 40 * sinf(fx * x + fy * y) + noise);
		}
}

uint8_t *
random_images(int count, int size, uint64_t seed)
{
	int64_t		bytes = (int64_t) size * size * 3;
	uint8_t    *images = malloc(count * bytes);

	for (int n = 0; n < count; n++)
		for (int channel = 0; channel < 3; channel++)
			paint(images + n * bytes, size, channel, seed, n * 3 + channel);
	return images;
}

vc_targets *
random_targets(int count, int classes, target_kind kind, uint64_t seed)
{
	vc_targets *targets = malloc(sizeof(vc_targets) + sizeof(float) * classes +
								 sizeof(int32_t) * count * classes);
	float	   *weights = (float *) (targets + 1);
	int32_t    *labels = (int32_t *) (weights + classes);
	uint8_t    *members = (uint8_t *) labels;

	memset(targets, 0, sizeof(*targets));
	for (int c = 0; c < classes; c++)
		weights[c] = 0.5f + 2 * vc_random_uniform(seed, 78, c);
	for (int n = 0; n < count; n++)
		if (kind == LABELS || kind == WEIGHTED_LABELS)
			labels[n] = (int32_t) (vc_random_bits(seed, 77, n) % classes);
		else
			for (int c = 0; c < classes; c++)
				members[n * classes + c] = vc_random_uniform(seed, 79 + c, n) < 0.4f;
	if (kind == WEIGHTED_LABELS || kind == WEIGHTED_MEMBERS)
		targets->class_weights = weights;
	if (kind == LABELS || kind == WEIGHTED_LABELS)
		targets->labels = labels;
	else
		targets->members = members;
	return targets;
}

/*
 * init.c
 *		Starting values of parameters.
 *
 * Convolutions: Kaiming normal, fan out, as torchvision's ResNet.  The concat
 * head: Kaiming normal, fan in, as fastai's.  The linear head: uniform in
 * +-1/sqrt(fan in), torch's default for a linear layer.
 */
#include <math.h>
#include <string.h>

#include "engine/network/network.h"
#include "engine/support/random.h"

/* Standard normal number i of a stream, by Box and Muller's transform. */
static float
random_normal(uint64_t seed, uint64_t stream, uint64_t i)
{
	double		u = 1.0 - vc_random_uniform(seed, stream, 2 * i);
	double		v = vc_random_uniform(seed, stream, 2 * i + 1);

	return (float) (sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * v));
}

static void
fill_parameter(float *data, int64_t count, float value)
{
	for (int64_t i = 0; i < count; i++)
		data[i] = value;
}

static void
fill_normal(float *data, const vc_parameter *p, double std, uint64_t seed, int index)
{
	for (int64_t i = 0; i < p->count; i++)
		data[i] = (float) (std * random_normal(seed, (uint64_t) index, (uint64_t) i));
}

static void
fill_uniform(float *data, const vc_parameter *p, double bound, uint64_t seed, int index)
{
	for (int64_t i = 0; i < p->count; i++)
		data[i] = (float) (bound * (2.0 * vc_random_uniform(seed, (uint64_t) index, (uint64_t) i) - 1.0));
}

/* Output channel o copies input channel o - offset; the others are zero. */
static void
fill_subsample(float *data, const vc_parameter *p)
{
	int			out = p->shape[0];
	int			in = p->shape[1];
	int			offset = (out - in) / 2;

	memset(data, 0, sizeof(float) * p->count);
	for (int i = 0; i < in; i++)
		data[(int64_t) (i + offset) * in + i] = 1.0f;
}

/* Number of inputs of the linear node that owns a parameter. */
static int
fan_in(const vc_network *network, int index)
{
	for (int i = 0; i < network->node_count; i++)
	{
		const vc_node *node = &network->nodes[i];

		if (node->weight == index || node->bias == index)
			return network->parameters[node->weight].shape[1];
	}
	return 1;
}

void
vc_parameter_init(const vc_network *network, int index, uint64_t seed, float *data)
{
	const vc_parameter *p = &network->parameters[index];

	switch (p->role)
	{
		case VC_NORM_WEIGHT:
		case VC_RUNNING_VARIANCE:
			fill_parameter(data, p->count, 1.0f);
			return;
		case VC_NORM_BIAS:
		case VC_RUNNING_MEAN:
			fill_parameter(data, p->count, 0.0f);
			return;
		case VC_CONSTANT:
			fill_subsample(data, p);
			return;
		case VC_WEIGHT:
			if (p->ndim == 4)
			{
				double		fan_out = (double) p->shape[0] * p->shape[2] * p->shape[3];

				fill_normal(data, p, sqrt(2.0 / fan_out), seed, index);
				return;
			}
			if (network->head == VC_HEAD_CONCAT)
			{
				fill_normal(data, p, sqrt(2.0 / p->shape[1]), seed, index);
				return;
			}
			/* FALLTHROUGH */
		case VC_BIAS:
			fill_uniform(data, p, 1.0 / sqrt(fan_in(network, index)), seed, index);
			return;
	}
}

/*
 * parameter_shape.c
 *		How a plan keeps each parameter: its shape with padding, and its type.
 */
#include <stdlib.h>

#include "cuda/cuda.h"

/* The convolution or linear node that owns a weight, or NULL. */
static const vc_node *
owning_node(const vc_network *network, int index)
{
	for (int i = 0; i < network->node_count; i++)
		if (network->nodes[i].weight == index && network->nodes[i].op != VC_BATCH_NORM)
			return &network->nodes[i];
	return NULL;
}

static int
pad_channels(int channels)
{
	return (int) vc_round_up((size_t) channels, VC_CUDA_CHANNELS);
}

static void
describe_parameter(const vc_plan *plan, int index)
{
	const vc_parameter *p = &plan->network->parameters[index];
	const vc_node *node = owning_node(plan->network, index);
	vc_cuda_parameter *mine = &plan->parameters[index];

	mine->outputs = mine->padded_outputs = mine->area = 1;
	mine->channels = p->shape[0];
	mine->padded_channels = pad_channels(p->shape[0]);
	mine->type = VC_CUDA_FLOAT;
	if (node != NULL)
	{
		bool		first = plan->network->nodes[node->input[0]].op == VC_INPUT;

		mine->outputs = p->shape[0];
		mine->padded_outputs = pad_channels(p->shape[0]);
		mine->channels = p->shape[1];
		mine->padded_channels = first ? vc_cuda_input_channels(plan->type) : pad_channels(p->shape[1]);
		if (p->ndim == 4)
		{
			mine->area = p->shape[2] * p->shape[3];
			mine->type = plan->type;
		}
	}
	mine->elements = (int64_t) mine->padded_outputs * mine->area * mine->padded_channels;
}

vc_status
vc_cuda_describe_parameters(vc_plan *plan, vc_error *error)
{
	size_t		count = (size_t) plan->network->parameter_count;

	plan->parameters = calloc(count + 1, sizeof(vc_cuda_parameter));
	if (plan->parameters == NULL)
		return vc_no_memory(error, sizeof(vc_cuda_parameter) * count);
	for (int i = 0; i < plan->network->parameter_count; i++)
		describe_parameter(plan, i);
	return VC_OK;
}

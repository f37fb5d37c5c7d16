/*
 * step.c
 *		From a network's nodes to a plan's steps.
 *
 * Nodes form a group if that saves passes over memory.  In training a batch
 * norm takes in the addition and the relu behind it; in inference a
 * convolution takes in its batch norm, an addition and a relu.  A group runs
 * when its last node would have run.
 */
#include <stdlib.h>

#include "cuda/cuda.h"

typedef struct group
{
	int			norm;			/* nodes of the group; -1: none */
	int			add;
	int			relu;
	int			other;			/* the addition's operand from outside */
	int			end;			/* its last node */
	bool		inner;			/* this node belongs to another node's group */
} group;

/* Takes `node` into a group; the group then ends with it. */
static void
absorb(group *groups, group *g, int *slot, int node)
{
	*slot = node;
	g->end = node;
	groups[node].inner = true;
}

/* Takes in the addition and the relu behind a batch norm. */
static void
extend_group(const vc_network *n, group *groups, group *g)
{
	int			next = vc_network_only_reader(n, g->end);

	if (next >= 0 && n->nodes[next].op == VC_ADD && !groups[next].inner &&
		n->nodes[next].input[0] != n->nodes[next].input[1])
	{
		const int  *input = n->nodes[next].input;

		g->other = input[0] == g->end ? input[1] : input[0];
		absorb(groups, g, &g->add, next);
		next = vc_network_only_reader(n, next);
	}
	if (next >= 0 && n->nodes[next].op == VC_RELU)
		absorb(groups, g, &g->relu, next);
}

/* Decides which nodes go together. */
static void
form_groups(const vc_plan *plan, group *groups)
{
	const vc_network *n = plan->network;

	for (int i = 0; i < n->node_count; i++)
		groups[i] = (group) {.norm = -1,.add = -1,.relu = -1,.other = -1,.end = i};
	for (int i = 0; i < n->node_count; i++)
	{
		group	   *g = &groups[i];
		int			next = vc_network_only_reader(n, i);

		if (g->inner)
			continue;
		if (n->nodes[i].op == VC_CONVOLUTION && !plan->training &&
			next >= 0 && n->nodes[next].op == VC_BATCH_NORM)
		{
			absorb(groups, g, &g->norm, next);
			extend_group(n, groups, g);
		}
		else if (n->nodes[i].op == VC_BATCH_NORM)
			extend_group(n, groups, g);
	}
}

static const vc_operation *
operation_of(vc_op op)
{
	switch (op)
	{
		case VC_INPUT:
			return &vc_cuda_input_operation;
		case VC_CONVOLUTION:
			return &vc_cuda_convolution_operation;
		case VC_BATCH_NORM:
			return &vc_cuda_norm_operation;
		case VC_RELU:
			return &vc_cuda_relu_operation;
		case VC_ADD:
			return &vc_cuda_add_operation;
		case VC_MAX_POOL:
			return &vc_cuda_max_pool_operation;
		case VC_AVERAGE_POOL:
		case VC_CONCAT_POOL:
			return &vc_cuda_global_pool_operation;
		case VC_DROPOUT:
			return &vc_cuda_dropout_operation;
		case VC_LINEAR:
			return &vc_cuda_linear_operation;
	}
	return NULL;
}

/* Adds a value: the output of node `last`, whose group begins with node `first`. */
static int
add_value(vc_plan *plan, const vc_node *first, const vc_node *last, int input)
{
	vc_value   *v = vc_flow_add_value(&plan->flow, last);
	size_t		unit = first->op == VC_INPUT ? (size_t) vc_cuda_input_channels(plan->type)
		: VC_CUDA_CHANNELS;

	switch (first->op)
	{
		case VC_INPUT:
		case VC_CONVOLUTION:
			v->format = plan->type;
			break;
		case VC_AVERAGE_POOL:
		case VC_CONCAT_POOL:
		case VC_LINEAR:
			v->format = VC_CUDA_FLOAT;	/* the head is exact */
			break;
		default:
			v->format = plan->flow.values[input].format;
	}
	v->padded = (int) vc_round_up((size_t) last->channels, unit);
	v->image_elements = (int64_t) v->padded * v->height * v->width;
	v->buffer = vc_flow_add_buffer(&plan->flow, vc_cuda_value_bytes(plan, plan->flow.value_count - 1,
																	plan->options.max_batch));
	return plan->flow.value_count - 1;
}

/* The buffer where a pool records its largest pixels, for going backward. */
static int
winner_buffer(vc_plan *plan, const vc_plan_step *step)
{
	size_t		images = (size_t) plan->options.max_batch;

	if (plan->training && step->node->op == VC_MAX_POOL)
		return vc_flow_add_buffer(&plan->flow, images *
								  (size_t) plan->flow.values[step->output].image_elements);
	if (plan->training && step->node->op == VC_CONCAT_POOL)
		return vc_flow_add_buffer(&plan->flow, sizeof(int32_t) * images *
								  (size_t) plan->flow.values[step->input].padded);
	return -1;
}

/* Adds the step of a group; value_of[] are the nodes' values. */
static void
emit_group(vc_plan *plan, const group *g, int first, int *value_of)
{
	const vc_network *n = plan->network;
	const vc_node *node = &n->nodes[first];
	int			second = node->op == VC_ADD ? node->input[1] : g->other;
	int			input = node->op == VC_INPUT ? -1 : value_of[node->input[0]];
	vc_plan_step *step;

	if (node->op == VC_DROPOUT && !plan->training)
	{
		value_of[first] = input;
		return;
	}
	step = vc_flow_add_step(&plan->flow, operation_of(node->op), node);
	step->index = first;
	step->end = g->end;
	step->input = input;
	step->other = second < 0 ? -1 : value_of[second];
	step->norm = g->norm < 0 ? NULL : &n->nodes[g->norm];
	step->relu = g->relu >= 0;
	step->output = add_value(plan, node, &n->nodes[g->end], input);
	step->extra[0] = winner_buffer(plan, step);
	value_of[first] = value_of[g->end] = step->output;
}

/* Refuses what the kernels cannot do, and no architecture asks for. */
static vc_status
check_steps(const vc_plan *plan, vc_error *error)
{
	for (int i = 1; i < plan->flow.step_count; i++)
	{
		const vc_plan_step *s = &plan->flow.steps[i];
		const vc_value *input = &plan->flow.values[s->input];
		bool		whole = s->node->op == VC_AVERAGE_POOL || s->node->op == VC_CONCAT_POOL;

		if (s->node->op == VC_CONVOLUTION && input->format != (int) plan->type)
			return vc_fail(error, VC_UNSUPPORTED, "node %d is a convolution of pooled features",
						   s->index);
		if (s->node->op == VC_LINEAR && (input->format != VC_CUDA_FLOAT || input->height * input->width != 1))
			return vc_fail(error, VC_UNSUPPORTED, "node %d is linear but does not read pooled features",
						   s->index);
		if (s->node->op != VC_CONVOLUTION && !whole && input->padded % VC_CUDA_CHANNELS != 0)
			return vc_fail(error, VC_UNSUPPORTED, "node %d reads the image but is not a convolution",
						   s->index);
	}
	return VC_OK;
}

/* Fills plan->flow.steps, values and buffers (without lives) from the network. */
vc_status
vc_cuda_build_steps(vc_plan *plan, vc_error *error)
{
	const vc_network *n = plan->network;
	group	   *groups = calloc((size_t) n->node_count, sizeof(group));
	int		   *value_of = calloc((size_t) n->node_count, sizeof(int));

	if (groups == NULL || value_of == NULL)
	{
		free(groups);
		free(value_of);
		return vc_no_memory(error, (sizeof(group) + sizeof(int)) * (size_t) n->node_count);
	}
	form_groups(plan, groups);
	for (int i = 0; i < n->node_count; i++)
		for (int first = 0; first <= i; first++)
			if (!groups[first].inner && groups[first].end == i)
				emit_group(plan, &groups[first], first, value_of);
	plan->flow.features = value_of[n->feature_node];
	plan->flow.logits = value_of[n->node_count - 1];
	free(groups);
	free(value_of);
	return check_steps(plan, error);
}

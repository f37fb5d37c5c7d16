/*
 * step.c
 *		From a network's nodes to a plan's steps.
 *
 * Nodes form a group if that saves passes over memory.  In training a batch
 * norm takes in the addition, relu or max pool behind it; in inference a
 * convolution takes in its batch norm, an addition and a relu.  A group runs
 * when its last node would have run.
 */
#include <limits.h>

#include "cpu/cpu.h"

typedef struct group
{
	int			norm;			/* nodes of the group; -1: none */
	int			add;
	int			relu;
	int			pool;
	int			other;			/* the addition's operand from outside */
	int			end;			/* its last node; INT_MAX: not formed yet */
	bool		inner;			/* this node belongs to another node's group */
} group;

typedef struct builder
{
	vc_plan    *plan;
	const vc_network *network;
	group		groups[512];	/* by first node */
	vc_cpu_layout layouts[512];
	int			value_of[512];	/* nodes' values */
} builder;

/* The layout of a node's output in a plan for int8, before global pooling. */
static vc_cpu_layout
int8_layout(const builder *b, int index)
{
	const vc_node *node = &b->network->nodes[index];

	switch (node->op)
	{
		case VC_INPUT:
		case VC_CONVOLUTION:
			return VC_CPU_SIGNED;
		case VC_BATCH_NORM:
		case VC_ADD:
		case VC_MAX_POOL:
			return b->layouts[node->input[0]];
		case VC_RELU:
			return vc_cpu_is_int8(b->layouts[node->input[0]]) ? VC_CPU_UNSIGNED : VC_CPU_PLAIN;
		default:
			return VC_CPU_PLAIN;
	}
}

static vc_cpu_layout
node_layout(const builder *b, int index)
{
	const vc_node *node = &b->network->nodes[index];

	if (b->plan->options.precision == VC_INT8)
		return int8_layout(b, index);
	switch (node->op)
	{
		case VC_CONVOLUTION:
		case VC_MAX_POOL:
			return VC_CPU_BLOCKED;
		case VC_BATCH_NORM:
			return node->height * node->width == 1 ? b->layouts[node->input[0]] : VC_CPU_BLOCKED;
		case VC_RELU:
		case VC_ADD:
			return b->layouts[node->input[0]];
		default:
			return VC_CPU_PLAIN;
	}
}

/* True if every other reader of `node` runs before node `before`. */
static bool
last_read_by(const builder *b, int node, int before)
{
	for (int i = node + 1; i < b->network->node_count; i++)
		for (int k = 0; k < 2; k++)
			if (b->network->nodes[i].input[k] == node && i != before &&
				b->groups[i].end >= before)
				return false;
	return true;
}

/* True if a folded convolution may add its result to the other operand's memory. */
static bool
may_add_in_place(const builder *b, int first, int add, int other)
{
	const vc_network *n = b->network;

	return b->layouts[other] != VC_CPU_PLAIN && n->nodes[other].op != VC_INPUT &&
		other != n->feature_node && other != n->nodes[first].input[0] &&
		last_read_by(b, other, add);
}

/* Takes `node` into the group of `first`; all its nodes end with the group. */
static void
absorb(builder *b, int first, int *slot, int node)
{
	*slot = node;
	b->groups[first].end = node;
	b->groups[node].inner = true;
}

/* Takes in the addition, relu and max pool behind a batch norm. */
static void
extend_group(builder *b, int first)
{
	const vc_network *n = b->network;
	group	   *g = &b->groups[first];
	bool		folded = n->nodes[first].op == VC_CONVOLUTION;
	int			next = vc_network_only_reader(n, g->end);

	if (next >= 0 && n->nodes[next].op == VC_ADD && !b->groups[next].inner &&
		b->layouts[next] != VC_CPU_PLAIN)
	{
		int			left = n->nodes[next].input[0];
		int			other = left == g->end ? n->nodes[next].input[1] : left;

		if (!folded || may_add_in_place(b, first, next, other))
		{
			g->other = other;
			absorb(b, first, &g->add, next);
			next = vc_network_only_reader(n, next);
		}
	}
	if (next >= 0 && n->nodes[next].op == VC_RELU)
	{
		absorb(b, first, &g->relu, next);
		next = vc_network_only_reader(n, next);
		if (!folded && g->add < 0 && next >= 0 && n->nodes[next].op == VC_MAX_POOL)
			absorb(b, first, &g->pool, next);
	}
}

/* Decides which nodes go together. */
static void
form_groups(builder *b)
{
	const vc_network *n = b->network;

	for (int i = 0; i < n->node_count; i++)
	{
		b->layouts[i] = node_layout(b, i);
		b->groups[i] = (group) {.norm = -1,.add = -1,.relu = -1,.pool = -1,.other = -1,.end = INT_MAX};
	}
	for (int i = 0; i < n->node_count; i++)
	{
		group	   *g = &b->groups[i];
		int			next = vc_network_only_reader(n, i);

		if (g->inner)
			continue;
		g->end = i;
		if (n->nodes[i].op == VC_CONVOLUTION && !b->plan->training &&
			next >= 0 && n->nodes[next].op == VC_BATCH_NORM)
		{
			absorb(b, i, &g->norm, next);
			extend_group(b, i);
		}
		else if (n->nodes[i].op == VC_BATCH_NORM && b->layouts[i] == VC_CPU_BLOCKED)
			extend_group(b, i);

		/* Readers inside the group run at its end. */
		for (int k = i; k <= g->end; k++)
			if (k == g->norm || k == g->add || k == g->relu || k == g->pool)
				b->groups[k].end = g->end;
	}
}

/* A new value with a buffer of its own. */
static int
add_value(vc_plan *plan, const vc_node *node, vc_cpu_layout layout)
{
	vc_value   *v = vc_flow_add_value(&plan->flow, node);
	size_t		size = vc_cpu_is_int8(layout) ? 1 : sizeof(float);

	if (layout == VC_CPU_BLOCKED)
		v->padded = (int) vc_round_up((size_t) node->channels, (size_t) plan->device->block);
	v->format = layout;
	v->image_elements = (int64_t) v->padded * node->height * node->width;
	v->buffer = vc_flow_add_buffer(&plan->flow, size * (size_t) v->image_elements *
								   (size_t) plan->options.max_batch);
	return plan->flow.value_count - 1;
}

/* Gives a node's value in a layout, with a step that converts it if need be. */
static int
value_in(builder *b, int node, vc_cpu_layout layout)
{
	vc_flow    *flow = &b->plan->flow;
	int			value = b->value_of[node];
	vc_plan_step *step;

	if (flow->values[value].format == (int) layout)
		return value;
	for (int i = 0; i < flow->step_count; i++)
		if (flow->steps[i].operation == &vc_cpu_convert_operation &&
			flow->steps[i].input == value)
			return flow->steps[i].output;
	step = vc_flow_add_step(flow, &vc_cpu_convert_operation, &b->network->nodes[node]);
	step->input = value;
	step->end = node;
	step->output = add_value(b->plan, step->node, layout);
	return step->output;
}

/* The operation of a node that reads a layout; the input's node writes it. */
static const vc_operation *
operation_of(vc_op op, vc_cpu_layout layout)
{
	bool		int8 = vc_cpu_is_int8(layout);

	switch (op)
	{
		case VC_INPUT:
			return int8 ? &vc_cpu_int8_input_operation : &vc_cpu_input_operation;
		case VC_CONVOLUTION:
			return &vc_cpu_convolution_operation;
		case VC_BATCH_NORM:
			return &vc_cpu_norm_operation;
		case VC_RELU:
			return &vc_cpu_relu_operation;
		case VC_ADD:
			return &vc_cpu_add_operation;
		case VC_MAX_POOL:
			return int8 ? &vc_cpu_int8_max_pool_operation : &vc_cpu_max_pool_operation;
		case VC_AVERAGE_POOL:
		case VC_CONCAT_POOL:
			return int8 ? &vc_cpu_int8_global_pool_operation : &vc_cpu_global_pool_operation;
		case VC_DROPOUT:
			return &vc_cpu_dropout_operation;
		case VC_LINEAR:
			return &vc_cpu_linear_operation;
	}
	return NULL;
}

/* The layout an operation reads. */
static vc_cpu_layout
input_layout(const builder *b, int index)
{
	const vc_node *node = &b->network->nodes[index];

	if (b->plan->options.precision == VC_INT8 && node->op != VC_INPUT &&
		vc_cpu_is_int8(b->layouts[node->input[0]]))
		return b->layouts[node->input[0]];
	switch (node->op)
	{
		case VC_CONVOLUTION:
			return b->network->nodes[node->input[0]].op == VC_INPUT ?
				VC_CPU_PLAIN : VC_CPU_BLOCKED;
		case VC_AVERAGE_POOL:
		case VC_CONCAT_POOL:
			return VC_CPU_BLOCKED;
		default:
			return b->layouts[index];
	}
}

/* Adds the buffers that carry something from a step's forward to its backward. */
static void
add_extra_buffers(vc_plan *plan, vc_plan_step *step)
{
	const vc_node *node = step->node;
	size_t		elements = (size_t) plan->flow.values[step->output].image_elements *
		(size_t) plan->options.max_batch;

	if (!plan->training)
		return;
	if (node->op == VC_MAX_POOL || step->pool != NULL)
		step->extra[0] = vc_flow_add_buffer(&plan->flow, elements);
	if (step->pool != NULL)
		step->extra[1] = vc_flow_add_buffer(&plan->flow, sizeof(float) * elements);
	if (node->op == VC_CONCAT_POOL)
		step->extra[0] = vc_flow_add_buffer(&plan->flow, sizeof(int32_t) * elements);
}

/* Adds the step of a group. */
static void
emit_group(builder *b, int first)
{
	vc_plan    *plan = b->plan;
	const vc_network *n = b->network;
	const group *g = &b->groups[first];
	const vc_node *node = &n->nodes[first];
	vc_cpu_layout layout = input_layout(b, first);
	int			input = node->op == VC_INPUT ? -1 : value_in(b, node->input[0], layout);
	int			second = node->op == VC_ADD ? node->input[1] : g->other;
	bool		int8 = vc_cpu_is_int8(b->layouts[g->end]);	/* the operand is added as it is */
	int			other = second < 0 ? -1 :
		value_in(b, second, int8 ? b->layouts[second] : b->layouts[g->end]);
	vc_plan_step *step;

	if (node->op == VC_DROPOUT && !plan->training)
	{
		b->value_of[first] = input;
		return;
	}
	step = vc_flow_add_step(&plan->flow, operation_of(node->op, layout), node);
	step->index = first;
	step->end = g->end;
	step->input = input;
	step->other = other;
	step->output = add_value(plan, &n->nodes[g->end], b->layouts[g->end]);
	step->norm = g->norm < 0 ? NULL : &n->nodes[g->norm];
	step->pool = g->pool < 0 ? NULL : &n->nodes[g->pool];
	step->relu = g->relu >= 0;
	if (node->op == VC_CONVOLUTION && other >= 0)
		plan->flow.values[step->output].buffer = plan->flow.values[other].buffer;
	add_extra_buffers(plan, step);
	for (int i = first; i <= g->end; i++)
		if (i == first || i == g->norm || i == g->add || i == g->relu || i == g->pool)
			b->value_of[i] = step->output;
}

/* Fills plan->flow.steps, values and buffers (without lives) from the network. */
vc_status
vc_cpu_build_steps(vc_plan *plan, vc_error *error)
{
	const vc_network *n = plan->network;
	builder		b = {.plan = plan,.network = n};

	if (n->node_count > (int) (sizeof(b.groups) / sizeof(b.groups[0])))
		return vc_fail(error, VC_UNSUPPORTED, "network of %d nodes is larger than %d",
					   n->node_count, (int) (sizeof(b.groups) / sizeof(b.groups[0])));
	form_groups(&b);
	for (int i = 0; i < n->node_count; i++)
		for (int first = 0; first <= i; first++)
			if (!b.groups[first].inner && b.groups[first].end == i)
				emit_group(&b, first);
	plan->flow.features = value_in(&b, n->feature_node, VC_CPU_PLAIN);
	plan->flow.logits = value_in(&b, n->node_count - 1, VC_CPU_PLAIN);
	return VC_OK;
}

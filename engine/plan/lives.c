/*
 * lives.c
 *		When each buffer of a plan holds something, and which buffers gradients
 *		need.
 */
#include "engine/plan/flow.h"

void
vc_flow_mark_trained(vc_flow *flow, const vc_network *network, int frozen_groups)
{
	for (int i = 0; i < flow->step_count; i++)
	{
		const vc_plan_step *s = &flow->steps[i];

		flow->values[s->output].trains =
			(s->input >= 0 && flow->values[s->input].trains) ||
			(s->other >= 0 && flow->values[s->other].trains) ||
			(s->index >= 0 && (vc_flow_trains(network, s->node->weight, frozen_groups) ||
							   vc_flow_trains(network, s->node->bias, frozen_groups)));
	}
}

/* Notes that a buffer holds its contents at a tick; -1 is ignored. */
static void
use_buffer(vc_flow *flow, int buffer, int tick)
{
	if (buffer >= 0)
		vc_buffer_use(&flow->buffers[buffer], tick);
}

/* The same of a value's activations. */
static void
use_value(vc_flow *flow, int value, int tick)
{
	if (value >= 0)
		use_buffer(flow, flow->values[value].buffer, tick);
}

/* Lives of the activations while going forward. */
static void
live_forward(vc_flow *flow, int end)
{
	for (int i = 0; i < flow->step_count; i++)
	{
		const vc_plan_step *s = &flow->steps[i];

		use_value(flow, s->output, i);
		use_value(flow, s->input, i);
		use_value(flow, s->other, i);
		use_buffer(flow, s->extra[0], i);
		use_buffer(flow, s->extra[1], i);
	}
	use_value(flow, flow->features, end);
	use_value(flow, flow->logits, end);
}

/*
 * Chooses the buffer in which a step leaves its part of a value's gradient:
 * `reuse` if that is a buffer that nobody needs afterwards, or a new one.
 */
static vc_contribution
contribution(vc_flow *flow, int value, int reuse, int tick)
{
	vc_value   *v = &flow->values[value];
	vc_contribution c = {.buffer = reuse,.add = false};

	if (c.buffer < 0)
		c.buffer = vc_flow_add_buffer(flow, flow->buffers[v->buffer].bytes);
	if (v->gradient[0] < 0)
		v->gradient[0] = c.buffer;
	else if (v->gradient[1] < 0)
		v->gradient[1] = c.buffer;
	else
	{
		c.add = true;
		use_buffer(flow, v->gradient[0], tick);
	}
	use_buffer(flow, c.buffer, tick);
	return c;
}

/* Where a step leaves the gradients of its inputs. */
static void
contribute(vc_flow *flow, vc_plan_step *s, int tick)
{
	const vc_operation *o = s->operation;
	int			output = flow->values[s->output].gradient[0];
	bool		in_place = o->in_place && s->pool == NULL &&
		!(o->other_in_place && s->other >= 0);

	if (s->input >= 0 && flow->values[s->input].trains)
		s->to_input = contribution(flow, s->input, in_place ? output : -1, tick);
	if (s->other >= 0 && flow->values[s->other].trains)
		s->to_other = contribution(flow, s->other, o->other_in_place ? output : -1, tick);
}

/* Gradients' buffers, and lives of all that going backward reads. */
static void
live_backward(vc_flow *flow)
{
	vc_value   *logits = &flow->values[flow->logits];

	logits->gradient[0] = vc_flow_add_buffer(flow, flow->buffers[logits->buffer].bytes);
	use_buffer(flow, logits->gradient[0], flow->step_count);
	for (int i = flow->step_count - 1; i >= 0; i--)
	{
		vc_plan_step *s = &flow->steps[i];
		const vc_value *out = &flow->values[s->output];
		int			tick = 2 * flow->step_count - i;

		if (!out->trains || out->gradient[0] < 0)
			continue;
		use_buffer(flow, out->gradient[0], tick);
		use_buffer(flow, out->gradient[1], tick);
		use_buffer(flow, s->extra[0], tick);
		use_buffer(flow, s->extra[1], tick);
		if (s->operation->keeps_output || (s->relu && s->other >= 0))
			use_value(flow, s->output, tick);
		if (s->operation->keeps_input)
			use_value(flow, s->input, tick);
		contribute(flow, s, tick);
	}
}

void
vc_flow_lives(vc_flow *flow, const vc_network *network, bool training, int end)
{
	live_forward(flow, end);
	if (!training)
		return;
	vc_flow_mark_trained(flow, network, 0);
	live_backward(flow);
}

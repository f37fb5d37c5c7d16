/*
 * flow.c
 *		Steps, values and buffers of a plan, and running the steps.
 */
#include <stdlib.h>

#include "engine/plan/flow.h"

vc_status
vc_flow_create(vc_flow *flow, const vc_network *network, size_t alignment, vc_error *error)
{
	size_t		most = 2 * (size_t) network->node_count + 2;

	flow->alignment = alignment;
	flow->steps = calloc(most, sizeof(vc_plan_step));
	flow->values = calloc(most, sizeof(vc_value));
	flow->buffers = calloc(6 * most, sizeof(vc_buffer));
	if (flow->steps == NULL || flow->values == NULL || flow->buffers == NULL)
		return vc_no_memory(error, most * (sizeof(vc_plan_step) + sizeof(vc_value) +
										   6 * sizeof(vc_buffer)));
	return VC_OK;
}

void
vc_flow_free(vc_flow *flow)
{
	for (int i = 0; i < flow->step_count; i++)
		if (flow->steps[i].operation->free != NULL)
			flow->steps[i].operation->free(flow->steps[i].state);
	free(flow->steps);
	free(flow->values);
	free(flow->buffers);
}

int
vc_flow_add_buffer(vc_flow *flow, size_t bytes)
{
	vc_buffer_init(&flow->buffers[flow->buffer_count], bytes, flow->alignment);
	return flow->buffer_count++;
}

vc_value *
vc_flow_add_value(vc_flow *flow, const vc_node *node)
{
	vc_value   *v = &flow->values[flow->value_count++];

	v->channels = v->padded = node->channels;
	v->height = node->height;
	v->width = node->width;
	v->buffer = v->gradient[0] = v->gradient[1] = -1;
	return v;
}

vc_plan_step *
vc_flow_add_step(vc_flow *flow, const vc_operation *operation, const vc_node *node)
{
	vc_plan_step *step = &flow->steps[flow->step_count++];

	*step = (vc_plan_step) {
		.operation = operation,.node = node,.index = -1,.end = -1,.input = -1,.other = -1,
		.output = -1,.extra = {-1, -1},.to_input = {.buffer = -1},.to_other = {.buffer = -1}
	};
	return step;
}

bool
vc_flow_trains(const vc_network *network, int parameter, int frozen_groups)
{
	return parameter >= 0 && vc_parameter_trains(&network->parameters[parameter], frozen_groups);
}

bool
vc_flow_wants(const vc_flow *flow, int value, vc_contribution contribution)
{
	return value >= 0 && contribution.buffer >= 0 && flow->values[value].trains;
}

vc_status
vc_flow_create_states(vc_flow *flow, vc_plan *plan, vc_error *error)
{
	vc_status	status = VC_OK;

	for (int i = 0; i < flow->step_count && status == VC_OK; i++)
		if (flow->steps[i].operation->create != NULL)
			status = flow->steps[i].operation->create(plan, &flow->steps[i], error);
	return status;
}

vc_status
vc_flow_ready(vc_flow *flow, vc_plan *plan, const vc_run *run, vc_error *error)
{
	vc_status	status = VC_OK;

	for (int i = 0; i < flow->step_count && status == VC_OK; i++)
		if (flow->steps[i].operation->ready != NULL)
			status = flow->steps[i].operation->ready(plan, &flow->steps[i], run, error);
	return status;
}

vc_status
vc_flow_fold(vc_flow *flow, vc_plan *plan, vc_error *error)
{
	vc_status	status = VC_OK;

	for (int i = 0; i < flow->step_count && status == VC_OK; i++)
		if (flow->steps[i].operation->fold != NULL)
			status = flow->steps[i].operation->fold(plan, &flow->steps[i], error);
	return status;
}

vc_status
vc_flow_forward(vc_flow *flow, vc_plan *plan, const vc_run *run, vc_poll_function poll,
				vc_error *error)
{
	vc_status	status = VC_OK;

	for (int i = 0; i < flow->step_count && status == VC_OK; i++)
	{
		status = flow->steps[i].operation->forward(plan, &flow->steps[i], run, error);
		if (status == VC_OK && poll != NULL)
			status = poll(plan, error);
	}
	return status;
}

vc_status
vc_flow_backward(vc_flow *flow, vc_plan *plan, const vc_run *run, vc_poll_function poll,
				 vc_error *error)
{
	vc_status	status = VC_OK;

	for (int i = flow->step_count - 1; i >= 0 && status == VC_OK; i--)
	{
		vc_plan_step *step = &flow->steps[i];
		const vc_value *out = &flow->values[step->output];

		if (!out->trains || out->gradient[0] < 0 || step->operation->backward == NULL)
			continue;
		status = step->operation->backward(plan, step, run, error);
		if (status == VC_OK && poll != NULL)
			status = poll(plan, error);
	}
	return status;
}

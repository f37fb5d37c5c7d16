/*
 * plan.c
 *		Making a plan of a network, and freeing it.
 */
#include <stdlib.h>

#include "cpu/cpu.h"

/* Marks the values below which something trains: those that need gradients. */
void
vc_cpu_mark_trained(vc_plan *plan, int frozen_groups)
{
	for (int i = 0; i < plan->step_count; i++)
	{
		const vc_cpu_step *s = &plan->steps[i];

		plan->values[s->output].trains =
			(s->input >= 0 && plan->values[s->input].trains) ||
			(s->other >= 0 && plan->values[s->other].trains) ||
			(s->index >= 0 && (vc_cpu_trains(plan, s->node->weight, frozen_groups) ||
							   vc_cpu_trains(plan, s->node->bias, frozen_groups)));
	}
}

/* Lives of the activations while going forward. */
static void
live_forward(vc_plan *plan)
{
	for (int i = 0; i < plan->step_count; i++)
	{
		const vc_cpu_step *s = &plan->steps[i];

		vc_cpu_buffer_use(plan, plan->values[s->output].buffer, i);
		if (s->input >= 0)
			vc_cpu_buffer_use(plan, plan->values[s->input].buffer, i);
		if (s->other >= 0)
			vc_cpu_buffer_use(plan, plan->values[s->other].buffer, i);
		vc_cpu_buffer_use(plan, s->extra[0], i);
		vc_cpu_buffer_use(plan, s->extra[1], i);
	}
	vc_cpu_buffer_use(plan, plan->values[plan->features].buffer, plan->step_count);
	vc_cpu_buffer_use(plan, plan->values[plan->logits].buffer, plan->step_count);
}

/*
 * Chooses the buffer in which a step leaves its part of a value's gradient:
 * `reuse` where that is a buffer nobody needs afterwards, or a new one.
 */
static vc_cpu_contribution
contribution(vc_plan *plan, int value, int reuse, int tick)
{
	vc_cpu_value *v = &plan->values[value];
	vc_cpu_contribution c = {.buffer = reuse,.add = false};

	if (c.buffer < 0)
		c.buffer = vc_cpu_buffer_new(plan, plan->buffers[v->buffer].bytes);
	if (v->gradient[0] < 0)
		v->gradient[0] = c.buffer;
	else if (v->gradient[1] < 0)
		v->gradient[1] = c.buffer;
	else
	{
		c.add = true;
		vc_cpu_buffer_use(plan, v->gradient[0], tick);
	}
	vc_cpu_buffer_use(plan, c.buffer, tick);
	return c;
}

/* Gradients' buffers, and lives of all that going backward reads. */
static void
live_backward(vc_plan *plan)
{
	vc_cpu_value *logits = &plan->values[plan->logits];

	logits->gradient[0] = vc_cpu_buffer_new(plan, plan->buffers[logits->buffer].bytes);
	vc_cpu_buffer_use(plan, logits->gradient[0], plan->step_count);
	for (int i = plan->step_count - 1; i >= 0; i--)
	{
		vc_cpu_step *s = &plan->steps[i];
		const vc_cpu_value *out = &plan->values[s->output];
		int			tick = 2 * plan->step_count - i;
		bool		norm = s->operation == &vc_cpu_norm_operation;
		bool		in_place = (norm && s->other < 0 && s->pool == NULL) ||
			s->operation == &vc_cpu_relu_operation ||
			s->operation == &vc_cpu_add_operation ||
			s->operation == &vc_cpu_dropout_operation;

		if (!out->trains || out->gradient[0] < 0)
			continue;
		vc_cpu_buffer_use(plan, out->gradient[0], tick);
		vc_cpu_buffer_use(plan, out->gradient[1], tick);
		vc_cpu_buffer_use(plan, s->extra[0], tick);
		vc_cpu_buffer_use(plan, s->extra[1], tick);
		if (s->keeps_output)
			vc_cpu_buffer_use(plan, out->buffer, tick);
		if (s->keeps_input)
			vc_cpu_buffer_use(plan, plan->values[s->input].buffer, tick);
		if (s->input >= 0 && plan->values[s->input].trains)
			s->to_input = contribution(plan, s->input, in_place ? out->gradient[0] : -1, tick);
		if (s->other >= 0 && plan->values[s->other].trains)
			s->to_other = contribution(plan, s->other, norm ? out->gradient[0] : -1, tick);
	}
}

/* What convolutions and batch norms need before memory is laid out. */
static vc_status
create_states(vc_plan *plan, vc_error *error)
{
	vc_status	status = VC_OK;

	for (int i = 0; i < plan->step_count && status == VC_OK; i++)
	{
		vc_cpu_step *s = &plan->steps[i];

		if (s->operation == &vc_cpu_convolution_operation)
		{
			status = vc_cpu_convolution_create(plan, s, error);
			if (status == VC_OK)
				status = vc_cpu_poll(plan, error);
		}
		else if (s->operation == &vc_cpu_norm_operation)
			status = vc_cpu_norm_create(plan, s, error);
	}
	return status;
}

/* Batch norm's sums: two doubles for each channel of each image. */
static vc_status
allocate_partials(vc_plan *plan, vc_error *error)
{
	int64_t		channels = 0;

	for (int i = 0; i < plan->step_count; i++)
		if (plan->steps[i].operation == &vc_cpu_norm_operation &&
			plan->steps[i].node->channels > channels)
			channels = plan->steps[i].node->channels;
	if (!plan->training || channels == 0)
		return VC_OK;
	channels = (channels + VC_CPU_MAX_BLOCK - 1) / VC_CPU_MAX_BLOCK * VC_CPU_MAX_BLOCK;
	plan->partials = vc_cpu_allocate(plan, sizeof(double) * 2 * (size_t) channels *
									 (size_t) plan->options.max_batch, error);
	return plan->partials != NULL ? VC_OK : VC_OUT_OF_MEMORY;
}

static vc_status
build(vc_plan *plan, vc_error *error)
{
	size_t		nodes = (size_t) plan->network->node_count;
	vc_status	status;

	plan->steps = calloc(2 * nodes + 2, sizeof(vc_cpu_step));
	plan->values = calloc(2 * nodes + 2, sizeof(vc_cpu_value));
	plan->buffers = calloc(12 * nodes + 16, sizeof(vc_buffer));
	if (plan->steps == NULL || plan->values == NULL || plan->buffers == NULL)
		return vc_no_memory(error, nodes * (2 * sizeof(vc_cpu_step) + 2 * sizeof(vc_cpu_value) +
											12 * sizeof(vc_buffer)));
	if ((status = vc_cpu_build_steps(plan, error)) != VC_OK)
		return status;
	if (plan->options.precision == VC_INT8 &&
		(status = vc_cpu_int8_set_scales(plan, error)) != VC_OK)
		return status;
	live_forward(plan);
	if (plan->training)
	{
		vc_cpu_mark_trained(plan, 0);
		live_backward(plan);
	}
	if ((status = create_states(plan, error)) != VC_OK ||
		(status = vc_cpu_memory_plan(plan, error)) != VC_OK ||
		(status = allocate_partials(plan, error)) != VC_OK)
		return status;
	return vc_cpu_parameters_create(plan, error);
}

static vc_status
check_options(const vc_plan_options *o, vc_error *error)
{
	vc_status	status = vc_options_check(o, error);

	if (status != VC_OK)
		return status;
	if (o->precision == VC_INT8 && o->purpose == VC_TRAINING)
		return vc_fail(error, VC_INVALID_ARGUMENT, "no network is trained in int8");
	if ((o->parameters != NULL && o->purpose == VC_TRAINING) ||
		(o->store != NULL && o->parameters == NULL))
		return vc_fail(error, VC_INVALID_ARGUMENT,
					   "only inference borrows parameters, and only they are shared");
	if (o->precision != VC_PRECISION_AUTO && o->precision != VC_FLOAT32 &&
		o->precision != VC_INT8)
	{
		vc_fail(error, VC_UNSUPPORTED, "a CPU does not compute in this precision");
		return vc_hint(error, VC_UNSUPPORTED, "Set visclf.precision to auto, float32 or int8.");
	}
	return VC_OK;
}

/* Whether 8-bit integers are the faster ones here. */
static bool
prefers_int8(const vc_plan_options *o)
{
	return o->precision == VC_PRECISION_AUTO && o->algorithm == VC_ALGORITHM_AUTO &&
		o->purpose == VC_INFERENCE && o->ranges != NULL &&
		(vc_cpu_has_isa(dnnl_cpu_isa_avx2_vnni) || vc_cpu_has_isa(dnnl_cpu_isa_avx512_core_vnni));
}

/* The device's plan(); see device.h. */
vc_status
vc_cpu_plan(vc_device *device, const vc_network *network,
			const vc_plan_options *options, vc_plan **result, vc_error *error)
{
	vc_plan    *plan;
	vc_status	status = check_options(options, error);

	if (status != VC_OK)
		return status;
	if ((plan = calloc(1, sizeof(*plan))) == NULL)
		return vc_no_memory(error, sizeof(*plan));
	plan->device = device;
	plan->network = network;
	plan->options = *options;
	if (prefers_int8(options))
		plan->options.precision = VC_INT8;
	plan->training = options->purpose == VC_TRAINING;
	plan->stale = true;
	plan->frozen_groups = -1;
	vc_cpu_enter(device);
	status = build(plan, error);
	vc_cpu_leave(device);
	plan->options.ranges = NULL;	/* the caller's */
	plan->options.parameters = NULL;
	if (status != VC_OK)
	{
		vc_cpu_plan_free(plan);
		return status;
	}
	*result = plan;
	return VC_OK;
}

/* Frees a plan, complete or not; NULL is allowed. */
void
vc_cpu_plan_free(vc_plan *plan)
{
	if (plan == NULL)
		return;
	for (int i = 0; i < plan->step_count; i++)
	{
		vc_cpu_convolution_free(plan->steps[i].convolution);
		vc_cpu_norm_free(plan->steps[i].state);
	}
	vc_cpu_parameters_free(plan);
	free(plan->steps);
	free(plan->values);
	free(plan->buffers);
	free(plan->arena);
	free(plan->scratch);
	free(plan->weight_scratch);
	free(plan->partials);
	free(plan);
}

int64_t
vc_cpu_plan_memory(const vc_plan *plan)
{
	return plan->bytes;
}

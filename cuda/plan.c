/*
 * plan.c
 *		Making a plan of a network, and freeing it.
 */
#include <stdlib.h>

#include "cuda/cuda.h"

/* Marks the values below which something trains: those that need gradients. */
void
vc_cuda_mark_trained(vc_plan *plan, int frozen_groups)
{
	const vc_parameter *parameters = plan->network->parameters;

	for (int i = 0; i < plan->step_count; i++)
	{
		const vc_cuda_step *s = &plan->steps[i];
		int			weight = s->node->weight;
		int			bias = s->node->bias;

		plan->values[s->output].trains =
			(s->input >= 0 && plan->values[s->input].trains) ||
			(s->other >= 0 && plan->values[s->other].trains) ||
			(weight >= 0 && vc_parameter_trains(&parameters[weight], frozen_groups)) ||
			(bias >= 0 && vc_parameter_trains(&parameters[bias], frozen_groups));
	}
}

/* Lives of the activations while going forward. */
static void
live_forward(vc_plan *plan)
{
	for (int i = 0; i < plan->step_count; i++)
	{
		const vc_cuda_step *s = &plan->steps[i];

		vc_cuda_buffer_use(plan, plan->values[s->output].buffer, i);
		if (s->input >= 0)
			vc_cuda_buffer_use(plan, plan->values[s->input].buffer, i);
		if (s->other >= 0)
			vc_cuda_buffer_use(plan, plan->values[s->other].buffer, i);
		vc_cuda_buffer_use(plan, s->winner, i);
	}
	vc_cuda_buffer_use(plan, plan->values[plan->features].buffer, 2 * plan->step_count + 1);
	vc_cuda_buffer_use(plan, plan->values[plan->logits].buffer, 2 * plan->step_count + 1);
}

/*
 * Chooses the buffer in which a step leaves its part of a value's gradient:
 * `reuse` where that is a buffer nobody needs afterwards, or a new one.
 */
static vc_cuda_contribution
contribution(vc_plan *plan, int value, int reuse, int tick)
{
	vc_cuda_value *v = &plan->values[value];
	vc_cuda_contribution c = {.buffer = reuse,.add = false};

	if (c.buffer < 0)
		c.buffer = vc_cuda_buffer_new(plan, plan->buffers[v->buffer].bytes);
	if (v->gradient[0] < 0)
		v->gradient[0] = c.buffer;
	else if (v->gradient[1] < 0)
		v->gradient[1] = c.buffer;
	else
	{
		c.add = true;
		vc_cuda_buffer_use(plan, v->gradient[0], tick);
	}
	vc_cuda_buffer_use(plan, c.buffer, tick);
	return c;
}

/* Gradients' buffers, and lives of all that going backward reads. */
static void
live_backward(vc_plan *plan)
{
	vc_cuda_value *logits = &plan->values[plan->logits];

	logits->gradient[0] = vc_cuda_buffer_new(plan, plan->buffers[logits->buffer].bytes);
	vc_cuda_buffer_use(plan, logits->gradient[0], plan->step_count);
	for (int i = plan->step_count - 1; i >= 0; i--)
	{
		vc_cuda_step *s = &plan->steps[i];
		const vc_cuda_value *out = &plan->values[s->output];
		int			tick = 2 * plan->step_count - i;
		bool		norm = s->operation == &vc_cuda_norm_operation;
		bool		in_place = (norm && s->other < 0) ||
			s->operation == &vc_cuda_relu_operation ||
			s->operation == &vc_cuda_add_operation ||
			s->operation == &vc_cuda_dropout_operation;

		if (!out->trains || out->gradient[0] < 0)
			continue;
		vc_cuda_buffer_use(plan, out->gradient[0], tick);
		vc_cuda_buffer_use(plan, out->gradient[1], tick);
		vc_cuda_buffer_use(plan, s->winner, tick);
		if (s->keeps_output)
			vc_cuda_buffer_use(plan, out->buffer, tick);
		if (s->keeps_input)
			vc_cuda_buffer_use(plan, plan->values[s->input].buffer, tick);
		if (s->input >= 0 && plan->values[s->input].trains)
			s->to_input = contribution(plan, s->input, in_place ? out->gradient[0] : -1, tick);
		if (s->other >= 0 && plan->values[s->other].trains)
			s->to_other = contribution(plan, s->other, norm ? out->gradient[0] : -1, tick);
	}
}

/* The precision that is asked for, as this card has it. */
static vc_status
choose_type(vc_plan *plan, vc_error *error)
{
	int			capability = plan->device->capability;
	vc_precision precision = plan->options.precision;
	const char *missing = NULL;

	if (precision == VC_PRECISION_AUTO)
		precision = capability >= 80 ? VC_BFLOAT16 : VC_FLOAT16;
	plan->type = VC_CUDA_FLOAT;
	switch (precision)
	{
		case VC_FLOAT32:
			break;
		case VC_TF32:
			plan->rounds = true;
			missing = capability >= 80 ? NULL : "TF32";
			break;
		case VC_BFLOAT16:
			plan->type = VC_CUDA_BFLOAT16;
			missing = capability >= 80 ? NULL : "bfloat16";
			break;
		case VC_FLOAT16:
			plan->type = VC_CUDA_HALF;
			break;
		default:
			vc_fail(error, VC_UNSUPPORTED, "a GPU does not compute in this precision");
			return vc_hint(error, VC_UNSUPPORTED,
						   "Set visclf.precision to auto, float32, tf32, bfloat16 or float16.");
	}
	if (missing == NULL)
		return VC_OK;
	vc_fail(error, VC_UNSUPPORTED, "a GPU of compute capability %d.%d has no %s",
			capability / 10, capability % 10, missing);
	return vc_hint(error, VC_UNSUPPORTED, "Set visclf.precision to auto, float32 or float16.");
}

static vc_status
build(vc_plan *plan, vc_error *error)
{
	size_t		nodes = (size_t) plan->network->node_count;
	vc_cuda_run largest = {.count = plan->options.max_batch,.training = plan->training};
	vc_status	status = choose_type(plan, error);

	if (status != VC_OK)
		return status;
	plan->steps = calloc(nodes, sizeof(vc_cuda_step));
	plan->values = calloc(nodes, sizeof(vc_cuda_value));
	plan->buffers = calloc(5 * nodes + 1, sizeof(vc_buffer));
	if (plan->steps == NULL || plan->values == NULL || plan->buffers == NULL)
		return vc_no_memory(error, nodes * (sizeof(vc_cuda_step) + sizeof(vc_cuda_value) +
											5 * sizeof(vc_buffer)));
	if ((status = vc_cuda_build_steps(plan, error)) != VC_OK)
		return status;
	live_forward(plan);
	if (plan->training)
	{
		vc_cuda_mark_trained(plan, 0);
		live_backward(plan);
	}
	if ((status = vc_arena_place(plan->buffers, plan->buffer_count, &plan->arena_bytes,
								 error)) != VC_OK ||
		(status = vc_cuda_describe_parameters(plan, error)) != VC_OK ||
		(status = vc_cuda_allocate(plan, error)) != VC_OK ||
		(status = vc_cuda_parameters_start(plan, error)) != VC_OK)
		return status;
	return vc_cuda_ready(plan, &largest, error);	/* what is missing shows now */
}

/* The device's plan(); see device.h. */
vc_status
vc_cuda_plan(vc_device *device, const vc_network *network,
			 const vc_plan_options *options, vc_plan **result, vc_error *error)
{
	vc_plan    *plan;
	vc_status	status = vc_options_check(options, error);

	if (status != VC_OK)
		return status;
	if ((plan = calloc(1, sizeof(*plan))) == NULL)
		return vc_no_memory(error, sizeof(*plan));
	plan->device = device;
	plan->network = network;
	plan->options = *options;
	plan->training = options->purpose == VC_TRAINING;
	plan->stale = true;
	plan->frozen_groups = -1;
	plan->loss_scale = plan->gradient_scale = 1;
	vc_cuda_enter(device);
	status = build(plan, error);
	vc_cuda_leave(device);
	if (status != VC_OK)
	{
		vc_cuda_plan_free(plan);
		return status;
	}
	*result = plan;
	return VC_OK;
}

/* Frees a plan, complete or not; NULL is allowed. */
void
vc_cuda_plan_free(vc_plan *plan)
{
	if (plan == NULL)
		return;
	vc_cuda_enter(plan->device);
	if (plan->ahead != NULL && plan->ahead_number == plan->device->upload.number)
		vc_cuda_upload_stop(&plan->device->upload);
	cudaStreamSynchronize(plan->device->upload.stream);
	cudaStreamSynchronize(plan->device->stream);	/* what was canceled may still run */
	vc_cuda_graphs_drop(plan);
	vc_cuda_release(plan);
	vc_cuda_leave(plan->device);
	free(plan->steps);
	free(plan->values);
	free(plan->buffers);
	free(plan->parameters);
	free(plan);
}

int64_t
vc_cuda_plan_memory(const vc_plan *plan)
{
	return (int64_t) (plan->memory_bytes + plan->pinned_bytes + plan->workspace_bytes);
}

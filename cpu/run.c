/*
 * run.c
 *		Running a plan's steps: forward, and one step of training.
 */
#include <string.h>

#include "cpu/cpu.h"

/* Makes the primitives for a batch of this size where they are not there yet. */
vc_status
vc_cpu_prepare(vc_plan *plan, const vc_cpu_run *run, vc_error *error)
{
	vc_status	status = vc_cpu_parameters_check(plan, error);

	if (status == VC_OK && vc_cpu_room() != dnnl_success)
		status = vc_cpu_dnnl_failed(error, dnnl_out_of_memory, "running a network");
	for (int i = 0; i < plan->step_count && status == VC_OK; i++)
		if (plan->steps[i].convolution != NULL)
			status = vc_cpu_convolution_ready(plan, &plan->steps[i], run->count,
											  run->training, error);
	return status == VC_OK ? vc_cpu_parameters_ready(plan, error) : status;
}

static vc_status
run_forward(vc_plan *plan, const vc_cpu_run *run, vc_error *error)
{
	for (int i = 0; i < plan->step_count; i++)
	{
		vc_cpu_step *step = &plan->steps[i];
		vc_status	status = step->operation->forward(plan, step, run, error);

		if (status == VC_OK)
			status = vc_cpu_poll(plan, error);
		if (status != VC_OK)
			return status;
	}
	return VC_OK;
}

static vc_status
run_backward(vc_plan *plan, const vc_cpu_run *run, vc_error *error)
{
	for (int i = plan->step_count - 1; i >= 0; i--)
	{
		vc_cpu_step *step = &plan->steps[i];
		const vc_cpu_value *out = &plan->values[step->output];
		vc_status	status;

		if (!out->trains || out->gradient[0] < 0 || step->operation->backward == NULL)
			continue;
		status = step->operation->backward(plan, step, run, error);
		if (status == VC_OK)
			status = vc_cpu_poll(plan, error);
		if (status != VC_OK)
			return status;
	}
	return VC_OK;
}

/* Copies a plain value out; NULL where the caller does not want it. */
static void
hand_out(const vc_plan *plan, int value, int count, float *destination)
{
	if (destination != NULL)
		memcpy(destination, vc_cpu_value_data(plan, value),
			   sizeof(float) * (size_t) plan->values[value].image_floats * (size_t) count);
}

/* The device's forward(); see device.h. */
vc_status
vc_cpu_forward(vc_plan *plan, const uint8_t *images, int count,
			   float *logits, float *features, vc_error *error)
{
	vc_cpu_run	run = {.count = count,.images = images};
	vc_status	status = vc_batch_check(&plan->options, count, 1, error);

	if (status != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = vc_cpu_prepare(plan, &run, error);
	if (status == VC_OK)
		status = run_forward(plan, &run, error);
	if (status == VC_OK)
	{
		hand_out(plan, plan->logits, count, logits);
		hand_out(plan, plan->features, count, features);
	}
	vc_cpu_leave(plan->device);
	return status;
}

static vc_status
train(vc_plan *plan, const vc_cpu_run *run, const vc_targets *targets,
	  float *loss, float *logits, vc_error *error)
{
	float	   *gradient = vc_cpu_buffer_data(plan, plan->values[plan->logits].gradient[0]);
	vc_status	status = vc_cpu_prepare(plan, run, error);

	if (status == VC_OK)
		status = run_forward(plan, run, error);
	if (status != VC_OK)
		return status;
	*loss = vc_cpu_loss(vc_cpu_value_data(plan, plan->logits), targets, run->count,
						plan->network->classes, gradient);
	hand_out(plan, plan->logits, run->count, logits);
	vc_cpu_mark_trained(plan, run->step->frozen_groups);
	if ((status = run_backward(plan, run, error)) != VC_OK)
		return status;
	vc_cpu_adam(plan, run->step);
	plan->frozen_groups = run->step->frozen_groups;
	plan->stale = true;
	return VC_OK;
}

/* The device's train_step(); see device.h. */
vc_status
vc_cpu_train_step(vc_plan *plan, const uint8_t *images, const vc_targets *targets,
				  int count, const vc_step *step, float *loss, float *logits,
				  vc_error *error)
{
	vc_cpu_run	run = {.count = count,.training = true,.images = images,.step = step};
	vc_status	status;

	if ((status = vc_step_check(&plan->options, step, error)) != VC_OK ||
		(status = vc_batch_check(&plan->options, count, 2, error)) != VC_OK ||
		(status = vc_targets_check(targets, count, plan->network->classes, error)) != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = train(plan, &run, targets, loss, logits, error);
	vc_cpu_leave(plan->device);
	return status;
}

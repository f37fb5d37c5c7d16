/*
 * run.c
 *		Running a plan's steps: forward, and one step of training.
 */
#include <string.h>

#include "cpu/cpu.h"

/* Inference: folds and packs the parameters that have changed. */
static vc_status
fold_parameters(vc_plan *plan, vc_error *error)
{
	vc_status	status;

	if (plan->training)
		return VC_OK;
	status = vc_flow_fold(&plan->flow, plan, error);
	plan->stale = status != VC_OK;
	return status;
}

/* Makes the primitives for a batch of this size if they are not there yet. */
vc_status
vc_cpu_prepare(vc_plan *plan, const vc_run *run, vc_error *error)
{
	vc_status	status = vc_parameters_check_set(&plan->book, error);

	if (status == VC_OK && vc_cpu_room() != dnnl_success)
		status = vc_cpu_dnnl_failed(error, dnnl_out_of_memory, "running a network");
	if (status == VC_OK)
		status = vc_flow_ready(&plan->flow, plan, run, error);
	return status == VC_OK ? fold_parameters(plan, error) : status;
}

/* Copies a plain value to the caller; does nothing if destination is NULL. */
static void
hand_out(const vc_plan *plan, int value, int count, float *destination)
{
	if (destination != NULL)
		memcpy(destination, vc_cpu_value_data(plan, value),
			   sizeof(float) * (size_t) plan->flow.values[value].image_elements * (size_t) count);
}

/* The device's forward(); see device.h. */
vc_status
vc_cpu_forward(vc_plan *plan, const uint8_t *images, int count,
			   float *logits, float *features, vc_error *error)
{
	vc_run	run = {.count = count,.images = images};
	vc_status	status = vc_batch_check(&plan->options, count, 1, error);

	if (status != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = vc_cpu_prepare(plan, &run, error);
	if (status == VC_OK)
		status = vc_flow_forward(&plan->flow, plan, &run, vc_cpu_poll, error);
	if (status == VC_OK)
	{
		hand_out(plan, plan->flow.logits, count, logits);
		hand_out(plan, plan->flow.features, count, features);
	}
	vc_cpu_leave(plan->device);
	return status;
}

static vc_status
train_batch(vc_plan *plan, const vc_run *run, const vc_targets *targets,
			float *loss, float *logits, vc_error *error)
{
	float	   *gradient = vc_cpu_buffer_data(plan, plan->flow.values[plan->flow.logits].gradient[0]);
	vc_status	status = vc_cpu_prepare(plan, run, error);

	if (status == VC_OK)
		status = vc_flow_forward(&plan->flow, plan, run, vc_cpu_poll, error);
	if (status != VC_OK)
		return status;
	*loss = vc_cpu_loss(vc_cpu_value_data(plan, plan->flow.logits), targets, run->count,
						plan->network->classes, gradient);
	hand_out(plan, plan->flow.logits, run->count, logits);
	vc_flow_mark_trained(&plan->flow, plan->network, run->step->frozen_groups);
	status = vc_flow_backward(&plan->flow, plan, run, vc_cpu_poll, error);
	if (status != VC_OK)
		return status;
	vc_cpu_adam(plan, run->step);
	plan->book.frozen_groups = run->step->frozen_groups;
	plan->stale = true;
	return VC_OK;
}

/* The device's train_step(); see device.h. */
vc_status
vc_cpu_train_step(vc_plan *plan, const uint8_t *images, const vc_targets *targets,
				  int count, const vc_step *step, float *loss, float *logits,
				  vc_error *error)
{
	vc_run	run = {.count = count,.training = true,.images = images,.step = step};
	vc_status	status = vc_train_check(&plan->options, plan->network, targets, count, step, error);

	if (status != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = train_batch(plan, &run, targets, loss, logits, error);
	vc_cpu_leave(plan->device);
	return status;
}

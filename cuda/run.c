/*
 * run.c
 *		Running a plan's steps: forward, and one step of training.
 */
#include <math.h>
#include <sched.h>
#include <time.h>

#include "cuda/cuda.h"

#define POLL_SECONDS	0.05	/* between polls */
#define LEAST_SCALE		1.0f	/* of float16's loss */
#define LARGEST_SCALE	16777216.0f
#define GOOD_STEPS		2000	/* the scale doubles after so many */

/* Inference: folds the parameters that have changed. */
static vc_status
fold_parameters(vc_plan *plan, vc_error *error)
{
	vc_status	status;

	if (plan->training || !plan->stale)
		return VC_OK;
	status = vc_flow_fold(&plan->flow, plan, error);
	plan->stale = status != VC_OK;
	return status;
}

static double
monotonic_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Waits for the stream, and polls; after a cancel it waits too. */
static vc_status
wait_for_results(vc_plan *plan, vc_error *error)
{
	vc_device  *device = plan->device;
	double		asked = monotonic_seconds();
	cudaError_t status = cudaEventRecord(device->finished, device->stream);

	while (status == cudaSuccess)
	{
		status = cudaEventQuery(device->finished);
		if (status != cudaErrorNotReady)
			break;
		status = cudaSuccess;
		cudaGetLastError();		/* "not ready" is not an error */
		if (vc_cuda_upload_go_on(&device->upload, false, error) != VC_OK)
		{
			cudaStreamSynchronize(device->stream);
			return error != NULL ? error->code : VC_DEVICE_ERROR;
		}
		sched_yield();
		if (monotonic_seconds() - asked < POLL_SECONDS)
			continue;
		asked = monotonic_seconds();
		if (vc_cuda_poll(plan, error) != VC_OK)
		{
			cudaStreamSynchronize(device->stream);
			return VC_CANCELED;
		}
	}
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "waiting for the GPU");
}

/* Runs the call that the request describes, to its end. */
static vc_status
run_call(vc_plan *plan, const vc_run *run, vc_error *error)
{
	bool		done = false;
	vc_status	status;

	plan->host.state->loss_scale = plan->loss_scale;
	plan->host.state->overflow = 0;
	if ((status = fold_parameters(plan, error)) != VC_OK ||
		(status = vc_cuda_graph_run(plan, run, &done, error)) != VC_OK)
		return status;
	if (!done)
	{
		status = vc_cuda_ready(plan, run, error);
		if (status == VC_OK)
			status = vc_cuda_enqueue(plan, run, error);
		if (status != VC_OK)
			return status;
	}
	return wait_for_results(plan, error);
}

/*
 * Runs a training step.  If a float16 gradient has overflown, Adam has
 * changed nothing, and the step runs again with the loss scaled less.
 */
static vc_status
run_step(vc_plan *plan, const vc_run *run, vc_error *error)
{
	vc_status	status;

	plan->host.state->repeated = 0;
	for (;;)
	{
		status = run_call(plan, run, error);
		plan->gradient_scale = plan->loss_scale;
		if (status != VC_OK || !plan->result->overflow || plan->loss_scale <= LEAST_SCALE ||
			!isfinite(plan->result->loss))
			break;
		plan->loss_scale /= 2;
		plan->good_steps = 0;
		plan->host.state->repeated = 1;
	}
	if (status == VC_OK && plan->type == VC_CUDA_HALF && ++plan->good_steps >= GOOD_STEPS &&
		plan->loss_scale < LARGEST_SCALE)
	{
		plan->loss_scale *= 2;
		plan->good_steps = 0;
	}
	return status;
}

/* Copies padded rows to the caller without their padding; does nothing if `to` is NULL. */
static void
hand_out(const vc_plan *plan, int value, const float *from, int count, float *to)
{
	const vc_value *v = &plan->flow.values[value];

	for (int i = 0; to != NULL && i < count; i++)
		memcpy(to + (int64_t) i * v->channels, from + (int64_t) i * v->padded,
			   sizeof(float) * (size_t) v->channels);
}

/*
 * Number of images that a forward pass of `count` computes: a power of 2, or
 * the plan's largest batch.  Surplus results are thrown away.  Each number of
 * images needs engines of its own, some of which take a second to compile,
 * and a graph.
 */
static int
round_count(const vc_plan *plan, int count)
{
	int			rounded = 1;

	while (rounded < count)
		rounded *= 2;
	return rounded < plan->options.max_batch ? rounded : plan->options.max_batch;
}

/* The device's forward(); see device.h. */
vc_status
vc_cuda_forward(vc_plan *plan, const uint8_t *images, int count,
				float *logits, float *features, vc_error *error)
{
	vc_run run = {.count = round_count(plan, count)};
	vc_status	status;

	if ((status = vc_batch_check(&plan->options, count, 1, error)) != VC_OK ||
		(status = vc_parameters_check_set(&plan->book, error)) != VC_OK)
		return status;
	vc_cuda_enter(plan->device);
	if ((status = vc_cuda_poll(plan, error)) == VC_OK &&
		(status = vc_cuda_request_images(plan, images, count, error)) == VC_OK)
	{
		for (int i = count; i < run.count; i++)
			plan->host.rows[i] = plan->host.rows[0];
		status = run_call(plan, &run, error);
	}
	vc_cuda_leave(plan->device);
	if (status != VC_OK)
		return status;
	hand_out(plan, plan->flow.logits, plan->host_logits, count, logits);
	hand_out(plan, plan->flow.features, plan->host_features, count, features);
	return VC_OK;
}

/* The device's train_step(); see device.h. */
vc_status
vc_cuda_train_step(vc_plan *plan, const uint8_t *images, const vc_targets *targets,
				   int count, const vc_step *step, float *loss, float *logits,
				   vc_error *error)
{
	vc_run run = {.count = count,.training = true,.frozen_groups = step->frozen_groups,
		.members = targets->labels == NULL,
	.weighted = targets->labels == NULL && targets->class_weights != NULL};
	vc_status	status;

	if ((status = vc_train_check(&plan->options, plan->network, targets, count, step,
								 error)) != VC_OK ||
		(status = vc_parameters_check_set(&plan->book, error)) != VC_OK)
		return status;
	vc_cuda_enter(plan->device);
	vc_cuda_request_step(plan, targets, count, step);
	if ((status = vc_cuda_poll(plan, error)) == VC_OK &&
		(status = vc_cuda_request_images(plan, images, count, error)) == VC_OK)
		status = run_step(plan, &run, error);
	vc_cuda_leave(plan->device);
	if (status != VC_OK)
		return status;
	*loss = plan->result->loss;
	hand_out(plan, plan->flow.logits, plan->host_logits, count, logits);
	plan->book.frozen_groups = step->frozen_groups;
	return VC_OK;
}

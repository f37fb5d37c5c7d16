/*
 * run.c
 *		Running a plan's steps: forward, and one step of training.
 */
#include <math.h>
#include <sched.h>
#include <time.h>

#include "cuda/cuda.h"

#define POLL_SECONDS	0.05	/* between questions whether to stop */
#define LEAST_SCALE		1.0f	/* of float16's loss */
#define LARGEST_SCALE	16777216.0f
#define GOOD_STEPS		2000	/* after so many the scale doubles */

/* Makes what inference reads of parameters that have changed. */
static vc_status
fold(vc_plan *plan, vc_error *error)
{
	vc_status	status = VC_OK;

	if (plan->training || !plan->stale)
		return VC_OK;
	for (int i = 0; i < plan->step_count && status == VC_OK; i++)
		if (plan->steps[i].norm != NULL)
			status = vc_cuda_convolution_fold(plan, &plan->steps[i], error);
	plan->stale = status != VC_OK;
	return status;
}

static vc_status
run_forward(vc_plan *plan, const vc_cuda_run *run, vc_error *error)
{
	vc_status	status = VC_OK;

	for (int i = 0; i < plan->step_count && status == VC_OK; i++)
		status = plan->steps[i].operation->forward(plan, &plan->steps[i], run, error);
	return status;
}

static vc_status
run_loss(vc_plan *plan, const vc_cuda_run *run, vc_error *error)
{
	const vc_cuda_value *logits = &plan->values[plan->logits];
	vc_cuda_request *r = &plan->request;
	vc_cuda_loss loss = {
		.state = r->state,.logits = vc_cuda_value_data(plan, plan->logits),.count = run->count,
		.classes = logits->channels,.stride = logits->padded,
		.labels = run->members ? NULL : r->labels,.members = r->members,.shares = r->shares,
		.class_weights = run->weighted ? r->class_weights : NULL,
		.gradient = vc_cuda_buffer_data(plan, logits->gradient[0]),.losses = plan->losses
	};
	cudaError_t status = vc_cuda_launch_loss(&loss, plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "loss");
}

static vc_status
run_backward(vc_plan *plan, const vc_cuda_run *run, vc_error *error)
{
	vc_status	status = VC_OK;

	vc_cuda_mark_trained(plan, run->frozen_groups);
	for (int i = plan->step_count - 1; i >= 0 && status == VC_OK; i--)
	{
		vc_cuda_step *step = &plan->steps[i];
		const vc_cuda_value *out = &plan->values[step->output];

		if (out->trains && out->gradient[0] >= 0 && step->operation->backward != NULL)
			status = step->operation->backward(plan, step, run, error);
	}
	return status;
}

static vc_status
run_adam(vc_plan *plan, vc_error *error)
{
	cudaStream_t stream = plan->device->stream;
	cudaError_t status = cudaSuccess;

	if (plan->type == VC_CUDA_HALF)
		status = vc_cuda_launch_find_overflow(plan->tensors, plan->chunks, plan->chunk_count,
											  plan->request.state, stream);
	if (status == cudaSuccess)
		status = vc_cuda_launch_adam(plan->tensors, plan->chunks, plan->chunk_count,
									 plan->request.state, stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "Adam");
}

/* The request to the device. */
static vc_status
send(vc_plan *plan, const vc_cuda_run *run, vc_error *error)
{
	size_t		bytes = run->members ? plan->whole_request_bytes : plan->request_bytes;
	cudaError_t status = cudaMemcpyAsync(plan->request.state, plan->host.state, bytes,
										 cudaMemcpyHostToDevice, plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "sending a request");
}

/* Loss, logits and features to pinned memory. */
static vc_status
fetch(vc_plan *plan, const vc_cuda_run *run, vc_error *error)
{
	cudaStream_t stream = plan->device->stream;
	cudaError_t status = cudaMemcpyAsync(plan->result, plan->request.state, sizeof(vc_cuda_state),
										 cudaMemcpyDeviceToHost, stream);

	if (status == cudaSuccess)
		status = cudaMemcpyAsync(plan->host_logits, vc_cuda_value_data(plan, plan->logits),
								 vc_cuda_value_bytes(plan, plan->logits, run->count),
								 cudaMemcpyDeviceToHost, stream);
	if (status == cudaSuccess && !run->training)
		status = cudaMemcpyAsync(plan->host_features, vc_cuda_value_data(plan, plan->features),
								 vc_cuda_value_bytes(plan, plan->features, run->count),
								 cudaMemcpyDeviceToHost, stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "fetching a result");
}

/* Puts a whole call on the stream; also while it is captured. */
vc_status
vc_cuda_enqueue(vc_plan *plan, const vc_cuda_run *run, vc_error *error)
{
	vc_status	status = send(plan, run, error);

	if (status == VC_OK)
		status = run_forward(plan, run, error);
	if (status == VC_OK && run->training)
	{
		status = run_loss(plan, run, error);
		if (status == VC_OK)
			status = run_backward(plan, run, error);
		if (status == VC_OK)
			status = run_adam(plan, error);
	}
	if (status == VC_OK)
		status = fetch(plan, run, error);
	return status;
}

/* Whether the convolutions' engines are those for a call. */
static bool
is_ready(const vc_plan *plan, const vc_cuda_run *run)
{
	return plan->ready_count == run->count && plan->ready_training == (run->training != 0);
}

/* Finds the convolutions' engines and makes their workspace. */
vc_status
vc_cuda_ready(vc_plan *plan, const vc_cuda_run *run, vc_error *error)
{
	vc_status	status = VC_OK;

	if (is_ready(plan, run))
		return VC_OK;
	plan->ready_count = 0;
	for (int i = 0; i < plan->step_count && status == VC_OK; i++)
		if (plan->steps[i].operation == &vc_cuda_convolution_operation)
			status = vc_cuda_convolution_ready(plan, &plan->steps[i], run, error);
	if (status != VC_OK)
		return status;
	plan->ready_count = run->count;
	plan->ready_training = run->training != 0;
	return VC_OK;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Waits for what is on the stream; asks whether to stop, and then waits too. */
static vc_status
wait_for_results(vc_plan *plan, vc_error *error)
{
	vc_device  *device = plan->device;
	double		asked = now();
	cudaError_t status = cudaEventRecord(device->finished, device->stream);

	while (status == cudaSuccess)
	{
		status = cudaEventQuery(device->finished);
		if (status != cudaErrorNotReady)
			break;
		status = cudaSuccess;
		cudaGetLastError();		/* "not ready" is no error */
		if (vc_cuda_upload_go_on(&device->upload, false, error) != VC_OK)
		{
			cudaStreamSynchronize(device->stream);
			return error != NULL ? error->code : VC_DEVICE_ERROR;
		}
		sched_yield();
		if (now() - asked < POLL_SECONDS)
			continue;
		asked = now();
		if (vc_cuda_poll(plan, error) != VC_OK)
		{
			cudaStreamSynchronize(device->stream);
			return VC_CANCELED;
		}
	}
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "waiting for the GPU");
}

/* Runs a call that the request describes to its end. */
static vc_status
run_call(vc_plan *plan, const vc_cuda_run *run, vc_error *error)
{
	bool		done = false;
	vc_status	status;

	plan->host.state->loss_scale = plan->loss_scale;
	plan->host.state->overflow = 0;
	if ((status = fold(plan, error)) != VC_OK ||
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
 * A training step.  Where a float16 gradient has overflown, Adam has changed
 * nothing, and the step runs again with the loss scaled less.
 */
static vc_status
run_step(vc_plan *plan, const vc_cuda_run *run, vc_error *error)
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

/* Copies rows of `channels` out of padded ones; NULL where nobody wants them. */
static void
hand_out(const vc_plan *plan, int value, const float *from, int count, float *to)
{
	const vc_cuda_value *v = &plan->values[value];

	for (int i = 0; to != NULL && i < count; i++)
		memcpy(to + (int64_t) i * v->channels, from + (int64_t) i * v->padded,
			   sizeof(float) * (size_t) v->channels);
}

/*
 * Images that a forward pass of `count` computes: a power of 2, or the plan's
 * most.  What is too much is thrown away.  Each number of images has engines of
 * its own, some of which take a second to compile, and a graph.
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
	vc_cuda_run run = {.count = round_count(plan, count)};
	vc_status	status;

	if ((status = vc_batch_check(&plan->options, count, 1, error)) != VC_OK ||
		(status = vc_cuda_parameters_set(plan, error)) != VC_OK)
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
	hand_out(plan, plan->logits, plan->host_logits, count, logits);
	hand_out(plan, plan->features, plan->host_features, count, features);
	return VC_OK;
}

/* The device's train_step(); see device.h. */
vc_status
vc_cuda_train_step(vc_plan *plan, const uint8_t *images, const vc_targets *targets,
				   int count, const vc_step *step, float *loss, float *logits,
				   vc_error *error)
{
	vc_cuda_run run = {.count = count,.training = true,.frozen_groups = step->frozen_groups,
		.members = targets->labels == NULL,
	.weighted = targets->labels == NULL && targets->class_weights != NULL};
	vc_status	status;

	if ((status = vc_step_check(&plan->options, step, error)) != VC_OK ||
		(status = vc_batch_check(&plan->options, count, 2, error)) != VC_OK ||
		(status = vc_targets_check(targets, count, plan->network->classes, error)) != VC_OK ||
		(status = vc_cuda_parameters_set(plan, error)) != VC_OK)
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
	hand_out(plan, plan->logits, plan->host_logits, count, logits);
	plan->frozen_groups = step->frozen_groups;
	return VC_OK;
}

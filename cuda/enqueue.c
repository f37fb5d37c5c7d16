/*
 * enqueue.c
 *		What a call puts on the stream.
 */
#include "cuda/cuda.h"

/* Whether the convolutions' engines are those for a call. */
static bool
engines_are_ready(const vc_plan *plan, const vc_run *run)
{
	return plan->ready_count == run->count && plan->ready_training == (run->training != 0);
}

/* Finds the convolutions' engines and makes their workspace. */
vc_status
vc_cuda_ready(vc_plan *plan, const vc_run *run, vc_error *error)
{
	vc_status	status;

	if (engines_are_ready(plan, run))
		return VC_OK;
	plan->ready_count = 0;
	status = vc_flow_ready(&plan->flow, plan, run, error);
	if (status != VC_OK)
		return status;
	plan->ready_count = run->count;
	plan->ready_training = run->training != 0;
	return VC_OK;
}

static vc_status
run_loss(vc_plan *plan, const vc_run *run, vc_error *error)
{
	const vc_value *logits = &plan->flow.values[plan->flow.logits];
	vc_cuda_request *r = &plan->request;
	vc_cuda_loss loss = {
		.state = r->state,.logits = vc_cuda_value_data(plan, plan->flow.logits),.count = run->count,
		.classes = logits->channels,.stride = logits->padded,
		.labels = run->members ? NULL : r->labels,.members = r->members,.shares = r->shares,
		.class_weights = run->weighted ? r->class_weights : NULL,
		.gradient = vc_cuda_buffer_data(plan, logits->gradient[0]),.losses = plan->losses
	};
	cudaError_t status = vc_cuda_launch_loss(&loss, plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "loss");
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
send_request(vc_plan *plan, const vc_run *run, vc_error *error)
{
	size_t		bytes = run->members ? plan->whole_request_bytes : plan->request_bytes;
	cudaError_t status = cudaMemcpyAsync(plan->request.state, plan->host.state, bytes,
										 cudaMemcpyHostToDevice, plan->device->stream);

	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "sending a request");
}

/* Loss, logits and features to pinned memory. */
static vc_status
fetch_results(vc_plan *plan, const vc_run *run, vc_error *error)
{
	cudaStream_t stream = plan->device->stream;
	cudaError_t status = cudaMemcpyAsync(plan->result, plan->request.state, sizeof(vc_cuda_state),
										 cudaMemcpyDeviceToHost, stream);

	if (status == cudaSuccess)
		status = cudaMemcpyAsync(plan->host_logits, vc_cuda_value_data(plan, plan->flow.logits),
								 vc_cuda_value_bytes(plan, plan->flow.logits, run->count),
								 cudaMemcpyDeviceToHost, stream);
	if (status == cudaSuccess && !run->training)
		status = cudaMemcpyAsync(plan->host_features, vc_cuda_value_data(plan, plan->flow.features),
								 vc_cuda_value_bytes(plan, plan->flow.features, run->count),
								 cudaMemcpyDeviceToHost, stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "fetching a result");
}

/* Puts a whole call on the stream; also while it is captured. */
vc_status
vc_cuda_enqueue(vc_plan *plan, const vc_run *run, vc_error *error)
{
	vc_status	status = send_request(plan, run, error);

	if (status == VC_OK)
		status = vc_flow_forward(&plan->flow, plan, run, NULL, error);
	if (status == VC_OK && run->training)
	{
		status = run_loss(plan, run, error);
		if (status == VC_OK)
		{
			vc_flow_mark_trained(&plan->flow, plan->network, run->frozen_groups);
			status = vc_flow_backward(&plan->flow, plan, run, NULL, error);
		}
		if (status == VC_OK)
			status = run_adam(plan, error);
	}
	if (status == VC_OK)
		status = fetch_results(plan, run, error);
	return status;
}

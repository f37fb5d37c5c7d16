/*
 * memory.c
 *		A plan's memory: one allocation on the device, one of pinned
 *		memory.
 *
 * lay_out_plan assigns addresses one after the other.  It runs twice: first
 * from an invalid address, to learn the size, and again when the memory is
 * allocated.
 */
#include "cuda/cuda.h"

#define NOWHERE ((char *) VC_CUDA_ALIGNMENT)

#define MIB(bytes) ((long long) ((bytes) / 1048576))

/* Takes the next `bytes`. */
static void *
take_memory(char **at, size_t bytes)
{
	char	   *mine = *at;

	*at += vc_round_up(bytes, VC_CUDA_ALIGNMENT);
	return mine;
}

static void
lay_out_parameter(const vc_plan *plan, int index, char **at)
{
	vc_cuda_parameter *p = &plan->parameters[index];
	size_t		elements = (size_t) p->elements;
	size_t		bytes = vc_cuda_type_bytes(p->type);

	p->value = take_memory(at, sizeof(float) * elements);
	p->copy = p->type != VC_CUDA_FLOAT ? take_memory(at, bytes * elements) : NULL;
	if (!plan->training || !vc_parameter_trainable(&plan->network->parameters[index]))
		return;
	p->gradient = take_memory(at, bytes * elements);
	p->m = take_memory(at, sizeof(float) * elements);
	p->v = take_memory(at, sizeof(float) * elements);
}

/* Lays out what a step keeps between forward and backward, or folded for inference. */
static void
lay_out_step(const vc_plan *plan, vc_plan_step *step, char **at)
{
	size_t		channels = (size_t) plan->flow.values[step->output].padded;
	vc_cuda_kept *kept = step->state;

	if (kept == NULL)
		return;
	if (step->node->op == VC_BATCH_NORM || step->norm != NULL)
	{
		kept->saved = take_memory(at, sizeof(float) * 2 * channels);
		kept->terms = take_memory(at, sizeof(float) * 2 * channels);
	}
	if (step->norm != NULL)
	{
		kept->folded = take_memory(at, vc_cuda_type_bytes(plan->type) *
								   (size_t) plan->parameters[step->node->weight].elements);
		kept->folded_bias = take_memory(at, sizeof(float) * channels);
	}
}

/* Number of Adam's chunks over all parameters. */
static int
count_chunks(const vc_plan *plan)
{
	int64_t		chunks = 0;

	for (int i = 0; i < plan->network->parameter_count; i++)
		chunks += (plan->parameters[i].elements + VC_CUDA_ADAM_CHUNK - 1) / VC_CUDA_ADAM_CHUNK;
	return (int) chunks;
}

/* Bytes that one more image of a batch takes. */
static size_t
image_bytes(const vc_plan *plan)
{
	return plan->arena_bytes / (size_t) plan->options.max_batch +
		2 * (size_t) plan->network->image_size * (size_t) plan->network->image_size * 3;
}

/* Lays out everything from an address on; returns the end. */
static char *
lay_out_plan(vc_plan *plan, char *at)
{
	size_t		batch = (size_t) plan->options.max_batch;
	size_t		size = (size_t) plan->network->image_size;

	plan->arena = take_memory(&at, plan->arena_bytes);
	for (int i = 0; i < 2; i++)
		plan->images[i] = take_memory(&at, size * size * 3 * batch);
	plan->partials = take_memory(&at, plan->partials_bytes);
	plan->losses = take_memory(&at, sizeof(double) * batch);
	vc_cuda_request_layout(plan, take_memory(&at, plan->whole_request_bytes), &plan->request);
	plan->tensors = take_memory(&at, sizeof(vc_cuda_tensor) * (size_t) plan->network->parameter_count);
	plan->chunks = take_memory(&at, sizeof(vc_cuda_chunk) * (size_t) count_chunks(plan));
	for (int i = 0; i < plan->network->parameter_count; i++)
		lay_out_parameter(plan, i, &at);
	for (int i = 0; i < plan->flow.step_count; i++)
		lay_out_step(plan, &plan->flow.steps[i], &at);
	return at;
}

/* Reports that device memory is short, with both numbers. */
vc_status
vc_cuda_no_memory(vc_error *error, size_t bytes, const char *what)
{
	size_t		available = 0;
	size_t		total = 0;

	cudaGetLastError();			/* this error is reported here */
	cudaMemGetInfo(&available, &total);
	return vc_fail(error, VC_OUT_OF_MEMORY,
				   "%s needs %lld MiB of GPU memory, of which %lld MiB are free",
				   what, MIB(bytes + 1048575), MIB(available));
}

/* The same for a plan, with the batch that would fit. */
static vc_status
plan_too_large(const vc_plan *plan, vc_error *error)
{
	size_t		fixed = plan->memory_bytes - image_bytes(plan) * (size_t) plan->options.max_batch;
	size_t		available = 0;
	size_t		total = 0;
	char		what[64];
	long long	fits;

	cudaMemGetInfo(&available, &total);

	/* a part is left for cuDNN's workspace and for rounding */
	fits = available > fixed ? (long long) ((available - fixed) / 20 * 17 / image_bytes(plan)) : 0;
	snprintf(what, sizeof(what), "%s in batches of %d images",
			 plan->training ? "training" : "inference", plan->options.max_batch);
	vc_cuda_no_memory(error, plan->memory_bytes, what);
	if (fits < (plan->training ? 2 : 1))
		return vc_hint(error, VC_OUT_OF_MEMORY,
					   "No batch would fit: end other work on the GPU, or set visclf.device to cpu.");
	return vc_hint(error, VC_OUT_OF_MEMORY,
				   "A batch of %lld images would fit, or set visclf.device to cpu.", fits);
}

static vc_status
allocate_pinned(vc_plan *plan, vc_error *error)
{
	int			batch = plan->options.max_batch;
	char	   *at = NOWHERE;

	for (int pass = 0; pass < 2; pass++)
	{
		vc_cuda_request_layout(plan, take_memory(&at, plan->whole_request_bytes), &plan->host);
		plan->result = take_memory(&at, sizeof(vc_cuda_state));
		plan->host_logits = take_memory(&at, vc_cuda_value_bytes(plan, plan->flow.logits, batch));
		plan->host_features = take_memory(&at, vc_cuda_value_bytes(plan, plan->flow.features, batch));
		if (pass == 1)
			break;
		plan->pinned_bytes = (size_t) (at - NOWHERE);
		if (cudaMallocHost((void **) &plan->pinned, plan->pinned_bytes) != cudaSuccess)
		{
			cudaGetLastError();
			plan->pinned = NULL;
			return vc_no_memory(error, plan->pinned_bytes);
		}
		at = plan->pinned;
	}
	memset(plan->pinned, 0, plan->pinned_bytes);
	return VC_OK;
}

/* Allocates all of a plan's memory, or reports how much is missing. */
vc_status
vc_cuda_allocate(vc_plan *plan, vc_error *error)
{
	size_t		available = 0;
	size_t		total = 0;
	cudaError_t status;

	vc_cuda_request_layout(plan, NOWHERE, &plan->request);	/* sets the sizes */
	plan->memory_bytes = (size_t) (lay_out_plan(plan, NOWHERE) - NOWHERE);
	status = cudaMemGetInfo(&available, &total);
	if (status != cudaSuccess)
		return vc_cuda_failed(error, status, "asking for free memory");
	if (plan->memory_bytes > available)
		return plan_too_large(plan, error);
	status = cudaMalloc((void **) &plan->memory, plan->memory_bytes);
	if (status != cudaSuccess)
	{
		plan->memory = NULL;
		if (status == cudaErrorMemoryAllocation)
			return plan_too_large(plan, error);
		return vc_cuda_failed(error, status, "allocating memory");
	}
	lay_out_plan(plan, plan->memory);
	plan->chunk_count = count_chunks(plan);
	return allocate_pinned(plan, error);
}

/* Frees a plan's memory and its workspace. */
void
vc_cuda_release(vc_plan *plan)
{
	if (plan->workspace != NULL)
		cudaFree(plan->workspace);
	if (plan->memory != NULL)
		cudaFree(plan->memory);
	if (plan->pinned != NULL)
		cudaFreeHost(plan->pinned);
}

/*
 * parameter.c
 *		Setting and reading parameters, gradients and Adam's averages.
 *
 * The host's tensors are plain float32 with torchvision's axes.  The device's
 * are padded, with the input channels last (parameter_shape.c).
 */
#include <stdlib.h>

#include "cuda/cuda.h"

/* Loops over all elements, with their places in the plain and in the padded tensor. */
#define EACH_ELEMENT(p, plain, padded) \
	for (int o = 0; o < (p)->outputs; o++) \
		for (int a = 0; a < (p)->area; a++) \
			for (int64_t c = 0, \
				 plain = ((int64_t) o * (p)->channels) * (p)->area + a, \
				 padded = ((int64_t) o * (p)->area + a) * (p)->padded_channels; \
				 c < (p)->channels; c++, plain += (p)->area, padded++)

/* Copies a tensor to device memory. */
static vc_status
copy_to_device(vc_plan *plan, int index, const float *data, float *to, vc_error *error)
{
	const vc_cuda_parameter *p = &plan->parameters[index];
	size_t		bytes = sizeof(float) * (size_t) p->elements;
	float	   *host = calloc(1, bytes);
	cudaError_t status;

	if (host == NULL)
		return vc_no_memory(error, bytes);
	EACH_ELEMENT(p, plain, padded)
		host[padded] = data[plain];
	status = cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, plan->device->stream);
	if (status == cudaSuccess)
		status = cudaStreamSynchronize(plan->device->stream);
	free(host);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "setting a parameter");
}

static float
from_bfloat16(uint16_t bits)
{
	uint32_t	wide = (uint32_t) bits << 16;
	float		value;

	memcpy(&value, &wide, sizeof(value));
	return value;
}

/* From IEEE half precision, subnormal numbers and infinities too. */
static float
from_half(uint16_t bits)
{
	uint32_t	exponent = (bits >> 10) & 31;
	uint32_t	wide = ((uint32_t) (bits & 1023) << 13) | 0x7F800000u;
	float		value;

	if (exponent != 31)
	{
		/* as a float that is 2^112 times too small, which is exact */
		wide = (uint32_t) (bits & 0x7FFF) << 13;
		memcpy(&value, &wide, sizeof(value));
		value *= 0x1p112f;
	}
	else
		memcpy(&value, &wide, sizeof(value));
	return bits & 0x8000 ? -value : value;
}

static float
element_as_float(const void *data, vc_cuda_type type, int64_t i)
{
	switch (type)
	{
		case VC_CUDA_BFLOAT16:
			return from_bfloat16(((const uint16_t *) data)[i]);
		case VC_CUDA_HALF:
			return from_half(((const uint16_t *) data)[i]);
		default:
			return ((const float *) data)[i];
	}
}

/* Copies a tensor of a type from device memory, times a factor. */
static vc_status
copy_from_device(vc_plan *plan, int index, const void *from, vc_cuda_type type, float factor,
				 float *data, vc_error *error)
{
	const vc_cuda_parameter *p = &plan->parameters[index];
	size_t		bytes = vc_cuda_type_bytes(type) * (size_t) p->elements;
	void	   *host = malloc(bytes);
	cudaError_t status;

	if (host == NULL)
		return vc_no_memory(error, bytes);
	status = cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, plan->device->stream);
	if (status == cudaSuccess)
		status = cudaStreamSynchronize(plan->device->stream);
	if (status == cudaSuccess)
		EACH_ELEMENT(p, plain, padded)
			data[plain] = element_as_float(host, type, padded) * factor;
	free(host);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "reading a parameter");
}

/* Writes the copy that convolutions read. */
static vc_status
write_copy(vc_plan *plan, int index, vc_error *error)
{
	const vc_cuda_parameter *p = &plan->parameters[index];
	cudaError_t status;

	if (p->copy == NULL)
		return VC_OK;
	status = vc_cuda_launch_convert(p->value, p->elements, p->type, p->copy,
									plan->device->stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "converting a parameter");
}

static vc_status
set_value(vc_plan *plan, int index, const float *data, vc_error *error)
{
	vc_status	status = copy_to_device(plan, index, data, plan->parameters[index].value, error);

	if (status == VC_OK)
		status = write_copy(plan, index, error);
	if (status == VC_OK)
		plan->book.set[index] = true;
	plan->stale = true;
	return status;
}

/* Makes Adam's lists of tensors and of their chunks. */
static int
list_tensors(const vc_plan *plan, vc_cuda_tensor *tensors, vc_cuda_chunk *chunks)
{
	int			tensor_count = 0;
	int			chunk_count = 0;

	for (int i = 0; i < plan->network->parameter_count; i++)
	{
		const vc_parameter *p = &plan->network->parameters[i];
		const vc_cuda_parameter *mine = &plan->parameters[i];

		if (mine->m == NULL)
			continue;
		for (int64_t at = 0; at < mine->elements; at += VC_CUDA_ADAM_CHUNK)
			chunks[chunk_count++] = (vc_cuda_chunk) {tensor_count, (int) (at / VC_CUDA_ADAM_CHUNK)};
		tensors[tensor_count++] = (vc_cuda_tensor) {
			.value = mine->value,.gradient = mine->gradient,.m = mine->m,.v = mine->v,
			.copy = mine->copy,.elements = mine->elements,.type = mine->type,
			.group = p->group,.decays = p->role == VC_WEIGHT,
			.always = p->role == VC_NORM_WEIGHT || p->role == VC_NORM_BIAS
		};
	}
	return chunk_count;
}

static vc_status
send_tensors(vc_plan *plan, vc_error *error)
{
	size_t		tensor_bytes = sizeof(vc_cuda_tensor) * (size_t) plan->network->parameter_count;
	size_t		chunk_bytes = sizeof(vc_cuda_chunk) * (size_t) plan->chunk_count;
	vc_cuda_tensor *tensors = calloc(1, tensor_bytes + chunk_bytes);
	vc_cuda_chunk *chunks = (vc_cuda_chunk *) (tensors + plan->network->parameter_count);
	cudaStream_t stream = plan->device->stream;
	cudaError_t status;

	if (tensors == NULL)
		return vc_no_memory(error, tensor_bytes + chunk_bytes);
	plan->chunk_count = list_tensors(plan, tensors, chunks);
	status = cudaMemcpyAsync(plan->tensors, tensors, tensor_bytes, cudaMemcpyHostToDevice, stream);
	if (status == cudaSuccess)
		status = cudaMemcpyAsync(plan->chunks, chunks, chunk_bytes, cudaMemcpyHostToDevice, stream);
	if (status == cudaSuccess)
		status = cudaStreamSynchronize(stream);
	free(tensors);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "listing the parameters");
}

/* Once memory is allocated: sets the constants, and Adam's averages to zero. */
vc_status
vc_cuda_parameters_start(vc_plan *plan, vc_error *error)
{
	vc_status	status = vc_parameters_set_constants(&plan->book, plan, set_value, error);

	if (status == VC_OK && plan->training)
		status = send_tensors(plan, error);
	if (status == VC_OK && plan->training)
		status = vc_cuda_reset_optimizer(plan, error);
	if (plan->type == VC_CUDA_HALF && plan->training)
		plan->loss_scale = 8192;
	return status;
}

vc_status
vc_cuda_set_parameter(vc_plan *plan, int index, const float *data, vc_error *error)
{
	vc_status	status = vc_parameters_check_index(&plan->book, index, error);

	if (status != VC_OK)
		return status;
	vc_cuda_enter(plan->device);
	status = set_value(plan, index, data, error);
	vc_cuda_leave(plan->device);
	return status;
}

/* Copies a tensor to the host, as a call of its own. */
static vc_status
read_tensor(vc_plan *plan, int index, const void *from, vc_cuda_type type, float factor,
			float *data, vc_error *error)
{
	vc_status	status;

	vc_cuda_enter(plan->device);
	status = copy_from_device(plan, index, from, type, factor, data, error);
	vc_cuda_leave(plan->device);
	return status;
}

vc_status
vc_cuda_get_parameter(vc_plan *plan, int index, float *data, vc_error *error)
{
	vc_status	status = vc_parameters_check_read(&plan->book, index, error);

	if (status != VC_OK)
		return status;
	return read_tensor(plan, index, plan->parameters[index].value, VC_CUDA_FLOAT, 1, data, error);
}

vc_status
vc_cuda_get_optimizer(vc_plan *plan, int index, float *m, float *v, vc_error *error)
{
	vc_status	status = vc_parameters_check_optimizer(&plan->book, index, error);

	if (status == VC_OK)
		status = read_tensor(plan, index, plan->parameters[index].m, VC_CUDA_FLOAT, 1, m, error);
	if (status == VC_OK)
		status = read_tensor(plan, index, plan->parameters[index].v, VC_CUDA_FLOAT, 1, v, error);
	return status;
}

vc_status
vc_cuda_set_optimizer(vc_plan *plan, int index, const float *m, const float *v, vc_error *error)
{
	vc_status	status = vc_parameters_check_optimizer(&plan->book, index, error);

	if (status != VC_OK)
		return status;
	vc_cuda_enter(plan->device);
	status = copy_to_device(plan, index, m, plan->parameters[index].m, error);
	if (status == VC_OK)
		status = copy_to_device(plan, index, v, plan->parameters[index].v, error);
	vc_cuda_leave(plan->device);
	return status;
}

vc_status
vc_cuda_reset_optimizer(vc_plan *plan, vc_error *error)
{
	cudaError_t status = cudaSuccess;
	vc_status	checked = vc_parameters_check_training(&plan->book, error);

	if (checked != VC_OK)
		return checked;
	vc_cuda_enter(plan->device);
	for (int i = 0; i < plan->network->parameter_count && status == cudaSuccess; i++)
	{
		const vc_cuda_parameter *p = &plan->parameters[i];
		size_t		bytes = sizeof(float) * (size_t) p->elements;

		if (p->m == NULL)
			continue;
		status = cudaMemsetAsync(p->m, 0, bytes, plan->device->stream);
		if (status == cudaSuccess)
			status = cudaMemsetAsync(p->v, 0, bytes, plan->device->stream);
	}
	vc_cuda_leave(plan->device);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "resetting Adam");
}

vc_status
vc_cuda_get_gradient(vc_plan *plan, int index, float *data, vc_error *error)
{
	const vc_cuda_parameter *p;
	vc_status	status = vc_parameters_check_gradient(&plan->book, index, error);

	if (status != VC_OK)
		return status;
	p = &plan->parameters[index];
	return read_tensor(plan, index, p->gradient, p->type, 1.0f / plan->gradient_scale, data,
					   error);
}

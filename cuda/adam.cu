/*
 * adam.cu
 *		Adam with decoupled weight decay, over all tensors in one launch.
 *
 * Parameters and averages are float32; gradients may be of half precision and
 * scaled.  If a gradient of a step has overflown, nothing changes: the caller
 * lowers the scale and goes backward again.
 */
#include "cuda/element.cuh"

#define THREADS 256

static __device__ __forceinline__ bool
trains(const vc_cuda_tensor &t, const vc_cuda_state *state)
{
	return t.always || t.group >= state->frozen_groups;
}

static __device__ __forceinline__ float
gradient_at(const vc_cuda_tensor &t, int64_t i)
{
	switch (t.type)
	{
		case VC_CUDA_BFLOAT16:
			return to_float(((const __nv_bfloat16 *) t.gradient)[i]);
		case VC_CUDA_HALF:
			return to_float(((const __half *) t.gradient)[i]);
		default:
			return ((const float *) t.gradient)[i];
	}
}

/* Writes the copy that convolutions read, in their precision. */
static __device__ __forceinline__ void
write_copy(const vc_cuda_tensor &t, int64_t i, float value)
{
	if (t.copy == NULL)
		return;
	if (t.type == VC_CUDA_BFLOAT16)
		store(&((__nv_bfloat16 *) t.copy)[i], value);
	else
		store(&((__half *) t.copy)[i], value);
}

static __global__ void
find_overflow_kernel(const vc_cuda_tensor *tensors, const vc_cuda_chunk *chunks,
					 vc_cuda_state *state)
{
	const vc_cuda_tensor &t = tensors[chunks[blockIdx.x].tensor];
	int64_t		first = (int64_t) chunks[blockIdx.x].chunk * VC_CUDA_ADAM_CHUNK;

	if (!trains(t, state))
		return;
	for (int64_t i = first + threadIdx.x;
		 i < first + VC_CUDA_ADAM_CHUNK && i < t.elements; i += THREADS)
		if (!isfinite(gradient_at(t, i)))
			state->overflow = 1;
}

cudaError_t
vc_cuda_launch_find_overflow(const vc_cuda_tensor *tensors, const vc_cuda_chunk *chunks,
							 int chunk_count, vc_cuda_state *state, cudaStream_t stream)
{
	return VC_LAUNCH(find_overflow_kernel, (unsigned) chunk_count, THREADS, stream,
					 tensors, chunks, state);
}

/* device.h states the formulas; the rates in state are divided and corrected already. */
static __global__ void
adam_kernel(const vc_cuda_tensor *tensors, const vc_cuda_chunk *chunks,
			const vc_cuda_state *state)
{
	const vc_cuda_tensor &t = tensors[chunks[blockIdx.x].tensor];
	int64_t		first = (int64_t) chunks[blockIdx.x].chunk * VC_CUDA_ADAM_CHUNK;
	float		rate = state->rate[t.group];
	float		keep = t.decays ? state->keep[t.group] : 1.0f;
	float		unscale = 1.0f / state->loss_scale;

	if (state->overflow || !trains(t, state))
		return;
	for (int64_t i = first + threadIdx.x;
		 i < first + VC_CUDA_ADAM_CHUNK && i < t.elements; i += THREADS)
	{
		float		g = gradient_at(t, i) * unscale;
		float		m = state->beta1 * t.m[i] + (1.0f - state->beta1) * g;
		float		v = state->beta2 * t.v[i] + (1.0f - state->beta2) * g * g;
		float		value = t.value[i] * keep -
			rate * m / (sqrtf(v) * state->correction + state->epsilon);

		t.m[i] = m;
		t.v[i] = v;
		t.value[i] = value;
		write_copy(t, i, value);
	}
}

cudaError_t
vc_cuda_launch_adam(const vc_cuda_tensor *tensors, const vc_cuda_chunk *chunks, int chunk_count,
					const vc_cuda_state *state, cudaStream_t stream)
{
	return VC_LAUNCH(adam_kernel, (unsigned) chunk_count, THREADS, stream, tensors, chunks, state);
}

/*
 * element.cuh
 *		What the kernels' files share: element types, 16-byte accesses, launches.
 */
#ifndef VISCLF_CUDA_ELEMENT_CUH
#define VISCLF_CUDA_ELEMENT_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "cuda/kernel.h"

/* The tests' emulator has a launch of its own. */
#ifndef VC_LAUNCH
#define VC_LAUNCH(kernel, grid, block, stream, ...) \
	(kernel<<<(grid), (block), 0, (stream)>>>(__VA_ARGS__), cudaGetLastError())
#endif

/* A template's instance as one argument of VC_LAUNCH. */
#define VC_KERNEL(...) (__VA_ARGS__)

/* `return call` with T the C++ type of a vc_cuda_type. */
#define VC_FOR_TYPE(type, call) \
	do { \
		if ((type) == VC_CUDA_FLOAT) { typedef float T; return call; } \
		if ((type) == VC_CUDA_BFLOAT16) { typedef __nv_bfloat16 T; return call; } \
		if ((type) == VC_CUDA_HALF) { typedef __half T; return call; } \
		return cudaErrorInvalidValue; \
	} while (0)

static __device__ __forceinline__ float to_float(float x) { return x; }
static __device__ __forceinline__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
static __device__ __forceinline__ float to_float(__half x) { return __half2float(x); }

static __device__ __forceinline__ void store(float *p, float x) { *p = x; }
static __device__ __forceinline__ void store(__nv_bfloat16 *p, float x) { *p = __float2bfloat16(x); }
static __device__ __forceinline__ void store(__half *p, float x) { *p = __float2half(x); }

/* Elements in 16 bytes. */
template <typename T> struct pack
{
	static const int size = 16 / (int) sizeof(T);
};

/* The elements in 16 bytes. */
template <typename T> static __device__ __forceinline__ void
unpack(const uint4 &raw, float (&x)[pack<T>::size])
{
	const T    *element = (const T *) &raw;

#pragma unroll
	for (int i = 0; i < pack<T>::size; i++)
		x[i] = to_float(element[i]);
}

/* Reads 16 bytes of elements. */
template <typename T> static __device__ __forceinline__ void
load_pack(const T *p, float (&x)[pack<T>::size])
{
	const uint4 raw = *(const uint4 *) p;

	unpack<T>(raw, x);
}

/* Reads N floats, 16 bytes at a time. */
template <int N> static __device__ __forceinline__ void
load_floats(const float *p, float (&x)[N])
{
#pragma unroll
	for (int i = 0; i < N; i += 4)
	{
		const float4 four = *(const float4 *) (p + i);

		x[i] = four.x;
		x[i + 1] = four.y;
		x[i + 2] = four.z;
		x[i + 3] = four.w;
	}
}

/* Writes 16 bytes of elements. */
template <typename T> static __device__ __forceinline__ void
store_pack(T *p, const float (&x)[pack<T>::size])
{
	uint4		raw;
	T		   *element = (T *) &raw;

#pragma unroll
	for (int i = 0; i < pack<T>::size; i++)
		store(&element[i], x[i]);
	*(uint4 *) p = raw;
}

/* Adds the elements in 16 bytes to x. */
template <typename T> static __device__ __forceinline__ void
add_raw(const uint4 &raw, float (&x)[pack<T>::size])
{
	float		more[pack<T>::size];

	unpack<T>(raw, more);
#pragma unroll
	for (int i = 0; i < pack<T>::size; i++)
		x[i] += more[i];
}

/* Adds 16 bytes of elements to x; does nothing if p is NULL. */
template <typename T> static __device__ __forceinline__ void
add_pack(const T *p, int64_t at, float (&x)[pack<T>::size])
{
	if (p != NULL)
		add_raw<T>(*(const uint4 *) (p + at), x);
}

/* The number of this thread in a grid of one dimension. */
static __device__ __forceinline__ int64_t
thread_number(void)
{
	return (int64_t) blockIdx.x * blockDim.x + threadIdx.x;
}

/* Number of blocks of `threads` for `work` items. */
static inline unsigned
blocks_for(int64_t work, int threads)
{
	return (unsigned) ((work + threads - 1) / threads);
}

#endif							/* VISCLF_CUDA_ELEMENT_CUH */

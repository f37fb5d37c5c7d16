/*
 * cuda_runtime.h
 *		What kernels need to be compiled as C++ and run without a GPU.
 *
 * A block's threads take turns (emulate_block in block.cpp); a __shared__ variable is a
 * static one, for only one block runs at a time.
 */
#ifndef EMULATE_CUDA_RUNTIME_H
#define EMULATE_CUDA_RUNTIME_H

#include <math.h>
#include <stdint.h>

#include <functional>
#include <tuple>

#include "cuda_runtime_api.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static

struct dim3
{
	unsigned	x, y, z;

	dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

struct alignas(16) uint4
{
	uint32_t	x, y, z, w;
};

struct alignas(16) float4
{
	float		x, y, z, w;
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim;

extern void __syncthreads();

/* Puts work on a stream, or into the graph that is being captured. */
extern void emulate_submit(cudaStream_t stream, std::function<void()> work);

/* Does what a kernel does for every thread of every block. */
extern void emulate_grid(dim3 grid, dim3 block, const std::function<void()> &thread);

/* A launch: the arguments are taken now, the work is done later. */
template <typename... P, typename... A> static cudaError_t
emulate_launch(void (*kernel)(P...), dim3 grid, dim3 block, cudaStream_t stream, A... arguments)
{
	std::tuple<P...> kept(arguments...);

	if (emulate_fails())
		return cudaErrorUnknown;
	emulate_submit(stream, [=]() {
		emulate_grid(grid, block, [&]() { std::apply(kernel, kept); });
	});
	return cudaSuccess;
}

#define VC_LAUNCH(kernel, grid, block, stream, ...) \
	emulate_launch(kernel, (grid), (block), (stream), __VA_ARGS__)

#endif							/* EMULATE_CUDA_RUNTIME_H */

/*
 * elementwise.cu
 *		Relu, addition, dropout, conversion, and folding for inference.
 */
#include "cuda/element.cuh"

#include "engine/support/random.h"

#define THREADS 256

/* Elements at a time of a thread. */
template <typename T> static int64_t
all_packs(int64_t elements)
{
	return elements / pack<T>::size;
}

template <typename T> static __global__ void
relu_kernel(const T *x, int64_t packs, T *y)
{
	const int	size = pack<T>::size;
	int64_t		at = thread_number() * size;
	float		value[size];

	if (thread_number() >= packs)
		return;
	load_pack(x + at, value);
#pragma unroll
	for (int i = 0; i < size; i++)
		value[i] = fmaxf(value[i], 0.0f);
	store_pack(y + at, value);
}

template <typename T> static cudaError_t
launch_relu(const void *x, int64_t elements, void *y, cudaStream_t stream)
{
	int64_t		packs = all_packs<T>(elements);

	return VC_LAUNCH(VC_KERNEL(relu_kernel<T>), blocks_for(packs, THREADS), THREADS, stream,
					 (const T *) x, packs, (T *) y);
}

cudaError_t
vc_cuda_launch_relu(vc_cuda_type type, const void *x, int64_t elements, void *y,
					cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_relu<T>(x, elements, y, stream));
}

template <typename T> static __global__ void
relu_backward_kernel(const T *y, const T *dy, int64_t packs, T *dx)
{
	const int	size = pack<T>::size;
	int64_t		at = thread_number() * size;
	float		value[size],
				gradient[size];

	if (thread_number() >= packs)
		return;
	load_pack(y + at, value);
	load_pack(dy + at, gradient);
#pragma unroll
	for (int i = 0; i < size; i++)
		gradient[i] = value[i] > 0 ? gradient[i] : 0;
	store_pack(dx + at, gradient);
}

template <typename T> static cudaError_t
launch_relu_backward(const void *y, const void *dy, int64_t elements, void *dx,
					 cudaStream_t stream)
{
	int64_t		packs = all_packs<T>(elements);

	return VC_LAUNCH(VC_KERNEL(relu_backward_kernel<T>), blocks_for(packs, THREADS), THREADS,
					 stream, (const T *) y, (const T *) dy, packs, (T *) dx);
}

cudaError_t
vc_cuda_launch_relu_backward(vc_cuda_type type, const void *y, const void *dy, int64_t elements,
							 void *dx, cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_relu_backward<T>(y, dy, elements, dx, stream));
}

template <typename T> static __global__ void
add_kernel(const T *a, const T *b, int64_t packs, T *y)
{
	int64_t		at = thread_number() * pack<T>::size;
	float		value[pack<T>::size];

	if (thread_number() >= packs)
		return;
	load_pack(a + at, value);
	add_pack(b, at, value);
	store_pack(y + at, value);
}

template <typename T> static cudaError_t
launch_add(const void *a, const void *b, int64_t elements, void *y, cudaStream_t stream)
{
	int64_t		packs = all_packs<T>(elements);

	return VC_LAUNCH(VC_KERNEL(add_kernel<T>), blocks_for(packs, THREADS), THREADS, stream,
					 (const T *) a, (const T *) b, packs, (T *) y);
}

cudaError_t
vc_cuda_launch_add(vc_cuda_type type, const void *a, const void *b, int64_t elements, void *y,
				   cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_add<T>(a, b, elements, y, stream));
}

template <typename T> static __global__ void
convert_kernel(const float *x, int64_t elements, T *y)
{
	int64_t		at = thread_number();

	if (at < elements)
		store(&y[at], x[at]);
}

template <typename T> static cudaError_t
launch_convert(const float *x, int64_t elements, void *y, cudaStream_t stream)
{
	return VC_LAUNCH(VC_KERNEL(convert_kernel<T>), blocks_for(elements, THREADS), THREADS, stream,
					 x, elements, (T *) y);
}

cudaError_t
vc_cuda_launch_convert(const float *x, int64_t elements, vc_cuda_type type, void *y,
					   cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_convert<T>(x, elements, y, stream));
}

template <typename T> static __global__ void
epilogue_kernel(T *y, const float *bias, const T *other, bool relu, int64_t packs, int channels)
{
	const int	size = pack<T>::size;
	int64_t		at = thread_number() * size;
	int			channel = (int) (at % channels);
	float		value[size],
				biases[size];

	if (thread_number() >= packs)
		return;
	load_pack(y + at, value);
	load_floats(bias + channel, biases);
#pragma unroll
	for (int i = 0; i < size; i++)
		value[i] += biases[i];
	add_pack(other, at, value);
	if (relu)
#pragma unroll
		for (int i = 0; i < size; i++)
			value[i] = fmaxf(value[i], 0.0f);
	store_pack(y + at, value);
}

template <typename T> static cudaError_t
launch_epilogue(void *y, const float *bias, const void *other, bool relu, int64_t rows,
				int channels, cudaStream_t stream)
{
	int64_t		packs = all_packs<T>(rows * channels);

	return VC_LAUNCH(VC_KERNEL(epilogue_kernel<T>), blocks_for(packs, THREADS), THREADS, stream,
					 (T *) y, bias, (const T *) other, relu, packs, channels);
}

cudaError_t
vc_cuda_launch_epilogue(vc_cuda_type type, void *y, const float *bias, const void *other,
						bool relu, int64_t rows, int channels, cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_epilogue<T>(y, bias, other, relu, rows, channels, stream));
}

/* Rows are images: dropout comes after the pooling. */
template <typename T> static __global__ void
dropout_kernel(const vc_cuda_state *state, int node, float rate, int64_t elements, int channels,
			   const T *x, T *y)
{
	int64_t		at = thread_number();
	int			row = (int) (at / channels);
	int			column = (int) (at % channels);
	float		value = 0;

	if (at >= elements)
		return;
	if (vc_dropout_keep(state->seed, state->step, node, row, column, rate))
		value = to_float(x[at]) / (1.0f - rate);
	store(&y[at], value);
}

template <typename T> static cudaError_t
launch_dropout(const vc_cuda_state *state, int node, float rate, int64_t elements, int channels,
			   const void *x, void *y, cudaStream_t stream)
{
	return VC_LAUNCH(VC_KERNEL(dropout_kernel<T>), blocks_for(elements, THREADS), THREADS, stream,
					 state, node, rate, elements, channels, (const T *) x, (T *) y);
}

cudaError_t
vc_cuda_launch_dropout(vc_cuda_type type, const vc_cuda_state *state, int node, float rate,
					   int64_t rows, int channels, const void *x, void *y, cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_dropout<T>(state, node, rate, rows * channels, channels, x, y, stream));
}

/* One block computes one output: its weights times weight / deviation, and its bias. */
template <typename T> static __global__ void
fold_kernel(const float *weight, vc_cuda_norm norm, int64_t inner, T *folded, float *bias)
{
	int			output = blockIdx.x;
	float		scale = norm.saved[norm.channels + output] * norm.weight[output];

	for (int64_t i = threadIdx.x; i < inner; i += THREADS)
		store(&folded[output * inner + i], weight[output * inner + i] * scale);
	if (threadIdx.x == 0)
		bias[output] = norm.bias[output] - norm.saved[output] * scale;
}

template <typename T> static cudaError_t
launch_fold(const float *weight, const vc_cuda_norm *norm, int outputs, int64_t inner,
			void *folded, float *bias, cudaStream_t stream)
{
	return VC_LAUNCH(VC_KERNEL(fold_kernel<T>), (unsigned) outputs, THREADS, stream,
					 weight, *norm, inner, (T *) folded, bias);
}

cudaError_t
vc_cuda_launch_fold(vc_cuda_type type, const float *weight, const vc_cuda_norm *norm, int outputs,
					int64_t inner, void *folded, float *bias, cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_fold<T>(weight, norm, outputs, inner, folded, bias, stream));
}

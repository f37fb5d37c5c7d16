/*
 * pooling.cu
 *		Max pooling with a kernel, and pooling over whole planes.
 *
 * A max pool records which pixel of each window is the largest (the first of
 * equals).  Backward, each pixel adds up the gradients of the windows that it
 * won.  That needs no atomics, and the sum is always the same.
 */
#include "cuda/element.cuh"

#define THREADS 256

/* Computes 16 bytes of one output pixel. */
template <typename T> static __global__ void
max_pool_kernel(vc_cuda_pool p, const T *x, int64_t packs, T *y, uint8_t *winner)
{
	const int	size = pack<T>::size;
	int64_t		at = thread_number() * size;
	int			channel = (int) (at % p.channels);
	int64_t		pixel = at / p.channels;
	int			left = (int) (pixel % p.out_width) * p.stride - p.padding;
	int			top = (int) (pixel / p.out_width % p.out_height) * p.stride - p.padding;
	int64_t		image = pixel / p.out_width / p.out_height;
	float		best[size];
	uint8_t		which[size];

	if (thread_number() >= packs)
		return;
#pragma unroll
	for (int i = 0; i < size; i++)
	{
		best[i] = -INFINITY;
		which[i] = 0;
	}
	for (int ky = 0; ky < p.kernel; ky++)
		for (int kx = 0; kx < p.kernel; kx++)
		{
			int			h = top + ky;
			int			w = left + kx;
			float		value[size];

			if (h < 0 || h >= p.height || w < 0 || w >= p.width)
				continue;
			load_pack(x + ((image * p.height + h) * p.width + w) * p.channels + channel, value);
#pragma unroll
			for (int i = 0; i < size; i++)
				if (value[i] > best[i])
				{
					best[i] = value[i];
					which[i] = (uint8_t) (ky * p.kernel + kx);
				}
		}
	store_pack(y + at, best);
	if (winner != NULL)
#pragma unroll
		for (int i = 0; i < size; i++)
			winner[at + i] = which[i];
}

template <typename T> static cudaError_t
launch_max_pool(const vc_cuda_pool *p, const void *x, void *y, uint8_t *winner,
				cudaStream_t stream)
{
	int64_t		packs = (int64_t) p->count * p->out_height * p->out_width * p->channels /
		pack<T>::size;

	return VC_LAUNCH(VC_KERNEL(max_pool_kernel<T>), blocks_for(packs, THREADS), THREADS, stream,
					 *p, (const T *) x, packs, (T *) y, winner);
}

cudaError_t
vc_cuda_launch_max_pool(vc_cuda_type type, const vc_cuda_pool *pool, const void *x, void *y,
						uint8_t *winner, cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_max_pool<T>(pool, x, y, winner, stream));
}

/* The first window that reaches a position. */
static __device__ __forceinline__ int
first_window(int position, const vc_cuda_pool &p)
{
	int			least = position + p.padding - p.kernel + 1;

	return least <= 0 ? 0 : (least + p.stride - 1) / p.stride;
}

/* Computes 16 bytes of one input pixel's gradient. */
template <typename T> static __global__ void
max_pool_backward_kernel(vc_cuda_pool p, const T *dy, const uint8_t *winner, int64_t packs, T *dx)
{
	const int	size = pack<T>::size;
	int64_t		at = thread_number() * size;
	int			channel = (int) (at % p.channels);
	int64_t		pixel = at / p.channels;
	int			w = (int) (pixel % p.width);
	int			h = (int) (pixel / p.width % p.height);
	int64_t		image = pixel / p.width / p.height;
	float		sum[size] = {0};

	if (thread_number() >= packs)
		return;
	for (int oh = first_window(h, p); oh < p.out_height && oh * p.stride - p.padding <= h; oh++)
		for (int ow = first_window(w, p); ow < p.out_width && ow * p.stride - p.padding <= w; ow++)
		{
			int64_t		from = ((image * p.out_height + oh) * p.out_width + ow) * p.channels +
				channel;
			int			mine = (h - (oh * p.stride - p.padding)) * p.kernel +
				w - (ow * p.stride - p.padding);
			float		gradient[size];

			load_pack(dy + from, gradient);
#pragma unroll
			for (int i = 0; i < size; i++)
				sum[i] += winner[from + i] == mine ? gradient[i] : 0;
		}
	store_pack(dx + at, sum);
}

template <typename T> static cudaError_t
launch_max_pool_backward(const vc_cuda_pool *p, const void *dy, const uint8_t *winner, void *dx,
						 cudaStream_t stream)
{
	int64_t		packs = (int64_t) p->count * p->height * p->width * p->channels / pack<T>::size;

	return VC_LAUNCH(VC_KERNEL(max_pool_backward_kernel<T>), blocks_for(packs, THREADS), THREADS,
					 stream, *p, (const T *) dy, winner, packs, (T *) dx);
}

cudaError_t
vc_cuda_launch_max_pool_backward(vc_cuda_type type, const vc_cuda_pool *pool, const void *dy,
								 const uint8_t *winner, void *dx, cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_max_pool_backward<T>(pool, dy, winner, dx, stream));
}

/* Computes one channel of one image; threads beyond the real channels write padding. */
template <typename T> static __global__ void
global_pool_kernel(vc_cuda_global_pool p, const T *x, float *y, int32_t *winner)
{
	int			channel = (int) thread_number();
	int			image = blockIdx.y;
	int			filled = p.concat ? 2 * p.real : p.real;
	float		best = -INFINITY;
	float		sum = 0;
	int			which = 0;

	y += (int64_t) image * p.y_channels;
	if (channel >= filled && channel < p.y_channels)
		y[channel] = 0;
	if (channel >= p.real)
		return;
	x += (int64_t) image * p.plane * p.channels + channel;
	for (int i = 0; i < p.plane; i++)
	{
		float		value = to_float(x[(int64_t) i * p.channels]);

		sum += value;
		if (value > best)
		{
			best = value;
			which = i;
		}
	}
	y[p.concat ? p.real + channel : channel] = sum / (float) p.plane;
	if (p.concat)
		y[channel] = best;
	if (winner != NULL)
		winner[(int64_t) image * p.channels + channel] = which;
}

template <typename T> static cudaError_t
launch_global_pool(const vc_cuda_global_pool *p, const void *x, float *y, int32_t *winner,
				   cudaStream_t stream)
{
	return VC_LAUNCH(VC_KERNEL(global_pool_kernel<T>),
					 dim3(blocks_for(p->y_channels, 128), p->count), 128, stream,
					 *p, (const T *) x, y, winner);
}

cudaError_t
vc_cuda_launch_global_pool(vc_cuda_type type, const vc_cuda_global_pool *pool, const void *x,
						   float *y, int32_t *winner, cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_global_pool<T>(pool, x, y, winner, stream));
}

template <typename T> static __global__ void
global_pool_backward_kernel(vc_cuda_global_pool p, const float *dy, const int32_t *winner,
							int64_t elements, T *dx)
{
	int64_t		at = thread_number();
	int			channel = (int) (at % p.channels);
	int			pixel = (int) (at / p.channels % p.plane);
	int64_t		image = at / p.channels / p.plane;
	float		gradient;

	if (at >= elements)
		return;
	if (channel >= p.real)
	{
		store(&dx[at], 0.0f);
		return;
	}
	dy += image * p.y_channels;
	gradient = dy[p.concat ? p.real + channel : channel] / (float) p.plane;
	if (p.concat && winner[image * p.channels + channel] == pixel)
		gradient += dy[channel];
	store(&dx[at], gradient);
}

template <typename T> static cudaError_t
launch_global_pool_backward(const vc_cuda_global_pool *p, const float *dy, const int32_t *winner,
							void *dx, cudaStream_t stream)
{
	int64_t		elements = (int64_t) p->count * p->plane * p->channels;

	return VC_LAUNCH(VC_KERNEL(global_pool_backward_kernel<T>), blocks_for(elements, THREADS),
					 THREADS, stream, *p, dy, winner, elements, (T *) dx);
}

cudaError_t
vc_cuda_launch_global_pool_backward(vc_cuda_type type, const vc_cuda_global_pool *pool,
									const float *dy, const int32_t *winner, void *dx,
									cudaStream_t stream)
{
	VC_FOR_TYPE(type, launch_global_pool_backward<T>(pool, dy, winner, dx, stream));
}

/*
 * norm.cu
 *		Batch norm, with the addition and relu behind it.
 *
 * Sums over the rows of a channel have three stages: each thread sums some
 * rows in float32, each block sums its threads in double, and one last block
 * sums a channel's blocks in double.  A thread sums x minus the channel's
 * first value, so that a mean far from zero costs no digits.
 *
 * All kernels over rows work alike: a thread has 16 bytes of channels, keeps
 * their coefficients in registers, and walks down the rows.  It loads some
 * rows before it uses the first.
 */
#include "engine/network/network.h"
#include "cuda/element.cuh"

#define THREADS		256
#define ROWS		8			/* of a thread, at least */
#define AHEAD		4			/* rows loaded before one is used */
#define BACK_AHEAD	2			/* the same if a row is of several tensors */

/* How a sum over rows is divided. */
typedef struct cut
{
	int			packs;			/* of a row that a block takes: a power of 2 */
	int			columns;		/* blocks across a row */
	int			chunks;			/* blocks down the rows */
	int64_t		chunk_rows;
} cut;

static cut
cut_rows(vc_cuda_type type, int64_t rows, int channels, int multiprocessors)
{
	int			size = type == VC_CUDA_FLOAT ? 4 : 8;
	int			packs = channels / size;
	int64_t		most,
				wanted;
	cut			c = {1, 1, 1, 1};

	while (c.packs < packs && c.packs < 32)
		c.packs *= 2;
	c.columns = (packs + c.packs - 1) / c.packs;
	most = (rows * c.packs + THREADS * ROWS - 1) / (THREADS * ROWS);
	wanted = (4 * multiprocessors + c.columns - 1) / c.columns;
	c.chunks = (int) (most < wanted ? most : wanted);
	c.chunk_rows = (rows + c.chunks - 1) / c.chunks;
	return c;
}

size_t
vc_cuda_norm_partials(vc_cuda_type type, int64_t rows, int channels, int multiprocessors)
{
	cut			c = cut_rows(type, rows, channels, multiprocessors);

	return sizeof(double) * 2 * (size_t) c.chunks * (size_t) channels;
}

/* The rows of a thread, which reads 16 bytes of each, at column. */
typedef struct walk
{
	int64_t		row;			/* the next one */
	int64_t		end;			/* not above row: nothing to do */
	int64_t		step;
	int			channels;
	int			column;
} walk;

template <typename T> static __device__ __forceinline__ walk
walk_rows(const cut &c, int64_t rows, int channels)
{
	walk		w;

	w.step = THREADS / c.packs;
	w.row = blockIdx.y * c.chunk_rows + threadIdx.x / c.packs;
	w.end = (blockIdx.y + 1) * c.chunk_rows;
	if (w.end > rows)
		w.end = rows;
	w.channels = channels;
	w.column = (blockIdx.x * c.packs + threadIdx.x % c.packs) * pack<T>::size;
	if (w.column >= channels)
		w.end = 0;
	return w;
}

/* Address of the thread's 16 bytes in the k-th row from the next one on. */
static __device__ __forceinline__ int64_t
place(const walk &w, int k)
{
	return (w.row + k * w.step) * w.channels + w.column;
}

/* Loads the next rows; rows after the end are zero. */
template <typename T, int N> static __device__ __forceinline__ void
load_rows(const T *x, const walk &w, uint4 (&raw)[N])
{
#pragma unroll
	for (int k = 0; k < N; k++)
		raw[k] = w.row + k * w.step < w.end ? *(const uint4 *) (x + place(w, k)) : uint4();
}

/*
 * Adds up a block's two sums for each channel and writes them to its place in
 * partials[chunk][2][channels].
 */
template <typename T> static __device__ __forceinline__ void
write_partials(const float (&first)[pack<T>::size], const float (&second)[pack<T>::size],
			   int packs, int channels, double *partials)
{
	const int	size = pack<T>::size;
	__shared__ float sums[2][THREADS * 8];
	int			width = packs * size;
	int			base = threadIdx.x * size;

#pragma unroll
	for (int i = 0; i < size; i++)
	{
		sums[0][base + i] = first[i];
		sums[1][base + i] = second[i];
	}
	__syncthreads();
	for (int k = threadIdx.x; k < 2 * width; k += THREADS)
	{
		int			channel = blockIdx.x * width + k % width;
		double		total = 0;

		if (channel >= channels)
			continue;
		for (int row = 0; row < THREADS / packs; row++)
			total += sums[k / width][row * width + k % width];
		partials[((int64_t) blockIdx.y * 2 + k / width) * channels + channel] = total;
	}
}

/* Sums x minus its first value, and the squares of that. */
template <typename T> static __global__ void
sums_kernel(const T *x, int64_t rows, int channels, cut c, double *partials)
{
	const int	size = pack<T>::size;
	float		first[size] = {0};
	float		second[size] = {0};
	float		shift[size];
	walk		w = walk_rows<T>(c, rows, channels);

	if (w.row < w.end)
		load_pack(x + w.column, shift);
	for (; w.row < w.end; w.row += AHEAD * w.step)
	{
		uint4		raw[AHEAD];

		load_rows(x, w, raw);
#pragma unroll
		for (int k = 0; k < AHEAD; k++)
		{
			float		value[size];

			if (w.row + k * w.step >= w.end)
				break;
			unpack<T>(raw[k], value);
#pragma unroll
			for (int i = 0; i < size; i++)
			{
				float		d = value[i] - shift[i];

				first[i] += d;
				second[i] += d * d;
			}
		}
	}
	write_partials<T>(first, second, c.packs, channels, partials);
}

/* Adds up the chunks of a channel's two sums; true in the one thread that has them. */
static __device__ bool
total_sums(const double *partials, int chunks, int channels, int *channel, double total[2])
{
	__shared__ double sums[8][32][2];
	double		first = 0;
	double		second = 0;

	*channel = blockIdx.x * 32 + threadIdx.x;
	if (*channel < channels)
		for (int k = threadIdx.y; k < chunks; k += 8)
		{
			first += partials[(int64_t) k * 2 * channels + *channel];
			second += partials[((int64_t) k * 2 + 1) * channels + *channel];
		}
	sums[threadIdx.y][threadIdx.x][0] = first;
	sums[threadIdx.y][threadIdx.x][1] = second;
	__syncthreads();
	if (threadIdx.y != 0 || *channel >= channels)
		return false;
	total[0] = total[1] = 0;
	for (int k = 0; k < 8; k++)
	{
		total[0] += sums[k][threadIdx.x][0];
		total[1] += sums[k][threadIdx.x][1];
	}
	return true;
}

/* Computes mean and inverse deviation of a channel, and moves the running statistics. */
template <typename T> static __global__ void
statistics_kernel(const T *x, vc_cuda_norm norm, int chunks)
{
	int			channel;
	double		total[2];
	double		count = (double) norm.rows;
	double		mean,
				variance,
				unbiased;

	if (!total_sums(norm.partials, chunks, norm.channels, &channel, total))
		return;
	mean = total[0] / count;
	variance = total[1] / count - mean * mean;
	variance = variance > 0 ? variance : 0;
	mean += to_float(x[channel]);
	unbiased = variance * count / (count - 1);
	norm.saved[channel] = (float) mean;
	norm.saved[norm.channels + channel] = (float) (1.0 / sqrt(variance + (double) VC_NORM_EPSILON));
	if (norm.state->repeated)
		return;
	norm.running_mean[channel] += (float) ((double) VC_NORM_MOMENTUM * (mean - norm.running_mean[channel]));
	norm.running_variance[channel] +=
		(float) ((double) VC_NORM_MOMENTUM * (unbiased - norm.running_variance[channel]));
}

static __global__ void
running_kernel(vc_cuda_norm norm)
{
	int			channel = (int) thread_number();

	if (channel >= norm.channels)
		return;
	norm.saved[channel] = norm.running_mean[channel];
	norm.saved[norm.channels + channel] = 1.0f / sqrtf(norm.running_variance[channel] + VC_NORM_EPSILON);
}

/* The coefficients of a thread's channels. */
template <typename T> struct channel_terms
{
	float		mean[pack<T>::size];
	float		scale[pack<T>::size];	/* inverse * weight */
	float		bias[pack<T>::size];
};

template <typename T> static __device__ __forceinline__ void
load_terms(const vc_cuda_norm &norm, int column, channel_terms<T> &t)
{
	float		weight[pack<T>::size];

	load_floats(norm.saved + column, t.mean);
	load_floats(norm.saved + norm.channels + column, t.scale);
	load_floats(norm.weight + column, weight);
	load_floats(norm.bias + column, t.bias);
#pragma unroll
	for (int i = 0; i < pack<T>::size; i++)
		t.scale[i] *= weight[i];
}

/* y = relu((x - mean) * inverse * weight + bias + other). */
template <typename T> static __global__ void
apply_kernel(const T *x, const T *other, vc_cuda_norm norm, bool relu, cut c, T *y)
{
	const int	size = pack<T>::size;
	walk		w = walk_rows<T>(c, norm.rows, norm.channels);
	channel_terms<T> t;

	if (w.row < w.end)
		load_terms<T>(norm, w.column, t);
	for (; w.row < w.end; w.row += AHEAD * w.step)
	{
		uint4		raw[AHEAD];
		uint4		more[AHEAD];

		load_rows(x, w, raw);
		if (other != NULL)
			load_rows(other, w, more);
#pragma unroll
		for (int k = 0; k < AHEAD; k++)
		{
			float		value[size];

			if (w.row + k * w.step >= w.end)
				break;
			unpack<T>(raw[k], value);
#pragma unroll
			for (int i = 0; i < size; i++)
				value[i] = (value[i] - t.mean[i]) * t.scale[i] + t.bias[i];
			if (other != NULL)
				add_raw<T>(more[k], value);
#pragma unroll
			for (int i = 0; i < size; i++)
				value[i] = relu ? fmaxf(value[i], 0.0f) : value[i];
			store_pack(y + place(w, k), value);
		}
	}
}

/* What backward's kernels read. */
template <typename T> struct backward
{
	const T    *x;
	const T    *y;				/* NULL: relu's sign is computed from x */
	const T    *dy;
	const T    *dy2;			/* a second part of the gradient, or NULL */
	vc_cuda_norm norm;
	bool		relu;
};

/* The next rows of all that backward reads. */
template <typename T> struct backward_rows
{
	uint4		x[BACK_AHEAD];
	uint4		y[BACK_AHEAD];
	uint4		dy[BACK_AHEAD];
	uint4		dy2[BACK_AHEAD];
};

template <typename T> static __device__ __forceinline__ void
load_backward(const backward<T> &b, const walk &w, backward_rows<T> &r)
{
	load_rows(b.dy, w, r.dy);
	load_rows(b.x, w, r.x);
	if (b.dy2 != NULL)
		load_rows(b.dy2, w, r.dy2);
	if (b.y != NULL)
		load_rows(b.y, w, r.y);
}

/* The gradient behind batch norm and addition, and the centred x, of a row. */
template <typename T> static __device__ __forceinline__ void
find_gradient(const backward<T> &b, const backward_rows<T> &r, int k, const channel_terms<T> &t,
			  float (&gradient)[pack<T>::size], float (&centred)[pack<T>::size])
{
	const int	size = pack<T>::size;

	unpack<T>(r.dy[k], gradient);
	if (b.dy2 != NULL)
		add_raw<T>(r.dy2[k], gradient);
	unpack<T>(r.x[k], centred);
#pragma unroll
	for (int i = 0; i < size; i++)
		centred[i] -= t.mean[i];
	if (!b.relu)
		return;
	if (b.y != NULL)
	{
		float		y[size];

		unpack<T>(r.y[k], y);
#pragma unroll
		for (int i = 0; i < size; i++)
			gradient[i] = y[i] > 0 ? gradient[i] : 0;
		return;
	}
#pragma unroll
	for (int i = 0; i < size; i++)
		if (!(centred[i] * t.scale[i] + t.bias[i] > 0))
			gradient[i] = 0;
}

/* Sums of the gradient, and of the gradient times the centred x. */
template <typename T> static __global__ void
backward_sums_kernel(backward<T> b, cut c)
{
	const int	size = pack<T>::size;
	float		first[size] = {0};
	float		second[size] = {0};
	walk		w = walk_rows<T>(c, b.norm.rows, b.norm.channels);
	channel_terms<T> t;

	if (w.row < w.end)
		load_terms<T>(b.norm, w.column, t);
	for (; w.row < w.end; w.row += BACK_AHEAD * w.step)
	{
		backward_rows<T> r;

		load_backward(b, w, r);
#pragma unroll
		for (int k = 0; k < BACK_AHEAD; k++)
		{
			float		gradient[size],
						centred[size];

			if (w.row + k * w.step >= w.end)
				break;
			find_gradient(b, r, k, t, gradient, centred);
#pragma unroll
			for (int i = 0; i < size; i++)
			{
				first[i] += gradient[i];
				second[i] += gradient[i] * centred[i];
			}
		}
	}
	write_partials<T>(first, second, c.packs, b.norm.channels, b.norm.partials);
}

/* The gradients of weight and bias, and the means that dx needs. */
static __global__ void
backward_finish_kernel(vc_cuda_norm norm, int chunks, float *dweight, float *dbias)
{
	int			channel;
	double		total[2];
	double		inverse;

	if (!total_sums(norm.partials, chunks, norm.channels, &channel, total))
		return;
	inverse = norm.saved[norm.channels + channel];
	dbias[channel] = (float) total[0];
	dweight[channel] = (float) (total[1] * inverse);
	norm.terms[channel] = (float) (total[0] / (double) norm.rows);
	norm.terms[norm.channels + channel] =
		(float) (total[1] * inverse * inverse / (double) norm.rows);
}

/* dx = weight * inverse * (g - mean(g) - centred * mean(g * centred) * inverse^2). */
template <typename T> static __global__ void
backward_apply_kernel(backward<T> b, cut c, T *dx, T *dother)
{
	const int	size = pack<T>::size;
	walk		w = walk_rows<T>(c, b.norm.rows, b.norm.channels);
	channel_terms<T> t;
	float		mean[size],
				slope[size];

	if (w.row < w.end)
	{
		load_terms<T>(b.norm, w.column, t);
		load_floats(b.norm.terms + w.column, mean);
		load_floats(b.norm.terms + b.norm.channels + w.column, slope);
	}
	for (; w.row < w.end; w.row += BACK_AHEAD * w.step)
	{
		backward_rows<T> r;

		load_backward(b, w, r);
#pragma unroll
		for (int k = 0; k < BACK_AHEAD; k++)
		{
			float		gradient[size],
						centred[size];

			if (w.row + k * w.step >= w.end)
				break;
			find_gradient(b, r, k, t, gradient, centred);
			if (dother != NULL)
				store_pack(dother + place(w, k), gradient);
			if (dx == NULL)
				continue;
#pragma unroll
			for (int i = 0; i < size; i++)
				gradient[i] = (gradient[i] - mean[i] - centred[i] * slope[i]) * t.scale[i];
			store_pack(dx + place(w, k), gradient);
		}
	}
}

template <typename T> static cudaError_t
launch_statistics(const vc_cuda_norm *norm, const void *x, cudaStream_t stream)
{
	cut			c = cut_rows(norm->type, norm->rows, norm->channels, norm->multiprocessors);
	cudaError_t status = VC_LAUNCH(VC_KERNEL(sums_kernel<T>), dim3(c.columns, c.chunks), THREADS,
								   stream, (const T *) x, norm->rows, norm->channels, c,
								   norm->partials);

	if (status != cudaSuccess)
		return status;
	return VC_LAUNCH(VC_KERNEL(statistics_kernel<T>), blocks_for(norm->channels, 32), dim3(32, 8),
					 stream, (const T *) x, *norm, c.chunks);
}

cudaError_t
vc_cuda_launch_norm_statistics(const vc_cuda_norm *norm, const void *x, cudaStream_t stream)
{
	VC_FOR_TYPE(norm->type, launch_statistics<T>(norm, x, stream));
}

cudaError_t
vc_cuda_launch_norm_running(const vc_cuda_norm *norm, cudaStream_t stream)
{
	return VC_LAUNCH(running_kernel, blocks_for(norm->channels, 128), 128, stream, *norm);
}

template <typename T> static cudaError_t
launch_apply(const vc_cuda_norm *norm, const void *x, const void *other, bool relu, void *y,
			 cudaStream_t stream)
{
	cut			c = cut_rows(norm->type, norm->rows, norm->channels, norm->multiprocessors);

	return VC_LAUNCH(VC_KERNEL(apply_kernel<T>), dim3(c.columns, c.chunks), THREADS, stream,
					 (const T *) x, (const T *) other, *norm, relu, c, (T *) y);
}

cudaError_t
vc_cuda_launch_norm_apply(const vc_cuda_norm *norm, const void *x, const void *other, bool relu,
						  void *y, cudaStream_t stream)
{
	VC_FOR_TYPE(norm->type, launch_apply<T>(norm, x, other, relu, y, stream));
}

template <typename T> static cudaError_t
launch_backward(const vc_cuda_norm *norm, const void *x, const void *y, bool relu, const void *dy,
				const void *dy2, float *dweight, float *dbias, void *dx, void *dother,
				cudaStream_t stream)
{
	cut			c = cut_rows(norm->type, norm->rows, norm->channels, norm->multiprocessors);
	backward<T> b = {(const T *) x, (const T *) y, (const T *) dy, (const T *) dy2, *norm, relu};
	cudaError_t status = VC_LAUNCH(VC_KERNEL(backward_sums_kernel<T>), dim3(c.columns, c.chunks),
								   THREADS, stream, b, c);

	if (status == cudaSuccess)
		status = VC_LAUNCH(backward_finish_kernel, blocks_for(norm->channels, 32), dim3(32, 8),
						   stream, *norm, c.chunks, dweight, dbias);
	if (status != cudaSuccess || (dx == NULL && dother == NULL))
		return status;
	return VC_LAUNCH(VC_KERNEL(backward_apply_kernel<T>), dim3(c.columns, c.chunks), THREADS,
					 stream, b, c, (T *) dx, (T *) dother);
}

cudaError_t
vc_cuda_launch_norm_backward(const vc_cuda_norm *norm, const void *x, const void *y, bool relu,
							 const void *dy, const void *dy2, float *dweight, float *dbias,
							 void *dx, void *dother, cudaStream_t stream)
{
	VC_FOR_TYPE(norm->type, launch_backward<T>(norm, x, y, relu, dy, dy2, dweight, dbias, dx,
											   dother, stream));
}

/*
 * loss.cu
 *		The losses of vc_targets, and their gradients with respect to the
 *		logits.
 *
 * Each block computes one image; then one block adds up the images' losses.
 */
#include "cuda/element.cuh"

#define THREADS 128

/* Combines a value of every thread of the block; all get the result. */
template <typename F> static __device__ __forceinline__ double
reduce(double value, F combine)
{
	__shared__ double values[THREADS];
	double		result;

	values[threadIdx.x] = value;
	__syncthreads();
	for (int half = THREADS / 2; half > 0; half /= 2)
	{
		if ((int) threadIdx.x < half)
			values[threadIdx.x] = combine(values[threadIdx.x], values[threadIdx.x + half]);
		__syncthreads();
	}
	result = values[0];
	__syncthreads();
	return result;
}

struct larger
{
	__device__ double operator()(double a, double b) const { return a > b ? a : b; }
};

struct sum
{
	__device__ double operator()(double a, double b) const { return a + b; }
};

/* Cross entropy of the softmax; gradient (softmax - 1(label)) * share. */
static __device__ double
cross_entropy(const vc_cuda_loss &l, const float *logits, float *gradient)
{
	int			label = l.labels[blockIdx.x];
	float		share = l.shares[blockIdx.x];
	float		scale = share * l.state->loss_scale;
	double		own = -INFINITY;
	double		largest,
				total;

	for (int c = threadIdx.x; c < l.classes; c += THREADS)
		own = logits[c] > own ? logits[c] : own;
	largest = reduce(own, larger());
	own = 0;
	for (int c = threadIdx.x; c < l.classes; c += THREADS)
	{
		gradient[c] = expf(logits[c] - (float) largest);
		own += gradient[c];
	}
	total = reduce(own, sum());
	for (int c = threadIdx.x; c < l.classes; c += THREADS)
		gradient[c] = ((float) (gradient[c] / total) - (c == label ? 1.0f : 0.0f)) * scale;
	return (log(total) + largest - logits[label]) * share;
}

/* Binary cross entropy of the sigmoids, summed over the classes. */
static __device__ double
binary_cross_entropy(const vc_cuda_loss &l, const float *logits, float *gradient)
{
	const uint8_t *members = l.members + (int64_t) blockIdx.x * l.classes;
	float		share = l.shares[blockIdx.x];
	double		own = 0;

	for (int c = threadIdx.x; c < l.classes; c += THREADS)
	{
		float		x = logits[c];
		float		small = expf(-fabsf(x));
		float		sigmoid = (x < 0 ? small : 1.0f) / (1.0f + small);
		float		rest = (x < 0 ? 1.0f : small) / (1.0f + small);
		float		weight = l.class_weights != NULL ? l.class_weights[c] : 1.0f;
		float		carried = members[c] ? weight : 0.0f;
		float		missing = members[c] ? 0.0f : 1.0f;

		own += carried * (fmaxf(-x, 0.0f) + log1pf(small)) +
			missing * (fmaxf(x, 0.0f) + log1pf(small));
		gradient[c] = (missing * sigmoid - carried * rest) * share * l.state->loss_scale;
	}
	return reduce(own, sum()) * share;
}

static __global__ void
image_kernel(vc_cuda_loss l)
{
	const float *logits = l.logits + (int64_t) blockIdx.x * l.stride;
	float	   *gradient = l.gradient + (int64_t) blockIdx.x * l.stride;
	double		loss = l.labels != NULL ? cross_entropy(l, logits, gradient)
		: binary_cross_entropy(l, logits, gradient);

	for (int c = l.classes + threadIdx.x; c < l.stride; c += THREADS)
		gradient[c] = 0;
	if (threadIdx.x == 0)
		l.losses[blockIdx.x] = loss;
}

static __global__ void
total_kernel(vc_cuda_loss l)
{
	double		own = 0;
	double		total;

	for (int i = threadIdx.x; i < l.count; i += THREADS)
		own += l.losses[i];
	total = reduce(own, sum());
	if (threadIdx.x == 0)
		l.state->loss = (float) total;
}

cudaError_t
vc_cuda_launch_loss(const vc_cuda_loss *loss, cudaStream_t stream)
{
	cudaError_t status = VC_LAUNCH(image_kernel, (unsigned) loss->count, THREADS, stream, *loss);

	if (status != cudaSuccess)
		return status;
	return VC_LAUNCH(total_kernel, 1, THREADS, stream, *loss);
}

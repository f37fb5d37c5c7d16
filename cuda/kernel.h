/*
 * kernel.h
 *		The device's own kernels, as functions that put them on a stream.
 *
 * Activations are [rows][channels]: rows are images times pixels (N, H, W),
 * channels are padded with zeros to a multiple of VC_CUDA_CHANNELS (the
 * input's to 16 bytes), so that 16 bytes always hold whole groups of
 * channels.  Every kernel keeps that padding zero.  Pointers are device
 * memory aligned to 16 bytes.  The order of sums depends only on the shapes:
 * the same call gives the same bits.
 *
 * The functions return the status of the launch.  If a function takes a
 * `vc_cuda_type`, its pointers to void are of that type.
 */
#ifndef VISCLF_CUDA_KERNEL_H
#define VISCLF_CUDA_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C"
{
#endif

#define VC_CUDA_CHANNELS		8
#define VC_CUDA_GROUPS			3	/* VC_GROUPS */
#define VC_CUDA_ADAM_CHUNK		4096	/* elements of a tensor that a block takes */

typedef enum vc_cuda_type
{
	VC_CUDA_FLOAT,
	VC_CUDA_BFLOAT16,
	VC_CUDA_HALF
} vc_cuda_type;

/*
 * Channels of the input in memory: 16 bytes of them.  In half precision cuDNN
 * would pad fewer itself, in a workspace larger than the images.
 */
static inline int
vc_cuda_input_channels(vc_cuda_type type)
{
	return type == VC_CUDA_FLOAT ? 4 : 8;
}

/* What changes from call to call; in device memory, read by the kernels. */
typedef struct vc_cuda_state
{
	const uint8_t *images;		/* [..][size][size][3] */
	uint64_t	seed;
	int64_t		step;
	float		rate[VC_CUDA_GROUPS];	/* divided by 1 - beta1^t */
	float		keep[VC_CUDA_GROUPS];	/* 1 - rate * weight decay */
	float		beta1;
	float		beta2;
	float		correction;		/* 1 / sqrt(1 - beta2^t) */
	float		epsilon;
	float		loss_scale;		/* gradients are this much larger; a power of 2 */
	int			frozen_groups;
	int			repeated;		/* the step runs again: statistics have moved */
	int			overflow;		/* set where a scaled gradient is not finite */
	float		loss;
} vc_cuda_state;

/* A parameter that trains, for Adam. */
typedef struct vc_cuda_tensor
{
	float	   *value;
	void	   *gradient;
	float	   *m;
	float	   *v;
	void	   *copy;			/* the value as convolutions read it, or NULL */
	int64_t		elements;
	vc_cuda_type type;			/* of gradient and copy */
	int			group;
	int			decays;			/* a weight */
	int			always;			/* batch norm: trains in frozen groups too */
} vc_cuda_tensor;

/* The part of a tensor that one block takes. */
typedef struct vc_cuda_chunk
{
	int			tensor;
	int			chunk;
} vc_cuda_chunk;

/* input.cu: bytes of the rows named by state->images and rows[count] -> y. */
typedef struct vc_cuda_colors
{
	float		mean[3];
	float		inverse_std[3];
} vc_cuda_colors;

extern cudaError_t vc_cuda_launch_input(vc_cuda_type type, const vc_cuda_state *state,
										const int64_t *rows, int count, int size,
										vc_cuda_colors colors, void *y, cudaStream_t stream);

/*
 * norm.cu: batch norm.  saved[2][channels] are mean and inverse deviation,
 * terms[2][channels] backward's two means, partials at least
 * vc_cuda_norm_partials(...) bytes.
 */
typedef struct vc_cuda_norm
{
	vc_cuda_type type;
	int64_t		rows;
	int			channels;		/* padded */
	int			multiprocessors;
	const vc_cuda_state *state;
	const float *weight;
	const float *bias;
	float	   *running_mean;
	float	   *running_variance;
	float	   *saved;
	float	   *terms;
	double	   *partials;
} vc_cuda_norm;

extern size_t vc_cuda_norm_partials(vc_cuda_type type, int64_t rows, int channels,
									int multiprocessors);

/* Fills saved from x and moves the running statistics. */
extern cudaError_t vc_cuda_launch_norm_statistics(const vc_cuda_norm *norm, const void *x,
												  cudaStream_t stream);

/* Fills saved from the running statistics. */
extern cudaError_t vc_cuda_launch_norm_running(const vc_cuda_norm *norm, cudaStream_t stream);

/* y = relu(norm(x) + other); other may be NULL, relu is optional. */
extern cudaError_t vc_cuda_launch_norm_apply(const vc_cuda_norm *norm, const void *x,
											 const void *other, bool relu, void *y,
											 cudaStream_t stream);

/*
 * Computes the gradients of weight and bias, of x and of other from dy + dy2
 * (dy2 may be NULL). dx and dother may be NULL, and may be dy. y is read only
 * if a relu follows an addition, and is NULL otherwise.
 */
extern cudaError_t vc_cuda_launch_norm_backward(const vc_cuda_norm *norm, const void *x,
												const void *y, bool relu, const void *dy,
												const void *dy2, float *dweight, float *dbias,
												void *dx, void *dother, cudaStream_t stream);

/* elementwise.cu: elements fill 16 bytes. */
extern cudaError_t vc_cuda_launch_relu(vc_cuda_type type, const void *x, int64_t elements,
									   void *y, cudaStream_t stream);
extern cudaError_t vc_cuda_launch_relu_backward(vc_cuda_type type, const void *y, const void *dy,
												int64_t elements, void *dx, cudaStream_t stream);
extern cudaError_t vc_cuda_launch_add(vc_cuda_type type, const void *a, const void *b,
									  int64_t elements, void *y, cudaStream_t stream);
extern cudaError_t vc_cuda_launch_convert(const float *x, int64_t elements, vc_cuda_type type,
										  void *y, cudaStream_t stream);

/* y = relu(x + bias + other), in place; other may be NULL, relu is optional. */
extern cudaError_t vc_cuda_launch_epilogue(vc_cuda_type type, void *y, const float *bias,
										   const void *other, bool relu, int64_t rows,
										   int channels, cudaStream_t stream);

/* Dropout of node `node`: forward and, with gradients, backward. */
extern cudaError_t vc_cuda_launch_dropout(vc_cuda_type type, const vc_cuda_state *state, int node,
										  float rate, int64_t rows, int channels, const void *x,
										  void *y, cudaStream_t stream);

/* weight[outputs][inner] and a batch norm -> folded weights of type, and bias. */
extern cudaError_t vc_cuda_launch_fold(vc_cuda_type type, const float *weight,
									   const vc_cuda_norm *norm, int outputs, int64_t inner,
									   void *folded, float *bias, cudaStream_t stream);

/* pooling.cu */
typedef struct vc_cuda_pool
{
	int			count;
	int			channels;		/* padded */
	int			height;			/* of the input */
	int			width;
	int			out_height;
	int			out_width;
	int			kernel;
	int			stride;
	int			padding;
} vc_cuda_pool;

/* winner: which pixel of each window was the largest; may be NULL. */
extern cudaError_t vc_cuda_launch_max_pool(vc_cuda_type type, const vc_cuda_pool *pool,
										   const void *x, void *y, uint8_t *winner,
										   cudaStream_t stream);
extern cudaError_t vc_cuda_launch_max_pool_backward(vc_cuda_type type, const vc_cuda_pool *pool,
													const void *dy, const uint8_t *winner,
													void *dx, cudaStream_t stream);

/*
 * Over whole planes: x[count][plane][channels] -> y[count][y_channels], the
 * maximum of the first `real` channels and then their average, or the average
 * alone if concat is false.
 */
typedef struct vc_cuda_global_pool
{
	int			count;
	int			plane;
	int			channels;		/* padded */
	int			real;			/* not padded */
	int			y_channels;		/* padded */
	bool		concat;
} vc_cuda_global_pool;

extern cudaError_t vc_cuda_launch_global_pool(vc_cuda_type type, const vc_cuda_global_pool *pool,
											  const void *x, float *y, int32_t *winner,
											  cudaStream_t stream);
extern cudaError_t vc_cuda_launch_global_pool_backward(vc_cuda_type type,
													   const vc_cuda_global_pool *pool,
													   const float *dy, const int32_t *winner,
													   void *dx, cudaStream_t stream);

/* linear.cu: c[m][n] = a b + bias, a is [m][k] or, transposed, [k][m]. */
typedef struct vc_cuda_product
{
	int			m;
	int			n;
	int			k;
	bool		transpose_a;
	bool		transpose_b;	/* b is [n][k] */
	const float *a;
	const float *b;
	const float *bias;			/* [n], or NULL */
	float	   *c;
} vc_cuda_product;

extern cudaError_t vc_cuda_launch_product(const vc_cuda_product *product, cudaStream_t stream);
extern cudaError_t vc_cuda_launch_column_sums(const float *x, int rows, int columns, float *sums,
											  cudaStream_t stream);

/*
 * loss.cu: the losses of vc_targets. logits[count][stride]; shares[count] are
 * the images' weights in the mean. gradient is scaled by state's loss_scale;
 * the loss goes to state->loss.
 */
typedef struct vc_cuda_loss
{
	vc_cuda_state *state;
	const float *logits;
	int			count;
	int			classes;
	int			stride;
	const int32_t *labels;		/* one class each, or */
	const uint8_t *members;		/* [count][classes] */
	const float *shares;
	const float *class_weights; /* for members: weights of the classes that an image has, or NULL */
	float	   *gradient;
	double	   *losses;			/* [count] */
} vc_cuda_loss;

extern cudaError_t vc_cuda_launch_loss(const vc_cuda_loss *loss, cudaStream_t stream);

/* adam.cu: over all tensors at once; blocks[block_count] cuts them up. */
extern cudaError_t vc_cuda_launch_find_overflow(const vc_cuda_tensor *tensors,
												const vc_cuda_chunk *chunks, int chunk_count,
												vc_cuda_state *state, cudaStream_t stream);
extern cudaError_t vc_cuda_launch_adam(const vc_cuda_tensor *tensors, const vc_cuda_chunk *chunks,
									   int chunk_count, const vc_cuda_state *state,
									   cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif							/* VISCLF_CUDA_KERNEL_H */

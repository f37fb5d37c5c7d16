/*
 * convolution.h
 *		Convolutions: all that the rest of the device knows of cuDNN.
 *
 * A problem is a convolution at one batch size in one direction; an engine is
 * how the library solves it, chosen once and kept until the library is
 * closed.  Tensors are N, H, W, C with channels padded (kernel.h); weights are
 * output, row, column, input; sums are made in float32.
 */
#ifndef VISCLF_CUDA_CONVOLUTION_H
#define VISCLF_CUDA_CONVOLUTION_H

#include "engine/support/status.h"
#include "cuda/kernel.h"

typedef enum vc_cuda_direction
{
	VC_CUDA_FORWARD,			/* y from x and w */
	VC_CUDA_BACKWARD_DATA,		/* x's gradient from y's and w */
	VC_CUDA_BACKWARD_WEIGHTS,	/* w's gradient from x and y's */
	VC_CUDA_DIRECTIONS
} vc_cuda_direction;

/* All ints: it is compared as bytes. */
typedef struct vc_cuda_problem
{
	int			direction;
	int			type;			/* vc_cuda_type of x, w and y */
	int			rounds;			/* float32: may be rounded to TF32 */
	int			measured;		/* the fastest of some; else the first */
	int			count;
	int			channels;		/* of the input */
	int			height;
	int			width;
	int			out_channels;
	int			out_height;
	int			out_width;
	int			kernel;
	int			stride;
	int			padding;
	int			fused;			/* forward: y = relu(convolution + bias + other) */
	int			adds;			/* fused: there is another operand */
	int			relu;			/* fused: there is a relu */
} vc_cuda_problem;

/* Device memory: tensors, or their gradients if the direction says so. */
typedef struct vc_cuda_operands
{
	void	   *x;
	void	   *w;
	void	   *y;
	const float *bias;			/* fused: [out_channels] */
	const void *other;			/* fused, adds: like y */
	void	   *workspace;
} vc_cuda_operands;

/* Polled while engines are tried: any status but VC_OK ends the search. */
typedef struct vc_cuda_interrupt
{
	vc_status	(*poll) (void *argument, vc_error *error);
	void	   *argument;
} vc_cuda_interrupt;

typedef struct vc_cuda_library vc_cuda_library;
typedef struct vc_cuda_engine vc_cuda_engine;

/* Checks that all of cuDNN is installed; VC_UNSUPPORTED says what is missing. */
extern vc_status vc_cuda_library_check(vc_error *error);

/* Gives the name "cuDNN 9.19.0"; call it after the check. */
extern vc_status vc_cuda_library_name(char *name, size_t size, vc_error *error);

/* Opens cuDNN for one stream of the current device. */
extern vc_status vc_cuda_library_open(cudaStream_t stream, vc_cuda_library **library,
									  vc_error *error);
extern void vc_cuda_library_close(vc_cuda_library *library);

/*
 * Finds the engine of a problem.  Measuring overwrites what the direction
 * computes.  If a fused problem has no engine, *engine is NULL, which is not
 * an error.  Do not call it while the stream is captured.
 */
extern vc_status vc_cuda_engine_find(vc_cuda_library *library, const vc_cuda_problem *problem,
									 const vc_cuda_operands *operands,
									 const vc_cuda_interrupt *interrupt,
									 vc_cuda_engine **engine, vc_error *error);

/* Bytes that the engine needs at operands->workspace, aligned to 256. */
extern size_t vc_cuda_engine_workspace(const vc_cuda_engine *engine);

/* Puts the convolution on the library's stream. */
extern vc_status vc_cuda_engine_run(vc_cuda_library *library, const vc_cuda_engine *engine,
									const vc_cuda_operands *operands, vc_error *error);

#endif							/* VISCLF_CUDA_CONVOLUTION_H */

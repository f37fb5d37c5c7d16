/*
 * cudnn_private.h
 *		What the files that call cuDNN share.
 *
 * cuDNN 9's graph API: descriptors are made, given attributes and finalized;
 * a graph of operations on tensors is asked for engine configurations, and
 * one of these makes an execution plan, which runs on a variant pack of
 * pointers.  Finalizing copies what a descriptor refers to, so the parts of a
 * finished plan may be destroyed.
 */
#ifndef VISCLF_CUDNN_PRIVATE_H
#define VISCLF_CUDNN_PRIVATE_H

#include <cudnn.h>

#include "cuda/convolution.h"
#include "cuda/report.h"

/* The tensors of a problem: their numbers in a variant pack. */
enum
{
	VC_CUDNN_X = 1,
	VC_CUDNN_W,
	VC_CUDNN_Y,
	VC_CUDNN_BIAS,
	VC_CUDNN_OTHER,
	VC_CUDNN_PRODUCT,			/* between operations: no memory */
	VC_CUDNN_BIASED,
	VC_CUDNN_SUM
};

struct vc_cuda_library
{
	cudnnHandle_t handle;
	cudaStream_t stream;

	/* Tests make plans without a GPU: then the handle is NULL, and this describes a GPU. */
	cudnnBackendDescriptor_t properties;

	/*
	 * Numbers of engines' plans: those finalized; those of them that had to
	 * be compiled; those chosen that use no tensor cores though some could.
	 */
	int			plans_made;
	int			plans_compiled;
	int			plans_slow;
	struct vc_cuda_engine *engines; /* a list */
};

struct vc_cuda_engine
{
	vc_cuda_problem problem;
	cudnnBackendDescriptor_t plan;	/* NULL: a fused problem that has none */
	size_t		workspace;
	struct vc_cuda_engine *next;
};

/* cudnn_run.c: reports which call of cuDNN failed, and how. */
extern vc_status vc_cudnn_failed(vc_error *error, cudnnStatus_t status, const char *what);

/* cudnn_library.c: loads all of cuDNN that planning needs; VC_UNSUPPORTED. */
extern vc_status vc_cudnn_load(vc_error *error);

/* cudnn_graph.c: the operations of a problem; *graph is finalized. */
extern cudnnStatus_t vc_cudnn_graph(const vc_cuda_library *library, const vc_cuda_problem *problem,
									cudnnBackendDescriptor_t *graph);
extern void vc_cudnn_destroy(cudnnBackendDescriptor_t descriptor);

/* "a convolution of 64 x 56 x 56 to 64 by 3 x 3, stride 1 (forward, 32 images)" */
extern void vc_cudnn_problem_name(const vc_cuda_problem *problem, char *name, size_t size);

/*
 * cudnn_choice.c: the plan that solves a problem.  If a fused problem has no
 * plan, *plan is NULL, which is not an error.
 */
extern vc_status vc_cudnn_choose(vc_cuda_library *library, const vc_cuda_problem *problem,
								 const vc_cuda_operands *operands,
								 const vc_cuda_interrupt *interrupt,
								 cudnnBackendDescriptor_t *plan, vc_error *error);

/* cudnn_run.c: a plan's workspace in bytes; runs a plan. */
extern size_t vc_cudnn_workspace(cudnnBackendDescriptor_t plan);
extern cudnnStatus_t vc_cudnn_execute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
									  const vc_cuda_problem *problem,
									  const vc_cuda_operands *operands);

#endif							/* VISCLF_CUDNN_PRIVATE_H */

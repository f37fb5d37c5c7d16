/*
 * cudnn_run.c
 *		Running a plan of cuDNN, and describing it and its failures.
 */
#include <stdio.h>

#include "cuda/cudnn_private.h"

vc_status
vc_cudnn_failed(vc_error *error, cudnnStatus_t status, const char *what)
{
	char		detail[160] = "";

	cudnnGetLastErrorString(detail, sizeof(detail));
	if (status == CUDNN_STATUS_ALLOC_FAILED)
		return vc_fail(error, VC_OUT_OF_MEMORY, "out of memory in cuDNN: %s", what);
	return vc_fail(error, VC_DEVICE_ERROR, "cuDNN failed with %s: %s%s%s",
				   cudnnGetErrorString(status), what, detail[0] != '\0' ? "; " : "", detail);
}

static const char *
direction_name(int direction)
{
	return direction == VC_CUDA_FORWARD ? "forward" :
		direction == VC_CUDA_BACKWARD_DATA ? "gradient of the input" : "gradient of the weights";
}

void
vc_cudnn_problem_name(const vc_cuda_problem *p, char *name, size_t size)
{
	snprintf(name, size, "a convolution of %d x %d x %d to %d by %d x %d, stride %d (%s, %d images)",
			 p->channels, p->height, p->width, p->out_channels, p->kernel, p->kernel,
			 p->stride, direction_name(p->direction), p->count);
}

/* Bytes of a plan's workspace. */
size_t
vc_cudnn_workspace(cudnnBackendDescriptor_t plan)
{
	int64_t		bytes = 0;
	int64_t		count = 0;

	if (cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
								 CUDNN_TYPE_INT64, 1, &count, &bytes) != CUDNN_STATUS_SUCCESS)
		return SIZE_MAX;
	return (size_t) bytes;
}

cudnnStatus_t
vc_cudnn_execute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
				 const vc_cuda_problem *p, const vc_cuda_operands *o)
{
	int64_t		ids[5] = {VC_CUDNN_X, VC_CUDNN_W, VC_CUDNN_Y, VC_CUDNN_BIAS, VC_CUDNN_OTHER};
	void	   *pointers[5] = {o->x, o->w, o->y, (void *) o->bias, (void *) o->other};
	int64_t		count = p->fused ? (p->adds ? 5 : 4) : 3;
	cudnnBackendDescriptor_t pack = NULL;
	cudnnStatus_t status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);

	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
										  CUDNN_TYPE_INT64, count, ids);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
										  CUDNN_TYPE_VOID_PTR, count, pointers);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
										  CUDNN_TYPE_VOID_PTR, 1, &o->workspace);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendFinalize(pack);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendExecute(handle, plan, pack);
	vc_cudnn_destroy(pack);
	return status;
}

/*
 * workspace.c
 *		cuDNN's workspace, which all convolutions of a plan share.
 */
#include "cuda/cuda.h"

/*
 * Makes cuDNN's workspace hold at least `bytes`.  A new one drops all graphs,
 * which use the old one.
 */
vc_status
vc_cuda_reserve_workspace(vc_plan *plan, size_t bytes, vc_error *error)
{
	cudaError_t status;

	if (bytes <= plan->workspace_bytes)
		return VC_OK;
	cudaStreamSynchronize(plan->device->stream);
	vc_cuda_graphs_drop(plan);
	if (plan->workspace != NULL)
		cudaFree(plan->workspace);
	plan->workspace = NULL;
	plan->workspace_bytes = 0;
	status = cudaMalloc(&plan->workspace, bytes);
	if (status == cudaSuccess)
	{
		plan->workspace_bytes = bytes;
		return VC_OK;
	}
	plan->workspace = NULL;
	if (status != cudaErrorMemoryAllocation)
		return vc_cuda_failed(error, status, "allocating cuDNN's workspace");
	vc_cuda_no_memory(error, bytes, "cuDNN's workspace");
	return vc_hint(error, VC_OUT_OF_MEMORY,
				   "Take smaller batches, or set visclf.device to cpu.");
}

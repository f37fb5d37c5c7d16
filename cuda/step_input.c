/*
 * step_input.c
 *		The step that turns the images' bytes into activations.
 */
#include "cuda/cuda.h"

static vc_status
input_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_network *n = plan->network;
	vc_cuda_colors colors;
	cudaError_t status;

	for (int c = 0; c < 3; c++)
	{
		colors.mean[c] = n->mean[c];
		colors.inverse_std[c] = 1.0f / n->std[c];
	}
	status = vc_cuda_launch_input(plan->type, plan->request.state, plan->request.rows,
								  run->count, n->image_size, colors,
								  vc_cuda_value_data(plan, step->output), plan->device->stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "input");
}

const vc_operation vc_cuda_input_operation = {.forward = input_forward};

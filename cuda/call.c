/*
 * call.c
 *		How a call of the device begins and ends.
 *
 * CUDA and cuDNN make threads when they first need them.  So every call
 * blocks all signals while it computes, and lets them in when it polls for
 * interrupts.
 */
#include "cuda/cuda.h"

/* Begins a call: blocks signals and selects this device. */
void
vc_cuda_enter(vc_device *device)
{
	if (!vc_call_enter(&device->call))
		return;
	cudaSetDevice(device->index);	/* the next call reports an error */
	cudaGetLastError();			/* forgets errors of earlier calls */
}

/* Ends a call: restores the caller's signals. */
void
vc_cuda_leave(vc_device *device)
{
	vc_call_leave(&device->call);
}

/* Lets signals in and asks whether to stop. */
vc_status
vc_cuda_poll(vc_plan *plan, vc_error *error)
{
	return vc_call_poll(&plan->device->call, &plan->options, error);
}

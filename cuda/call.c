/*
 * call.c
 *		What a call of the device begins and ends with.
 *
 * CUDA and cuDNN make threads when they first need them, so every call blocks
 * all signals while it computes and lets them in where it polls for
 * interrupts.
 */
#include "cuda/cuda.h"

/* Begins a call: no signals, this device's context. */
void
vc_cuda_enter(vc_device *device)
{
	if (!vc_call_enter(&device->call))
		return;
	cudaSetDevice(device->index);	/* an error shows in what comes next */
	cudaGetLastError();			/* and none is left from before */
}

/* Ends a call: what the caller had. */
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

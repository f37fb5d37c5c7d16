/*
 * call.c
 *		What a call of the device begins and ends with.
 *
 * CUDA and cuDNN make threads when they first need them, so every call blocks
 * all signals while it computes and lets them in where it polls for
 * interrupts.
 */
#include <pthread.h>

#include "cuda/cuda.h"

/* Begins a call: this device's context, no signals. */
void
vc_cuda_enter(vc_device *device)
{
	sigset_t	all;

	if (device->calls++ > 0)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &device->caller_signals);
	cudaSetDevice(device->index);	/* an error shows in what comes next */
	cudaGetLastError();			/* and none is left from before */
}

/* Ends a call: what the caller had. */
void
vc_cuda_leave(vc_device *device)
{
	if (--device->calls > 0)
		return;
	pthread_sigmask(SIG_SETMASK, &device->caller_signals, NULL);
}

/* Lets signals in and asks whether to stop. */
vc_status
vc_cuda_poll(vc_plan *plan, vc_error *error)
{
	const vc_plan_options *o = &plan->options;
	sigset_t	all;
	bool		stop = false;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &plan->device->caller_signals, NULL);
	if (o->interrupted != NULL)
		stop = o->interrupted(o->interrupt_argument);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (stop)
		return vc_fail(error, VC_CANCELED, "canceled");
	return VC_OK;
}

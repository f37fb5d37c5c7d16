/*
 * call.c
 *		How a call of the device begins and ends.
 *
 * libgomp makes and ends threads as parallel regions grow and shrink, inside
 * oneDNN too.  Blocking signals once is therefore not enough.  Every call
 * blocks all signals while it computes.  Between steps it lets them in and
 * polls for interrupts.
 */
#include <omp.h>

#include "cpu/cpu.h"

/* Begins a call: blocks signals and sets the device's number of threads. */
void
vc_cpu_enter(vc_device *device)
{
	if (!vc_call_enter(&device->call))
		return;
	device->caller_threads = omp_get_max_threads();
	if (device->caller_threads != device->threads)
		omp_set_num_threads(device->threads);
}

/* Ends a call: restores the caller's signals and number of threads. */
void
vc_cpu_leave(vc_device *device)
{
	if (device->call.depth == 1 && device->caller_threads != device->threads)
		omp_set_num_threads(device->caller_threads);
	vc_call_leave(&device->call);
}

/* Between steps: lets signals in and asks whether to stop. */
vc_status
vc_cpu_poll(vc_plan *plan, vc_error *error)
{
	return vc_call_poll(&plan->device->call, &plan->options, error);
}

/*
 * call.c
 *		What a call of the device begins and ends with.
 *
 * Threads are libgomp's.  It makes and ends them as parallel regions grow and
 * shrink, inside oneDNN too, so that blocking signals once would not do: every
 * call blocks all signals while it computes and lets them in between steps,
 * where it also polls for interrupts.
 */
#include <omp.h>

#include "cpu/cpu.h"

/* Begins a call: no signals, the device's thread count. */
void
vc_cpu_enter(vc_device *device)
{
	if (!vc_call_enter(&device->call))
		return;
	device->caller_threads = omp_get_max_threads();
	if (device->caller_threads != device->threads)
		omp_set_num_threads(device->threads);
}

/* Ends a call: what the caller had. */
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

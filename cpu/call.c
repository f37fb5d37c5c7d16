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
#include <pthread.h>

#include "cpu/cpu.h"

/* Begins a call: the device's thread count, no signals. */
void
vc_cpu_enter(vc_device *device)
{
	sigset_t	all;

	if (device->calls++ > 0)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &device->caller_signals);
	device->caller_threads = omp_get_max_threads();
	if (device->caller_threads != device->threads)
		omp_set_num_threads(device->threads);
}

/* Ends a call: what the caller had. */
void
vc_cpu_leave(vc_device *device)
{
	if (--device->calls > 0)
		return;
	if (device->caller_threads != device->threads)
		omp_set_num_threads(device->caller_threads);
	pthread_sigmask(SIG_SETMASK, &device->caller_signals, NULL);
}

/* Between steps: lets signals in and asks whether to stop. */
vc_status
vc_cpu_poll(vc_plan *plan, vc_error *error)
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

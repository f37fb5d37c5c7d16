/*
 * call.h
 *		Signals during a call of a device.
 *
 * Devices compute with threads that others make (libgomp's, CUDA's) and that
 * must not take the signals of the caller's thread.  So a call blocks all
 * signals, and lets them in only where it polls for interrupts.
 */
#ifndef VISCLF_CALL_H
#define VISCLF_CALL_H

#include <signal.h>
#include <stdbool.h>

#include "engine/device.h"

/* The calls of a device that are running: one may make others. */
typedef struct vc_call
{
	int			depth;
	sigset_t	signals;		/* the caller's */
} vc_call;

/* Begins a call.  True for the outermost one, which then has signals blocked. */
extern bool vc_call_enter(vc_call *call);

/* Ends a call; the outermost one gives the caller's signals back. */
extern void vc_call_leave(vc_call *call);

/* Lets signals in and asks the plan's options whether to stop: VC_CANCELED. */
extern vc_status vc_call_poll(const vc_call *call, const vc_plan_options *options,
							  vc_error *error);

#endif							/* VISCLF_CALL_H */

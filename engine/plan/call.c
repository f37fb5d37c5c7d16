/*
 * call.c
 *		Signals during a call of a device.
 */
#include <pthread.h>

#include "engine/plan/call.h"

bool
vc_call_enter(vc_call *call)
{
	sigset_t	all;

	if (call->depth++ > 0)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &call->signals);
	return true;
}

void
vc_call_leave(vc_call *call)
{
	if (--call->depth == 0)
		pthread_sigmask(SIG_SETMASK, &call->signals, NULL);
}

vc_status
vc_call_poll(const vc_call *call, const vc_plan_options *options, vc_error *error)
{
	sigset_t	all;
	bool		stop = false;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &call->signals, NULL);
	if (options->interrupted != NULL)
		stop = options->interrupted(options->interrupt_argument);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (stop)
		return vc_fail(error, VC_CANCELED, "canceled");
	return VC_OK;
}

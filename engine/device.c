/*
 * device.c
 *		Checks that every device makes at the start of a call.
 */
#include "engine/device.h"

vc_status
vc_options_check(const vc_plan_options *o, vc_error *error)
{
	int			least = o->purpose == VC_TRAINING ? 2 : 1;

	if (o->max_batch < least)
		return vc_fail(error, VC_INVALID_ARGUMENT, "batch of %d images is smaller than %d",
					   o->max_batch, least);
	return VC_OK;
}

vc_status
vc_batch_check(const vc_plan_options *options, int count, int least, vc_error *error)
{
	if (count < least || count > options->max_batch)
		return vc_fail(error, VC_INVALID_ARGUMENT, "batch of %d images is outside %d to %d",
					   count, least, options->max_batch);
	return VC_OK;
}

static vc_status
step_check(const vc_plan_options *options, const vc_step *step, vc_error *error)
{
	if (options->purpose != VC_TRAINING)
		return vc_fail(error, VC_INVALID_ARGUMENT, "an inference plan cannot train");
	if (step->step < 1)
		return vc_fail(error, VC_INVALID_ARGUMENT, "step %lld is below 1",
					   (long long) step->step);
	if (step->frozen_groups < 0 || step->frozen_groups > VC_GROUPS)
		return vc_fail(error, VC_INVALID_ARGUMENT, "%d frozen groups are outside 0 to %d",
					   step->frozen_groups, VC_GROUPS);
	return VC_OK;
}

vc_status
vc_train_check(const vc_plan_options *options, const vc_network *network,
			   const vc_targets *targets, int count, const vc_step *step, vc_error *error)
{
	vc_status	status = step_check(options, step, error);

	if (status == VC_OK)
		status = vc_batch_check(options, count, 2, error);
	if (status == VC_OK)
		status = vc_targets_check(targets, count, network->classes, error);
	return status;
}

bool
vc_parameter_trains(const vc_parameter *p, int frozen_groups)
{
	if (p->role == VC_NORM_WEIGHT || p->role == VC_NORM_BIAS)
		return true;
	return vc_parameter_trainable(p) && p->group >= frozen_groups;
}

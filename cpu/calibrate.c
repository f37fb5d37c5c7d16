/*
 * calibrate.c
 *		The ranges of a float32 plan's activations, for int8.
 */
#include <math.h>

#include "cpu/cpu.h"

static float
largest_absolute(const float *data, int64_t count)
{
	float		most = 0;

#pragma omp parallel for reduction(max: most)
	for (int64_t i = 0; i < count; i++)
		most = fmaxf(most, fabsf(data[i]));
	return most;
}

static vc_status
calibrate_steps(vc_plan *plan, const vc_run *run, float *ranges, vc_error *error)
{
	for (int i = 0; i < plan->flow.step_count; i++)
	{
		vc_plan_step *step = &plan->flow.steps[i];
		int64_t		count = plan->flow.values[step->output].image_elements * run->count;
		vc_status	status = step->operation->forward(plan, step, run, error);

		if (status == VC_OK)
			status = vc_cpu_poll(plan, error);
		if (status != VC_OK)
			return status;
		ranges[step->end] = fmaxf(ranges[step->end],
								  largest_absolute(vc_cpu_value_data(plan, step->output), count));
	}
	return VC_OK;
}

/* The device's calibrate(); see device.h. */
vc_status
vc_cpu_calibrate(vc_plan *plan, const uint8_t *images, int count, float *ranges,
				 vc_error *error)
{
	vc_run	run = {.count = count,.images = images};
	vc_status	status = vc_batch_check(&plan->options, count, 1, error);

	if (status == VC_OK && (plan->training || plan->options.precision == VC_INT8))
		status = vc_fail(error, VC_INVALID_ARGUMENT,
						 "only a float32 plan for inference can be calibrated");
	if (status != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = vc_cpu_prepare(plan, &run, error);
	if (status == VC_OK)
		status = calibrate_steps(plan, &run, ranges, error);
	vc_cpu_leave(plan->device);
	return status;
}

/*
 * targets.c
 *		Validates training targets.
 */
#include <math.h>

#include "engine/device.h"

static vc_status
check_labels(const vc_targets *targets, int count, int classes, vc_error *error)
{
	for (int i = 0; i < count; i++)
		if (targets->labels[i] < 0 || targets->labels[i] >= classes)
			return vc_fail(error, VC_INVALID_ARGUMENT, "label %d of image %d is outside 0 to %d",
						   (int) targets->labels[i], i, classes - 1);
	return VC_OK;
}

static vc_status
check_members(const vc_targets *targets, int count, int classes, vc_error *error)
{
	for (int64_t i = 0; i < (int64_t) count * classes; i++)
		if (targets->members[i] > 1)
			return vc_fail(error, VC_INVALID_ARGUMENT,
						   "class %d of image %d has the target %d, not 0 or 1",
						   (int) (i % classes), (int) (i / classes), targets->members[i]);
	return VC_OK;
}

vc_status
vc_targets_check(const vc_targets *targets, int count, int classes, vc_error *error)
{
	const float *weights = targets->class_weights;

	for (int c = 0; weights != NULL && c < classes; c++)
		if (!(weights[c] > 0 && isfinite(weights[c])))
			return vc_fail(error, VC_INVALID_ARGUMENT, "weight %g of class %d is not above 0",
						   weights[c], c);
	if ((targets->labels == NULL) == (targets->members == NULL))
		return vc_fail(error, VC_INVALID_ARGUMENT, "targets need either labels or members");
	return targets->labels != NULL ? check_labels(targets, count, classes, error) :
		check_members(targets, count, classes, error);
}

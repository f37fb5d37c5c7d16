/*
 * loss.c
 *		The losses of vc_targets, and their gradients with respect to the
 *		logits.
 *
 * A batch has a few thousand logits at most, so plain loops will do.
 */
#include <math.h>

#include "cpu/cpu.h"
#include "engine/support/logistic.h"

/* One row: its cross entropy; gradient[classes] is (softmax - 1(label)) * scale. */
static double
row_cross_entropy(const float *logits, int32_t label, int classes, float scale,
				  float *gradient)
{
	float		largest = logits[0];
	double		sum = 0;

	for (int c = 1; c < classes; c++)
		if (logits[c] > largest)
			largest = logits[c];
	for (int c = 0; c < classes; c++)
	{
		gradient[c] = expf(logits[c] - largest);
		sum += gradient[c];
	}
	for (int c = 0; c < classes; c++)
		gradient[c] = (float) (gradient[c] / sum) * scale;
	gradient[label] -= scale;
	return log(sum) - (logits[label] - largest);
}

/* The mean over rows, weighted by each row's class. */
static double
cross_entropy(const float *logits, const vc_targets *targets, int count, int classes,
			  float *gradient)
{
	const float *weights = targets->class_weights;
	double		weight = 0;
	double		total = 0;

	for (int i = 0; i < count; i++)
		weight += weights ? weights[targets->labels[i]] : 1;
	for (int i = 0; i < count; i++)
	{
		int32_t		label = targets->labels[i];
		double		share = (weights ? weights[label] : 1) / weight;

		total += share * row_cross_entropy(logits + (int64_t) i * classes, label, classes,
										   (float) share, gradient + (int64_t) i * classes);
	}
	return total;
}

/* The mean over rows and classes of the sigmoids' binary cross entropy. */
static double
binary_cross_entropy(const float *logits, const vc_targets *targets, int count, int classes,
					 float *gradient)
{
	const float *weights = targets->class_weights;
	double		total = 0;

	for (int i = 0; i < count; i++)
		for (int c = 0; c < classes; c++)
		{
			int64_t		at = (int64_t) i * classes + c;
			bool		member = targets->members[at];
			double		weight = member && weights ? weights[c] : 1;
			double		slope;

			total += weight * vc_logistic_loss(logits[at], member, &slope);
			gradient[at] = (float) (weight * slope / count / classes);
		}
	return total / count / classes;
}

/* The loss of logits[count][classes], and its gradient with respect to them. */
float
vc_cpu_loss(const float *logits, const vc_targets *targets, int count, int classes, float *gradient)
{
	return (float) (targets->labels ? cross_entropy : binary_cross_entropy)
		(logits, targets, count, classes, gradient);
}

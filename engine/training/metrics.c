/*
 * metrics.c
 *		From logits to probabilities, losses and labels.
 */
#include "engine/training/metrics.h"

#include <math.h>

#include "engine/support/logistic.h"

int
vc_argmax(const float *values, int count)
{
	int			best = 0;

	for (int i = 1; i < count; i++)
		if (values[i] > values[best])
			best = i;
	return best;
}

/* log(sum(exp(logits))), safe for large logits. */
static double
log_sum_exp(const float *logits, int classes)
{
	double		largest = logits[vc_argmax(logits, classes)];
	double		sum = 0;

	for (int i = 0; i < classes; i++)
		sum += exp(logits[i] - largest);
	return largest + log(sum);
}

void
vc_softmax(const float *logits, int classes, float *probabilities)
{
	double		total = log_sum_exp(logits, classes);

	for (int i = 0; i < classes; i++)
		probabilities[i] = (float) exp(logits[i] - total);
}

double
vc_cross_entropy(const float *logits, int classes, int label)
{
	return log_sum_exp(logits, classes) - logits[label];
}

void
vc_sigmoid(const float *logits, int classes, float *probabilities)
{
	for (int i = 0; i < classes; i++)
		probabilities[i] = (float) (1 / (1 + exp(-(double) logits[i])));
}

double
vc_binary_cross_entropy(const float *logits, int classes, const uint8_t *members)
{
	double		loss = 0;

	for (int i = 0; i < classes; i++)
	{
		double		unused;

		loss += vc_logistic_loss(logits[i], members[i], &unused);
	}
	return loss / classes;
}

/*
 * loss.c
 *		Softmax and cross entropy.
 */
#include <math.h>

#include "cpu.h"

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

/*
 * The mean cross entropy of logits[count][classes], and its gradient with
 * respect to them.  Labels are 0 to classes - 1.
 */
float
vc_cpu_cross_entropy(const float *logits, const int32_t *labels,
					 int count, int classes, float *gradient)
{
	double		total = 0;

	for (int i = 0; i < count; i++)
		total += row_cross_entropy(logits + (int64_t) i * classes, labels[i], classes,
								   1.0f / (float) count, gradient + (int64_t) i * classes);
	return (float) (total / count);
}

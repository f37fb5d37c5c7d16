/*
 * youden.c
 *		Measures how well a classifier tells one class from the rest.
 */
#include "engine/counting/prevalence.h"

#include <math.h>

void
vc_wilson_interval(double hits, double trials, double *low, double *high)
{
	double		z = 1.959963984540054;
	double		p = hits / trials;
	double		centre = p + z * z / (2 * trials);
	double		half = z * sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials));

	*low = hits <= 0 ? 0 : (centre - half) / (1 + z * z / trials);
	*high = hits >= trials ? 1 : (centre + half) / (1 + z * z / trials);
}

double
vc_informedness(const int64_t *confusion, int classes, int class_index, double *low)
{
	double		of_class = 0;
	double		of_rest = 0;
	double		hits = confusion[class_index * classes + class_index];
	double		false_alarms = -hits;
	double		tpr;
	double		fpr;
	double		tpr_low;
	double		fpr_high;
	double		unused;

	for (int i = 0; i < classes; i++)
	{
		false_alarms += confusion[i * classes + class_index];
		for (int j = 0; j < classes; j++)
			*(i == class_index ? &of_class : &of_rest) += confusion[i * classes + j];
	}
	*low = NAN;
	if (of_class == 0 || of_rest == 0)
		return NAN;
	tpr = hits / of_class;
	fpr = false_alarms / of_rest;
	vc_wilson_interval(hits, of_class, &tpr_low, &unused);
	vc_wilson_interval(false_alarms, of_rest, &unused, &fpr_high);
	*low = tpr - fpr - sqrt((tpr - tpr_low) * (tpr - tpr_low) + (fpr_high - fpr) * (fpr_high - fpr));
	return tpr - fpr;
}

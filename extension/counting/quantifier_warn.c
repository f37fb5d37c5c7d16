/*
 * quantifier_warn.c
 *		Doubts about an estimate, in words.
 */
#include "extension/counting/quantifier.h"

#include <math.h>

#include "lib/stringinfo.h"

#define FEW_VALIDATION 10		/* images of a class */
#define FEW_ALARMS 5			/* false alarms; fewer may be absent by chance */
#define UNLIKE 0.1				/* Kolmogorov-Smirnov distance; smaller ones do not matter */
#define SURE 1.95				/* and its factor at a level of 0.001 */
#define CANNOT_TELL 0.1			/* true positive rate minus false positive rate */

void
doubt(StringInfo text, const char *format,...)
{
	va_list		args;
	char		one[512];

	va_start(args, format);
	vsnprintf(one, sizeof(one), format, args);
	va_end(args);
	appendStringInfo(text, "%s%s", text->len > 0 ? "; " : "", one);
}

/* Appends doubts about the model's errors in a class. */
static void
doubt_errors(const Quantifier *q, int class_index, StringInfo text)
{
	double		low;
	double		informedness = vc_informedness(q->confusion, q->class_count, class_index, &low);
	int64		images = 0;

	for (int c = 0; c < q->class_count; c++)
		images += q->confusion[class_index * q->class_count + c];
	if (images == 0)
		doubt(text, "no validation image is of this class");
	else if (images < FEW_VALIDATION)
		doubt(text, "few validation images are of this class: %lld", (long long) images);
	if (isnan(informedness))
		doubt(text, "the model's errors about this class are not known");
	else if (informedness < CANNOT_TELL || low <= 0)
		doubt(text, "the model cannot tell this class from the rest: its true positive rate minus its false positive rate is %.2f, at least %.2f with 95 %% confidence",
			   informedness, low);
}

/*
 * Appends a doubt if fewer images are predicted as a class than false alarms
 * alone would make, with errors as in validation.
 */
static void
doubt_false_alarms(const Quantifier *q, const ImageGroup *group, int class_index, StringInfo text)
{
	double		raw = (double) group->predicted[class_index] / group->classified;
	double		alarms = 0;
	double		variance = raw * (1 - raw) / group->classified;

	for (int c = 0; c < q->class_count; c++)
	{
		double		share = raw < 1 ? (double) group->predicted[c] / group->classified / (1 - raw) : 0;
		double		images = 0;
		double		rate;

		for (int k = 0; k < q->class_count; k++)
			images += q->confusion[c * q->class_count + k];
		if (c == class_index || images == 0)
			continue;
		rate = q->confusion[c * q->class_count + class_index] / images;
		alarms += share * rate;
		variance += share * share * rate * (1 - rate) / images;
	}
	if (alarms - raw > sqrt(variance) && alarms * group->classified >= FEW_ALARMS)
		doubt(text, "fewer images are predicted as this class (%lld) than the model's false alarms alone would make (%.0f): its errors here differ from those on the validation images",
			  (long long) group->predicted[class_index], alarms * group->classified);
}

void
doubt_confidences(const Quantifier *q, const int64 *predicted, const int64 *confidences, StringInfo text)
{
	double		images = 0;
	double		all = 0;
	double		spread = 0;		/* 1 / the size of the reference sample */
	double		distance = 0;
	double		ours = 0;
	double		theirs = 0;

	for (int b = 0; b < BINS; b++)
		images += confidences[b];
	for (int c = 0; c < q->class_count; c++)
		all += predicted[c];
	if (images == 0 || q->confidences == NULL)
		return;
	for (int b = 0; b < BINS; b++)
	{
		ours += confidences[b] / images;
		for (int c = 0; c < q->class_count; c++)
		{
			double		known = 0;

			for (int k = 0; k < BINS; k++)
				known += q->confidences[c * BINS + k];
			if (known == 0 && predicted[c] > 0)
				return;
			if (known > 0)
				theirs += predicted[c] / all * q->confidences[c * BINS + b] / known;
			if (known > 0 && b == 0)
				spread += pow(predicted[c] / all, 2) / known;
		}
		distance = fmax(distance, fabs(ours - theirs));
	}
	if (distance >= UNLIKE && distance > SURE * sqrt(spread + 1 / images))
		doubt(text, "confidences here are unlike those of the validation images with the same prediction: Kolmogorov-Smirnov distance %.2f, of %.0f and about %.0f images",
			  distance, images, 1 / spread);
}

char *
group_warning(const Quantifier *q, const ImageGroup *group, int class_index)
{
	StringInfoData text;

	initStringInfo(&text);
	if (group->classified + group->known == 0)
		doubt(&text, "no image of the group is classified");
	else if (group->classified + group->known < FEW_IMAGES)
		doubt(&text, "few images of the group are classified: %lld", (long long) (group->classified + group->known));
	if (group->flawed > 0)
		doubt(&text, "images of the group are cut off or damaged: %lld", (long long) group->flawed);
	if (vc_quantification_corrects(q->method) && group->classified > 0)
	{
		doubt_errors(q, class_index, &text);
		doubt_false_alarms(q, group, class_index, &text);
		doubt_confidences(q, group->predicted, group->confidences, &text);
	}
	return text.len > 0 ? text.data : NULL;
}

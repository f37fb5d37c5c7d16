/*
 * lr_find.c
 *		The learning rate finder's schedule and suggestions.
 */
#include "engine/training/lr_find.h"

#include <math.h>
#include <string.h>

#define MOMENTUM			0.9
#define SQUARE_MOMENTUM		0.99
#define EPSILON				1e-5
#define DIVERGED			4	/* times the best loss */
#define LAST_LEFT_OUT		5

double
vc_lr_find_rate(double start, double end, int steps, int step)
{
	return start * pow(end / start, (double) step / steps);
}

void
vc_lr_find_step(double rate, int step, double weight_decay, vc_step *out)
{
	memset(out, 0, sizeof(*out));
	for (int g = 0; g < VC_GROUPS; g++)
		out->rate[g] = (float) rate;
	out->momentum = (float) MOMENTUM;
	out->square_momentum = (float) SQUARE_MOMENTUM;
	out->epsilon = (float) EPSILON;
	out->weight_decay = (float) weight_decay;
	out->step = step + 1;
}

bool
vc_lr_find_diverged(double loss, double best)
{
	return !isfinite(loss) || loss > DIVERGED * best;
}

void
vc_lr_find_range(int steps, int count, int *first, int *last)
{
	*first = steps / 10;
	*last = count - LAST_LEFT_OUT;
	if (*last <= *first)
		*first = *last = 0;
}

/*
 * Finds the longest subsequence of falling losses. length[i] is the length of
 * the longest one that ends at i.
 */
int
vc_lr_valley(const double *losses, int count)
{
	int			length[VC_LR_FIND_MAX_STEPS];
	int			end = 0;
	int			start = 0;
	double		section;

	for (int i = 0; i < count; i++)
	{
		length[i] = 1;
		for (int j = 0; j < i; j++)
		{
			if (losses[i] < losses[j] && length[i] < length[j] + 1)
				length[i] = length[j] + 1;
			if (length[end] < length[i])
			{
				end = i;
				start = end - length[end];
			}
		}
	}
	section = (end - start) / 3.0;
	start += (int) section + (int) (section / 2);
	return start < 0 ? 0 : start;
}

int
vc_lr_steep(const double *rates, const double *losses, int count)
{
	int			best = 0;
	double		steepest = INFINITY;

	for (int i = 0; i + 1 < count; i++)
	{
		double		slope = (losses[i + 1] - losses[i]) / (log(rates[i + 1]) - log(rates[i]));

		if (slope < steepest)
		{
			steepest = slope;
			best = i;
		}
	}
	return best;
}

/*
 * multi_label_metrics.c
 *		Accuracy, F1 and thresholds of multi-label networks.
 */
#include "engine/training/metrics.h"

#include <math.h>
#include <stdlib.h>

#define BINS 200				/* and one more for a probability of 1 */

struct vc_tally
{
	int			classes;
	int64_t		counts[][2][BINS + 1];	/* by class, label absent or present, and probability */
};

/* Predictions of one class at a threshold. */
typedef struct outcome
{
	int64_t		hits;			/* present, and predicted */
	int64_t		misses;			/* present, not predicted */
	int64_t		false_alarms;
	int64_t		total;
} outcome;

vc_status
vc_tally_create(int classes, vc_tally **tally, vc_error *error)
{
	size_t		bytes = sizeof(vc_tally) + sizeof((*tally)->counts[0]) * (size_t) classes;

	*tally = calloc(1, bytes);
	if (*tally == NULL)
		return vc_no_memory(error, bytes);
	(*tally)->classes = classes;
	return VC_OK;
}

void
vc_tally_free(vc_tally *tally)
{
	free(tally);
}

void
vc_tally_add(vc_tally *tally, const float *probabilities, const uint8_t *members)
{
	for (int c = 0; c < tally->classes; c++)
	{
		/* anything else counts as 0 */
		float		p = probabilities[c] >= 0 && probabilities[c] <= 1 ? probabilities[c] : 0;

		tally->counts[c][members[c] != 0][(int) (p * BINS)]++;
	}
}

static outcome
count(const vc_tally *tally, int class_index, int first)
{
	outcome		o = {0};

	for (int b = 0; b <= BINS; b++)
	{
		int64_t		carried = tally->counts[class_index][1][b];
		int64_t		missing = tally->counts[class_index][0][b];

		*(b >= first ? &o.hits : &o.misses) += carried;
		o.false_alarms += b >= first ? missing : 0;
		o.total += carried + missing;
	}
	return o;
}

static double
f1(outcome o)
{
	return o.hits == 0 ? 0 : 2.0 * o.hits / (2.0 * o.hits + o.misses + o.false_alarms);
}

double
vc_tally_accuracy(const vc_tally *tally, double threshold)
{
	int64_t		wrong = 0;
	int64_t		total = 0;

	for (int c = 0; c < tally->classes; c++)
	{
		outcome		o = count(tally, c, (int) lround(threshold * BINS));

		wrong += o.misses + o.false_alarms;
		total += o.total;
	}
	return total == 0 ? 0 : 1 - (double) wrong / total;
}

double
vc_tally_f1(const vc_tally *tally, double threshold)
{
	double		sum = 0;

	for (int c = 0; c < tally->classes; c++)
		sum += f1(count(tally, c, (int) lround(threshold * BINS)));
	return sum / tally->classes;
}

double
vc_tally_best(const vc_tally *tally, int class_index)
{
	int			best = BINS / 2;
	double		most = f1(count(tally, class_index, best));

	for (int distance = 1; distance < BINS / 2; distance++)
		for (int side = -1; side <= 1; side += 2)
		{
			int			bin = BINS / 2 + side * distance;
			double		value = f1(count(tally, class_index, bin));

			if (value > most)
			{
				most = value;
				best = bin;
			}
		}
	return (double) best / BINS;
}

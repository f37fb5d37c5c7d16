/*
 * test_prevalence_simulation.c
 *		Corpora of known prevalence, counted by classifiers of known errors: do
 *		the intervals hold the truth as often as they say, and is what is
 *		corrected right in the mean?
 *
 * A classifier has a score for each class, normal around 0, or around `apart`
 * for the class that the image is of; probabilities are those of the shares in
 * training, so they are calibrated.  Each corpus has a classifier, validation
 * images and a prevalence of its own.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/counting/prevalence.h"
#include "engine/support/random.h"
#include "test/unit/tap.h"

#define CORPORA 1000
#define MOST_CLASSES 4
#define VALIDATION 600
#define GROUP 1000
#define BANDS 5					/* of prevalence, in which bias is taken */

static uint64_t next_draw = 0;

static double
uniform(void)
{
	return ((double) (vc_random_bits(7, 1, next_draw++) >> 12) + 0.5) / 4503599627370496.0;
}

static double
normal(void)
{
	double		radius = sqrt(-2 * log(uniform()));

	return radius * cos(2 * M_PI * uniform());
}

typedef struct images
{
	vc_classified view;
	int64_t		predicted[MOST_CLASSES];
	float		probabilities[GROUP * MOST_CLASSES];
} images;

/* A classifier. */
typedef struct classifier
{
	int			classes;
	double		trained[MOST_CLASSES];	/* shares in training and validation */
	double		apart;
} classifier;

/* One more image of a class. */
static void
add(images *i, const classifier *k, int class_index)
{
	float	   *p = i->probabilities + i->view.count * k->classes;
	double		odds[MOST_CLASSES];
	double		sum = 0;
	int			best = 0;

	for (int c = 0; c < k->classes; c++)
	{
		odds[c] = k->trained[c] * exp(k->apart * (normal() + (c == class_index) * k->apart));
		sum += odds[c];
		best = odds[c] > odds[best] ? c : best;
	}
	for (int c = 0; c < k->classes; c++)
		p[c] = (float) (odds[c] / sum);
	i->predicted[best]++;
	i->view.count++;
	i->view.predicted = i->predicted;
	i->view.probabilities = i->probabilities;
}

/* Random shares, of which the first is given. */
static void
draw_shares(double first, int classes, double *shares)
{
	double		sum = 0;

	for (int c = 1; c < classes; c++)
		sum += shares[c] = 0.2 + uniform();
	shares[0] = first;
	for (int c = 1; c < classes; c++)
		shares[c] *= (1 - first) / sum;
}

static int
draw_class(const double *shares, int classes)
{
	double		left = uniform();
	int			c = 0;

	while (c < classes - 1 && left >= shares[c])
		left -= shares[c++];
	return c;
}

typedef struct outcome
{
	int			covered;
	double		bias[BANDS];
	double		raw_bias[BANDS];
	int			in_band[BANDS];
} outcome;

/* Empties images and adds as many as are asked for, each to those of its class or all to the first. */
static void
fill(images *i, const classifier *k, const double *shares, int count, bool by_class)
{
	for (int c = 0; c < k->classes && (c == 0 || by_class); c++)
	{
		i[c].view.count = 0;
		memset(i[c].predicted, 0, sizeof(i[c].predicted));
	}
	for (int n = 0; n < count; n++)
	{
		int			c = draw_class(shares, k->classes);

		add(&i[by_class ? c : 0], k, c);
	}
}

/* One corpus; what the method says of the first class goes into the outcome. */
static void
simulate(vc_quantification method, int classes, outcome *o)
{
	static images validation[MOST_CLASSES];
	static images group;
	classifier	k = {.classes = classes};
	double		truth = 0.02 + 0.88 * uniform();
	double		shares[MOST_CLASSES];
	vc_quantifier_options options = {.method = method, .classes = classes, .confidence = 0.95,
		.resamples = 500, .seed = 42};
	vc_classified known[MOST_CLASSES];
	vc_quantifier *quantifier;
	vc_prevalence found[MOST_CLASSES];
	vc_error	error;
	int			band = (int) ((truth - 0.02) / 0.88 * BANDS);

	draw_shares(0.2 + 0.6 * uniform(), classes, k.trained);
	draw_shares(truth, classes, shares);
	k.apart = 1.4 + 1.1 * uniform();	/* accuracies of 84 to 96 % for two classes, as many of each */
	fill(validation, &k, k.trained, VALIDATION, true);
	fill(&group, &k, shares, GROUP, false);
	for (int c = 0; c < classes; c++)
		known[c] = validation[c].view;
	if (vc_quantifier_create(&options, known, &quantifier, &error) != VC_OK ||
		vc_quantify(quantifier, &group.view, found, &error) != VC_OK)
	{
		diag("%s", error.message);
		exit(1);
	}
	vc_quantifier_free(quantifier);
	o->covered += found[0].low <= truth && truth <= found[0].high;
	o->bias[band] += found[0].share - truth;
	o->raw_bias[band] += found[0].raw - truth;
	o->in_band[band]++;
}

static void
check(const char *name, vc_quantification method, int classes)
{
	outcome		o = {0};
	double		bias = 0;
	double		raw = 0;
	double		coverage;

	for (int i = 0; i < CORPORA; i++)
		simulate(method, classes, &o);
	coverage = (double) o.covered / CORPORA;
	for (int b = 0; b < BANDS; b++)
	{
		bias += fabs(o.bias[b] / o.in_band[b]) / BANDS;
		raw += fabs(o.raw_bias[b] / o.in_band[b]) / BANDS;
	}
	ok(coverage >= 0.93 && coverage <= 0.97, "%s, %d classes: the 95 %% interval holds the truth in %.1f %% of %d corpora",
	   name, classes, 100 * coverage, CORPORA);
	ok(bias < raw / 10, "%s, %d classes: bias %.4f, of classify-and-count %.4f", name, classes, bias, raw);
}

int
main(void)
{
	check("acc", VC_ACC, 2);
	check("acc", VC_ACC, 4);
	check("pacc", VC_PACC, 2);
	check("emq", VC_EMQ, 2);
	return done();
}

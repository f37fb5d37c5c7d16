/*
 * test_prevalence_simulation.c
 *		Corpora of known prevalence, counted by classifiers of known errors: do
 *		the intervals hold the truth as often as they say, and is what is
 *		corrected right in the mean?
 *
 * A classifier's score is normal, around 0 for one class and `apart` for the
 * other; probabilities are those of the training's prevalence, so they are
 * calibrated.  Each corpus has a classifier, validation images and a
 * prevalence of its own.
 */
#include <math.h>
#include <stdlib.h>

#include "prevalence.h"
#include "random.h"
#include "tap.h"

#define CORPORA 1000
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
	int64_t		said[2];
	float		probabilities[GROUP][2];
} images;

/* One more image of a class, seen by a classifier. */
static void
add(images *i, int class_index, double apart, double trained_share)
{
	double		score = normal() + class_index * apart;
	double		odds = trained_share / (1 - trained_share) * exp(apart * score - apart * apart / 2);
	float		p = (float) (odds / (1 + odds));

	i->probabilities[i->view.count][0] = 1 - p;
	i->probabilities[i->view.count][1] = p;
	i->said[p > 0.5f]++;
	i->view.count++;
	i->view.said = i->said;
	i->view.probabilities = &i->probabilities[0][0];
}

typedef struct outcome
{
	int			covered;
	double		bias[BANDS];
	double		raw_bias[BANDS];
	int			in_band[BANDS];
} outcome;

/* One corpus; what the method says of the second class goes into the outcome. */
static void
simulate(vc_quantification method, outcome *o)
{
	static images validation[2];
	static images group;
	double		truth = 0.02 + 0.88 * uniform();
	double		trained_share = 0.2 + 0.6 * uniform();
	double		apart = 2 + 1.6 * uniform();	/* accuracies of 84 to 96 % where balanced */
	vc_quantifier_options options = {.method = method, .classes = 2, .confidence = 0.95,
		.resamples = 500, .seed = 42};
	vc_classified known[2];
	vc_quantifier *quantifier;
	vc_prevalence found[2];
	vc_error	error;
	int			band = (int) ((truth - 0.02) / 0.88 * BANDS);

	for (int c = 0; c < 2; c++)
		validation[c].view.count = validation[c].said[0] = validation[c].said[1] = 0;
	group.view.count = group.said[0] = group.said[1] = 0;
	for (int i = 0; i < VALIDATION; i++)
	{
		int			class_index = uniform() < trained_share;

		add(&validation[class_index], class_index, apart, trained_share);
	}
	for (int i = 0; i < GROUP; i++)
		add(&group, uniform() < truth, apart, trained_share);
	known[0] = validation[0].view;
	known[1] = validation[1].view;
	if (vc_quantifier_create(&options, known, &quantifier, &error) != VC_OK ||
		vc_quantify(quantifier, &group.view, found, &error) != VC_OK)
	{
		diag("%s", error.message);
		exit(1);
	}
	vc_quantifier_free(quantifier);
	o->covered += found[1].low <= truth && truth <= found[1].high;
	o->bias[band] += found[1].share - truth;
	o->raw_bias[band] += found[1].raw - truth;
	o->in_band[band]++;
}

static void
check(const char *name, vc_quantification method)
{
	outcome		o = {0};
	double		bias = 0;
	double		raw = 0;
	double		coverage;

	for (int i = 0; i < CORPORA; i++)
		simulate(method, &o);
	coverage = (double) o.covered / CORPORA;
	for (int b = 0; b < BANDS; b++)
	{
		bias += fabs(o.bias[b] / o.in_band[b]) / BANDS;
		raw += fabs(o.raw_bias[b] / o.in_band[b]) / BANDS;
	}
	ok(coverage >= 0.93 && coverage <= 0.97, "%s: the 95 %% interval holds the truth in %.1f %% of %d corpora",
	   name, 100 * coverage, CORPORA);
	ok(bias < raw / 10, "%s: bias %.4f, of classify-and-count %.4f", name, bias, raw);
}

int
main(void)
{
	check("acc", VC_ACC);
	check("pacc", VC_PACC);
	check("emq", VC_EMQ);
	return done();
}

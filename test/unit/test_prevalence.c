/*
 * test_prevalence.c
 *		Estimates of prevalence against QuaPy's numbers, least squares over
 *		shares, and intervals where little is known.
 */
#include <math.h>
#include <string.h>

#include "engine/counting/prevalence.h"
#include "engine/counting/simplex.h"
#include "test/unit/tap.h"

#define CLASSES 3
#define MOST 100

/* Images alike: their probabilities, true class, number. */
typedef struct alike
{
	float		probabilities[CLASSES];
	int			truth;
	int			count;
} alike;

static const alike validation[] = {
	{{0.7f, 0.2f, 0.1f}, 0, 6}, {{0.3f, 0.6f, 0.1f}, 0, 2}, {{0.2f, 0.7f, 0.1f}, 1, 7},
	{{0.5f, 0.4f, 0.1f}, 1, 2}, {{0.1f, 0.2f, 0.7f}, 1, 1}, {{0.1f, 0.1f, 0.8f}, 2, 9},
	{{0.2f, 0.5f, 0.3f}, 2, 3}, {{0}, 0, 0}
};
static const alike group[] = {
	{{0.7f, 0.2f, 0.1f}, 0, 20}, {{0.3f, 0.6f, 0.1f}, 0, 9}, {{0.2f, 0.7f, 0.1f}, 0, 12},
	{{0.1f, 0.1f, 0.8f}, 0, 30}, {{0.2f, 0.5f, 0.3f}, 0, 4}, {{0}, 0, 0}
};

typedef struct images
{
	vc_classified view;
	int64_t		predicted[CLASSES];
	float		probabilities[MOST][CLASSES];
} images;

static void
add(images *i, const float *p)
{
	int			best = 0;

	for (int c = 1; c < CLASSES; c++)
		if (p[c] > p[best])
			best = c;
	memcpy(i->probabilities[i->view.count++], p, sizeof(float) * CLASSES);
	i->predicted[best]++;
	i->view.predicted = i->predicted;
	i->view.probabilities = &i->probabilities[0][0];
}

/* The images of a table that are of a class, or all for -1. */
static const vc_classified *
gather(images *i, const alike *rows, int truth)
{
	memset(i, 0, sizeof(*i));
	for (; rows->count > 0; rows++)
		for (int n = 0; n < rows->count && (truth < 0 || rows->truth == truth); n++)
			add(i, rows->probabilities);
	return &i->view;
}

static vc_quantifier_options
options_of(vc_quantification method)
{
	return (vc_quantifier_options) {.method = method, .classes = CLASSES, .confidence = 0.95,
		.resamples = 200, .seed = 42};
}

static vc_status
estimate(const vc_quantifier_options *options, vc_prevalence *out, vc_error *error)
{
	static images known[CLASSES];
	static images asked;
	vc_classified views[CLASSES];
	vc_quantifier *quantifier;
	vc_status	status;

	for (int c = 0; c < CLASSES; c++)
		views[c] = *gather(&known[c], validation, c);
	status = vc_quantifier_create(options, views, &quantifier, error);
	if (status == VC_OK)
		status = vc_quantify(quantifier, gather(&asked, group, -1), out, error);
	vc_quantifier_free(quantifier);
	return status;
}

static void
check_quapy(void)
{
	/* QuaPy 0.2.3, the same images */
	static const struct
	{
		const char *name;
		double		shares[CLASSES];
	}			expected[] = {
		{"cc", {0.266666667, 0.333333333, 0.400000000}},
		{"pcc", {0.305333330, 0.304000000, 0.390666670}},
		{"acc", {0.306172840, 0.185185185, 0.508641975}},
		{"pacc", {0.331866857, 0.181572599, 0.486560536}},
		{"emq", {0.465379256, 0.159192525, 0.375428219}}
	};

	for (int m = 0; m < 5; m++)
	{
		vc_quantification method = VC_CC;
		vc_prevalence found[CLASSES];
		vc_quantifier_options options;
		double		difference = 0;
		bool		inside = true;
		vc_error	error;

		ok(vc_quantification_from_name(expected[m].name, &method) && (int) method == m, "%s is a method", expected[m].name);
		options = options_of(method);
		ok(estimate(&options, found, &error) == VC_OK, "%s estimates", expected[m].name);
		for (int c = 0; c < CLASSES; c++)
		{
			difference = fmax(difference, fabs(found[c].share - expected[m].shares[c]));
			inside = inside && 0 <= found[c].low && found[c].low < found[c].share &&
				found[c].share < found[c].high && found[c].high <= 1;
		}
		ok(difference < 1e-6, "and what QuaPy does: %.1e", difference);
		ok(inside, "inside its intervals");
	}
}

static bool
is_canceled(void *argument)
{
	return *(bool *) argument;
}

static void
check_options(void)
{
	vc_quantifier_options options = options_of(VC_ACC);
	vc_prevalence found[CLASSES];
	vc_prevalence again[CLASSES];
	vc_prevalence other[CLASSES];
	vc_quantification method;
	bool		canceled = true;
	vc_error	error;

	estimate(&options, found, &error);
	estimate(&options, again, &error);
	options.seed = 43;
	estimate(&options, other, &error);
	ok(found[2].low == again[2].low && found[2].low != other[2].low, "the seed decides on the interval");
	options.resamples = 0;
	ok(estimate(&options, found, &error) == VC_OK && isnan(found[0].low) && isnan(found[0].high), "no resamples, no interval");
	options = options_of(VC_EMQ);
	options.balanced = true;
	estimate(&options, found, &error);
	ok(fabs(found[0].share - 0.465379256) > 0.005, "a balanced training has other shares for emq: %.3f", found[0].share);
	options.canceled = is_canceled;
	options.argument = &canceled;
	ok(estimate(&options, found, &error) == VC_CANCELED, "a cancel ends it");
	options = options_of(VC_CC);
	options.confidence = 95;
	ok(estimate(&options, found, &error) == VC_INVALID_ARGUMENT, "%s", error.message);
	options = options_of(VC_CC);
	options.resamples = -1;
	ok(estimate(&options, found, &error) == VC_INVALID_ARGUMENT, "%s", error.message);
	options = options_of(VC_CC);
	options.classes = 1;
	ok(estimate(&options, found, &error) == VC_INVALID_ARGUMENT, "%s", error.message);
	ok(!vc_quantification_from_name("em", &method), "em is no method");
}

/* Sums to 1, nothing below 0, and no neighbour is better. */
static void
check_least_squares(const char *name, const double *a, const double *b, int n)
{
	double		scratch[VC_SIMPLEX_SCRATCH(4)];
	double		inverse[16];
	double		shares[4];
	bool		has = vc_invert(a, n, inverse, scratch);
	double		sum = 0;
	double		least = 1;
	double		gain = 0;

	vc_simplex_solve(a, has ? inverse : NULL, b, n, shares, scratch);
	for (int i = 0; i < n; i++)
	{
		sum += shares[i];
		least = fmin(least, shares[i]);
	}
	for (int from = 0; from < n; from++)
		for (int to = 0; to < n; to++)
		{
			double		moved = fmin(1e-4, shares[from]);
			double		before = 0;
			double		after = 0;

			for (int r = 0; r < n; r++)
			{
				double		rest = -b[r];

				for (int c = 0; c < n; c++)
					rest += a[r * n + c] * shares[c];
				before += rest * rest;
				rest += moved * (a[r * n + to] - a[r * n + from]);
				after += rest * rest;
			}
			gain = fmax(gain, before - after);
		}
	ok(fabs(sum - 1) < 1e-9 && least >= 0, "%s: shares", name);
	if (fabs(sum - 1) >= 1e-9 || least < 0)
		diag("%g %g %g %g: %g", shares[0], shares[1], n > 2 ? shares[2] : 0, n > 3 ? shares[3] : 0, sum - 1);
	ok(gain < 1e-9, "%s: no others are closer, %.1e", name, gain);
}

static void
check_simplex(void)
{
	static const double two[] = {0.8, 0.3, 0.2, 0.7};
	static const double blind[] = {0.6, 0.6, 0.4, 0.4};
	static const double three[] = {0.7, 0.1, 0.2, 0.2, 0.8, 0.1, 0.1, 0.1, 0.7};
	static const double four[] = {
		0.7, 0.7, 0.1, 0.0, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1, 0.7, 0.1, 0.1, 0.1, 0.1, 0.7
	};

	check_least_squares("inside", two, (double[]) {0.5, 0.5}, 2);
	check_least_squares("below 0", two, (double[]) {0.1, 0.9}, 2);
	check_least_squares("above 1", two, (double[]) {0.9, 0.1}, 2);
	check_least_squares("blind", blind, (double[]) {0.5, 0.5}, 2);
	check_least_squares("three inside", three, (double[]) {0.3, 0.4, 0.3}, 3);
	check_least_squares("one at 0", three, (double[]) {0.05, 0.45, 0.5}, 3);
	check_least_squares("two at 0", three, (double[]) {0.0, 1.0, 0.0}, 3);
	check_least_squares("two alike", four, (double[]) {0.5, 0.1, 0.2, 0.2}, 4);
	check_least_squares("two alike at 0", four, (double[]) {0.0, 0.5, 0.0, 0.5}, 4);
}

static void
check_informedness(void)
{
	static const int64_t good[] = {80, 20, 10, 90};
	static const int64_t guess[] = {50, 50, 50, 50};
	static const int64_t unseen[] = {0, 0, 10, 90};
	double		low;
	double		informedness = vc_informedness(good, 2, 0, &low);

	/* Newcombe's method 10 of 80 of 100 less 10 of 100: 0.5842 to 0.7803 */
	ok(fabs(informedness - 0.7) < 1e-12 && fabs(low - 0.58415) < 0.00001, "told from the rest, at least %.4f", low);
	ok(vc_informedness(guess, 2, 1, &low) == 0 && low < 0, "guessed");
	ok(isnan(vc_informedness(unseen, 2, 1, &low)), "not known");
}

int
main(void)
{
	check_quapy();
	check_options();
	check_simplex();
	check_informedness();
	return done();
}

/*
 * prevalence_interval.c
 *		How sure an estimate is: a Bayesian bootstrap of validation and group.
 */
#include "engine/counting/prevalence_private.h"
#include "engine/support/random.h"
#include "engine/counting/simplex.h"

#include <math.h>
#include <stdlib.h>

/* Each resample has a stream for the validation images and one for a group. */
enum
{
	STREAM_VALIDATION,
	STREAM_GROUP,
	STREAMS
};

/*
 * The seed of some images' weights.  Other images get other draws, so that
 * what chance does to the bounds is not the same in every group and model.
 */
static uint64_t
seed_of(const vc_quantifier *q, const vc_cells *cells, int count)
{
	uint64_t	seed = vc_mix(q->options.seed);

	for (int c = 0; c < count; c++)
		for (int i = 0; i < cells[c].count; i++)
			seed = vc_mix(seed ^ (uint64_t) cells[c].weights[i]);
	return seed;
}

static vc_draws
draws_of(uint64_t seed, int resample, int stream)
{
	return (vc_draws) {seed, (uint64_t) resample * STREAMS + stream, 0};
}

/* Uniform between 0 and 1, neither of them drawn. */
static double
draw_uniform(vc_draws *draws)
{
	uint64_t	bits = vc_random_bits(draws->seed, draws->stream, draws->next++);

	return ((double) (bits >> 12) + 0.5) / 4503599627370496.0;
}

/* Standard normal, by the polar method (Marsaglia and Bray 1964). */
static double
draw_normal(vc_draws *draws)
{
	for (;;)
	{
		double		x = 2 * draw_uniform(draws) - 1;
		double		y = 2 * draw_uniform(draws) - 1;
		double		s = x * x + y * y;

		if (s > 0 && s < 1)
			return x * sqrt(-2 * log(s) / s);
	}
}

/* Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). */
double
vc_draw_gamma(vc_draws *draws, double shape)
{
	double		d;
	double		c;

	if (shape == 1)
		return -log(draw_uniform(draws));
	if (shape < 1)
		return vc_draw_gamma(draws, shape + 1) * pow(draw_uniform(draws), 1 / shape);
	d = shape - 1.0 / 3;
	c = 1 / sqrt(9 * d);
	for (;;)
	{
		double		x = draw_normal(draws);
		double		v = 1 + c * x;

		v = v * v * v;
		if (v > 0 && log(draw_uniform(draws)) < 0.5 * x * x + d - d * v + d * log(v))
			return d * v;
	}
}

/*
 * Weights of the cells, for one resample.  Classes as cells share one more
 * image among them, half of it each where there are two.
 */
static void
draw_weights(vc_draws *draws, const vc_cells *cells, double *weights)
{
	double		prior = cells->means == NULL ? 1.0 / cells->count : 0;

	for (int i = 0; i < cells->count; i++)
		weights[i] = vc_draw_gamma(draws, cells->weights[i] + prior);
}

static vc_status
resample_validation(vc_quantifier *q, const vc_cells *cells, double **weights, double *scratch,
					vc_error *error)
{
	uint64_t	seed = seed_of(q, cells, q->options.classes);

	for (int r = 0; r < q->options.resamples; r++)
	{
		vc_draws	draws = draws_of(seed, r, STREAM_VALIDATION);

		if (vc_canceled(q))
			return vc_fail(error, VC_CANCELED, "canceled");
		for (int c = 0; c < q->options.classes; c++)
			draw_weights(&draws, &cells[c], weights[c]);
		vc_learn(q, cells, weights, &q->resampled[r], scratch);
	}
	return VC_OK;
}

vc_status
vc_resample_validation(vc_quantifier *q, const vc_cells *cells, vc_error *error)
{
	int			classes = q->options.classes;
	size_t		count = (size_t) 2 * classes * classes + classes;
	double	   *scratch;
	double	  **weights = malloc(sizeof(double *) * classes);
	double	   *at;
	vc_status	status;

	for (int c = 0; c < classes; c++)
		count += cells[c].count;
	scratch = malloc(sizeof(double) * count);
	if (scratch == NULL || weights == NULL)
	{
		free(scratch);
		free(weights);
		return vc_no_memory(error, sizeof(double) * count);
	}
	at = scratch + 2 * classes * classes + classes;
	for (int c = 0; c < classes; at += cells[c].count, c++)
		weights[c] = at;
	status = resample_validation(q, cells, weights, scratch, error);
	free(scratch);
	free(weights);
	return status;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* The quantile of sorted numbers, between neighbours in proportion. */
static double
quantile(const double *sorted, int count, double level)
{
	double		place = level * (count - 1);
	int			below = (int) place;

	if (below >= count - 1)
		return sorted[count - 1];
	return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

/* The estimates of every resample, into draws[classes][resamples]. */
static vc_status
resample_group(const vc_quantifier *q, const vc_cells *cells, const vc_prevalence *out, double *draws,
			   double *scratch, vc_error *error)
{
	int			classes = q->options.classes;
	double	   *shares = scratch + VC_ESTIMATE_SCRATCH(classes);
	double	   *observed = shares + classes;
	double	   *weights = observed + classes;
	uint64_t	seed = seed_of(q, cells, 1);

	for (int c = 0; c < classes; c++)
		observed[c] = out[c].share;
	for (int r = 0; r < q->options.resamples; r++)
	{
		vc_draws	random = draws_of(seed, r, STREAM_GROUP);

		if (vc_canceled(q))
			return vc_fail(error, VC_CANCELED, "canceled");
		draw_weights(&random, cells, weights);
		vc_away_from_zero(observed, classes, shares);
		vc_estimate(q, &q->resampled[r], cells, weights, shares, scratch);
		for (int c = 0; c < classes; c++)
			draws[(size_t) c * q->options.resamples + r] = shares[c];
	}
	if (vc_canceled(q))			/* within the last one */
		return vc_fail(error, VC_CANCELED, "canceled");
	return VC_OK;
}

vc_status
vc_interval(const vc_quantifier *q, const vc_cells *cells, vc_prevalence *out, vc_error *error)
{
	int			classes = q->options.classes;
	int			resamples = q->options.resamples;
	double		tail = (1 - q->options.confidence) / 2;
	size_t		count = VC_ESTIMATE_SCRATCH(classes) + 2 * classes + cells->count;
	double	   *scratch = malloc(sizeof(double) * (count + (size_t) classes * resamples));
	double	   *draws = scratch + count;
	vc_status	status;

	if (scratch == NULL)
		return vc_no_memory(error, sizeof(double) * (count + (size_t) classes * resamples));
	status = resample_group(q, cells, out, draws, scratch, error);
	for (int c = 0; c < classes && status == VC_OK; c++)
	{
		double	   *of_class = draws + (size_t) c * resamples;

		qsort(of_class, resamples, sizeof(double), compare_doubles);
		out[c].low = fmin(out[c].share, quantile(of_class, resamples, tail));
		out[c].high = fmax(out[c].share, quantile(of_class, resamples, 1 - tail));
	}
	free(scratch);
	return status;
}

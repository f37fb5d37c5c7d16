/*
 * prevalence_interval.c
 *		How sure an estimate is: a Bayesian bootstrap of validation and group.
 */
#include "engine/counting/prevalence_private.h"
#include "engine/support/quantile.h"
#include "engine/support/random.h"
#include "engine/counting/simplex.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* How many clusters the images of the class with the fewest are in; classes without images are passed over. */
static int
fewest_clusters(const vc_quantifier *q, const vc_classified *images, double *seen)
{
	int			fewest = q->options.clusters;

	for (int c = 0; c < q->options.classes; c++)
	{
		int			count = 0;

		memset(seen, 0, sizeof(double) * q->options.clusters);
		for (int64_t i = 0; i < images[c].count; i++)
		{
			count += seen[images[c].clusters[i]] == 0;
			seen[images[c].clusters[i]] = 1;
		}
		if (count > 0 && count < fewest)
			fewest = count;
	}
	return fewest;
}

/*
 * The shape of gamma draws of so many clusters by which a mean of them varies as
 * much as an interval by Student's distribution says: n shape + 1 = (n - 1) (z / t)^2.
 */
static double
shape_of(int clusters)
{
	double		ratio;

	if (clusters < 2)
		return 0.05;
	ratio = vc_normal_quantile(0.975) / vc_t_quantile(0.975, clusters - 1);
	return fmax(0.05, ((clusters - 1) * ratio * ratio - 1) / clusters);
}

/* Weights of the cells of a class, where each cluster has its draw. */
static void
add_draws(vc_draws *draws, const vc_classified *images, const vc_cells *cells, const double *of_cluster, double *weights)
{
	double		prior = cells->means == NULL ? 1.0 / cells->count : 0;

	for (int i = 0; i < cells->count; i++)
		weights[i] = prior > 0 ? vc_draw_gamma(draws, prior) : 0;
	for (int64_t i = 0; i < images->count; i++)
		weights[cells->means == NULL ? images->labels[i] : i] += of_cluster[images->clusters[i]];
}

/* Room for weights and draws while validation images are resampled. */
typedef struct room
{
	double	  **weights;		/* [classes][cells] */
	double	   *of_cluster;		/* [clusters] */
	double	   *scratch;		/* vc_learn's */
} room;

static vc_status
resample_validation(vc_quantifier *q, const vc_classified *images, const vc_cells *cells, const room *m,
					vc_error *error)
{
	uint64_t	seed = seed_of(q, cells, q->options.classes);
	int			clusters = q->options.clusters;
	double		shape = clusters > 0 ? shape_of(fewest_clusters(q, images, m->of_cluster)) : 1;

	for (int r = 0; r < q->options.resamples; r++)
	{
		vc_draws	draws = draws_of(seed, r, STREAM_VALIDATION);

		if (vc_canceled(q))
			return vc_fail(error, VC_CANCELED, "canceled");
		for (int k = 0; k < clusters; k++)
			m->of_cluster[k] = vc_draw_gamma(&draws, shape) / shape;
		for (int c = 0; c < q->options.classes; c++)
			if (clusters > 0)
				add_draws(&draws, &images[c], &cells[c], m->of_cluster, m->weights[c]);
			else
				draw_weights(&draws, &cells[c], m->weights[c]);
		vc_learn(q, cells, m->weights, &q->resampled[r], m->scratch);
	}
	return VC_OK;
}

vc_status
vc_resample_validation(vc_quantifier *q, const vc_classified *images, const vc_cells *cells, vc_error *error)
{
	int			classes = q->options.classes;
	size_t		count = (size_t) 2 * classes * classes + classes + q->options.clusters;
	room		m = {.weights = malloc(sizeof(double *) * classes)};
	double	   *at;
	vc_status	status;

	for (int c = 0; c < classes; c++)
		count += cells[c].count;
	m.scratch = malloc(sizeof(double) * count);
	if (m.scratch == NULL || m.weights == NULL)
	{
		free(m.scratch);
		free(m.weights);
		return vc_no_memory(error, sizeof(double) * count);
	}
	m.of_cluster = m.scratch + 2 * classes * classes + classes;
	at = m.of_cluster + q->options.clusters;
	for (int c = 0; c < classes; at += cells[c].count, c++)
		m.weights[c] = at;
	status = resample_validation(q, images, cells, &m, error);
	free(m.scratch);
	free(m.weights);
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

/*
 * Every resample ends at the same border of what shares may be, so the errors are not
 * those of the validation images; what can be said is what a count without
 * correction would leave open.
 */
static void
open_interval(vc_prevalence *out, double images, double tail)
{
	double		raw = isnan(out->raw) ? out->share : out->raw;
	double		a = raw * images + 0.5;
	double		b = (1 - raw) * images + 0.5;

	out->low = fmin(out->low, vc_beta_quantile(tail, a, b));
	out->high = fmax(out->high, 1 - vc_beta_quantile(tail, b, a));
}

void
vc_draws_interval(double *draws, int count, double confidence, double *low, double *high)
{
	double		tail = (1 - confidence) / 2;

	qsort(draws, count, sizeof(double), compare_doubles);
	*low = quantile(draws, count, tail);
	*high = quantile(draws, count, 1 - tail);
}

vc_status
vc_interval(const vc_quantifier *q, const vc_cells *cells, vc_prevalence *out, double *kept, vc_error *error)
{
	int			classes = q->options.classes;
	int			resamples = q->options.resamples;
	size_t		count = VC_ESTIMATE_SCRATCH(classes) + 2 * classes + cells->count;
	double	   *scratch = malloc(sizeof(double) * (count + (size_t) classes * resamples));
	double	   *draws = scratch + count;
	double		images = 0;
	vc_status	status;

	if (scratch == NULL)
		return vc_no_memory(error, sizeof(double) * (count + (size_t) classes * resamples));
	for (int i = 0; i < cells->count; i++)
		images += cells->weights[i];
	status = resample_group(q, cells, out, draws, scratch, error);
	if (kept != NULL && status == VC_OK)
		memcpy(kept, draws, sizeof(double) * classes * resamples);
	for (int c = 0; c < classes && status == VC_OK; c++)
	{
		double		low;
		double		high;

		vc_draws_interval(draws + (size_t) c * resamples, resamples, q->options.confidence, &low, &high);
		out[c].low = fmin(out[c].share, low);
		out[c].high = fmax(out[c].share, high);
		if (out[c].low == out[c].high)
			open_interval(&out[c], images, (1 - q->options.confidence) / 2);
	}
	free(scratch);
	return status;
}

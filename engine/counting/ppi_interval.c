/*
 * ppi_interval.c
 *		Intervals of shares and of sums of shares, and how many labels they take.
 */
#include "engine/counting/ppi_private.h"
#include "engine/support/quantile.h"

#include <math.h>

/* What of a share that is unknown may still be: 0 to most, by a beta distribution of mean and variance. */
void
vc_ppi_bounds(double mean, double variance, double most, double quantile, double *low, double *high)
{
	double		m = mean / most;
	double		images = m * (1 - m) * most * most / variance - 1;
	double		tail = erfc(quantile / M_SQRT2) / 2;

	images = fmax(images, 0.01);
	*low = most * vc_beta_quantile(tail, m * images, (1 - m) * images);
	*high = most * (1 - vc_beta_quantile(tail, (1 - m) * images, m * images));
}

/* The estimate of a group alone: the shares that its labels show. */
static double
own_share(const vc_ppi *ppi, const vc_ppi_work *w, int group)
{
	double		share = 0;

	for (int side = 0; side < SIDES; side++)
		share += w->sides[group * SIDES + side].unknown / ppi->images[2 * group] * w->sides[group * SIDES + side].seen;
	return share;
}

/* A group's images of unknown label, averaged over the fits. */
static vc_ppi_guess
average(const vc_ppi *ppi, const vc_ppi_work *w, int group, const vc_ppi_fit *fits, int count)
{
	vc_ppi_guess mean = {0};
	double		square = 0;

	for (int i = 0; i < count; i++)
	{
		vc_ppi_guess one = vc_ppi_guess_group(ppi, w, group, &fits[i]);

		mean.share += fits[i].weight * one.share;
		square += fits[i].weight * (one.share * one.share + one.variance + vc_ppi_square(w, &fits[i], one.loading));
		mean.single += fits[i].weight * one.single;
		mean.borrowed += fits[i].weight * one.borrowed;
	}

	/* beside what is not known of the odds, how images of unknown label came out */
	mean.variance = square - mean.share * mean.share + mean.single * w->design_effect / ppi->images[2 * group];
	return mean;
}

void
vc_ppi_join(const vc_ppi *ppi, const vc_ppi_work *w, int group, const vc_ppi_fit *fits, int count,
			vc_ppi_part *part)
{
	double		images = ppi->images[2 * group];
	double		most = ppi->images[2 * group + 1] / images;
	double		known = ppi->data.known[(size_t) group * ppi->data.classes + w->class_index] / images;
	vc_ppi_guess guess;
	double		share;
	double		low;
	double		high;

	*part = (vc_ppi_part) {0};
	if (images == 0)
		return;
	part->found = (vc_ppi_share) {known, known, known, 0};
	if (most == 0)
		return;
	guess = average(ppi, w, group, fits, count);
	vc_ppi_bounds(guess.share, guess.variance, most, w->quantile, &low, &high);
	share = guess.share;
	if (count == 1 && w->sides[group * SIDES].labels + w->sides[group * SIDES + 1].labels > 0)
	{
		share = own_share(ppi, w, group);
		guess.borrowed = 0;
	}

	/* images are whole: half a one on each side */
	low = fmax(0, fmin(share, low - 0.5 / images));
	high = fmin(most, fmax(share, high + 0.5 / images));
	part->found = (vc_ppi_share) {known + share, known + low, known + high, guess.borrowed};
	part->variance = guess.variance;
	part->single = guess.single;
}

/* Adds to the shares of a group what is missing to 1, where there is room; returns what still is. */
static double
add_missing(const vc_ppi *ppi, int group, vc_ppi_part *parts, double missing)
{
	const int64_t *known = ppi->data.known + (size_t) group * ppi->data.classes;
	double		images = ppi->images[2 * group];
	double		most = ppi->images[2 * group + 1] / images;
	double		sum = 0;
	double		rest = missing;

	for (int c = 0; c < ppi->data.classes; c++)
	{
		double		room = parts[c].found.share - known[c] / images;

		sum += (missing > 0 ? room < most : room > 0) ? parts[c].variance : 0;
	}
	for (int c = 0; c < ppi->data.classes && sum > 0; c++)
	{
		vc_ppi_share *s = &parts[c].found;
		double		before = s->share;
		double		room = before - known[c] / images;

		if (missing > 0 ? room < most : room > 0)
			s->share = known[c] / images + fmax(0, fmin(most, room + missing * parts[c].variance / sum));
		s->low = fmin(s->low, s->share);
		s->high = fmax(s->high, s->share);
		rest -= s->share - before;
	}
	return rest;
}

/* What is missing is spread by the variances of the shares. */
void
vc_ppi_add_up(vc_ppi *ppi, int group)
{
	vc_ppi_part *parts = &ppi->parts[(size_t) group * ppi->data.classes];
	double		missing = ppi->images[2 * group] > 0;

	for (int c = 0; c < ppi->data.classes; c++)
		missing -= parts[c].found.share;
	for (int round = 0; round < ppi->data.classes && fabs(missing) > 1e-12; round++)
		missing = add_missing(ppi, group, parts, missing);
}

/* Estimates a sum of groups by one fit; returns its variance. */
static double
compare_by(const vc_ppi *ppi, const vc_ppi_work *w, const double *coefficients, const vc_ppi_fit *fit, vc_ppi_contrast *sum)
{
	double		loading[MOST_PARAMETERS] = {0};
	double		variance = 0;

	for (int g = 0; g < ppi->data.groups; g++)
	{
		double		c = coefficients[g];
		vc_ppi_guess guess;
		double		share;

		if (c == 0 || ppi->images[2 * g] == 0)
			continue;
		guess = vc_ppi_guess_group(ppi, w, g, fit);
		share = guess.share + (double) ppi->data.known[(size_t) g * ppi->data.classes + w->class_index] / ppi->images[2 * g];
		*(c > 0 ? &sum->above : &sum->below) += fabs(c) * share;
		variance += c * c * (guess.variance + guess.single * w->design_effect / ppi->images[2 * g]);
		for (int a = 0; a < SIDES + w->covariates; a++)
			loading[a] += c * guess.loading[a];
	}
	return variance + vc_ppi_square(w, fit, loading);
}

/* What a sum may be at most and at least, by what is known. */
static void
known_range(const vc_ppi *ppi, int class_index, const double *coefficients, vc_ppi_contrast *range)
{
	range->low = range->high = 0;
	for (int g = 0; g < ppi->data.groups; g++)
	{
		double		images = fmax(1, ppi->images[2 * g]);
		double		known = ppi->data.known[(size_t) g * ppi->data.classes + class_index] / images;
		double		unknown = ppi->images[2 * g + 1] / images;

		range->low += coefficients[g] * (known + (coefficients[g] < 0 ? unknown : 0));
		range->high += coefficients[g] * (known + (coefficients[g] > 0 ? unknown : 0));
	}
}

/*
 * The coefficients themselves are a covariate: groups are drawn together but not in
 * the direction that is asked about, where that would make any change look smaller.
 */
vc_ppi_contrast
vc_ppi_compare(vc_ppi *ppi, int class_index, const double *coefficients)
{
	vc_ppi_work w = {.class_index = class_index, .sides = ppi->sides, .covariate = {ppi->scaled}};
	vc_ppi_fit	fits[MOST_FITS];
	vc_ppi_contrast found = {0};
	double		largest = 0;
	double		square = 0;
	double		half;
	int			count;

	for (int g = 0; g < ppi->data.groups; g++)
		largest = fmax(largest, fabs(coefficients[g]));
	for (int g = 0; g < ppi->data.groups; g++)
		ppi->scaled[g] = largest > 0 ? coefficients[g] / largest : 0;
	vc_ppi_gather(ppi, &w);
	w.covariates = vc_ppi_may_differ(ppi, &w);
	count = vc_ppi_fit_all(ppi, &w, fits);
	for (int i = 0; i < count; i++)
	{
		vc_ppi_contrast sum = {0};
		double		variance = compare_by(ppi, &w, coefficients, &fits[i], &sum);

		found.above += fits[i].weight * sum.above;
		found.below += fits[i].weight * sum.below;
		square += fits[i].weight * (pow(sum.above - sum.below, 2) + variance);
	}
	found.value = found.above - found.below;
	half = w.quantile * sqrt(fmax(0, square - found.value * found.value));
	known_range(ppi, class_index, coefficients, &found);
	found.low = fmax(found.low, found.value - half);
	found.high = fmin(found.high, found.value + half);
	return found;
}

/*
 * ppi_fit.c
 *		Fits what groups have in common, and how much they may differ.
 *
 * The standard deviation of groups' shifts is not estimated but averaged over.
 * Each value is weighted by the likelihood of the labels and by a half normal
 * prior of scale 1/2 (odds 1.6 times as high): if no spread shows, there may
 * still be some. For each value, the log odds of the sides and the effects of
 * covariates are found by Newton's method on the likelihood with the shifts
 * integrated out.
 */
#include "engine/counting/ppi_private.h"
#include "engine/counting/simplex.h"

#include <math.h>
#include <string.h>

#define ROUNDS 30
#define ENOUGH_GROUPS 5			/* for the effect of what is said of a group */
#define EFFECT 3.0				/* prior standard deviation of a covariate's effect: hardly any */

static const double deviations[MOST_FITS] = {0, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.9, 1.2, 1.6, 2.2, 3};

/* The first and second derivatives of a logarithm of a likelihood; the second one's sign is turned. */
typedef struct derivatives
{
	double		slope[MOST_PARAMETERS];
	double		information[MOST_PARAMETERS * MOST_PARAMETERS];
} derivatives;

/* A group's derivatives by the log odds of its sides. */
static void
differentiate(const vc_ppi_side *sides, const vc_ppi_shifts *found, double *slope, double *information)
{
	double		square[SIDES * SIDES] = {0};

	memset(slope, 0, sizeof(double) * SIDES);
	memset(information, 0, sizeof(double) * SIDES * SIDES);
	for (int k = 0; k < found->count; k++)
	{
		double		s[SIDES];

		for (int i = 0; i < SIDES; i++)
		{
			double		share = found->share[k][i];

			s[i] = sides[i].labels * (sides[i].seen - share);
			slope[i] += found->weight[k] * s[i];
			information[i * SIDES + i] += found->weight[k] * sides[i].labels * share * (1 - share);
		}
		for (int i = 0; i < SIDES; i++)
			for (int j = 0; j < SIDES; j++)
				square[i * SIDES + j] += found->weight[k] * s[i] * s[j];
	}
	for (int i = 0; i < SIDES; i++)
		for (int j = 0; j < SIDES; j++)
			information[i * SIDES + j] -= square[i * SIDES + j] - slope[i] * slope[j];
}

/* How the log odds of a side in a group change with a parameter. */
static double
design(const vc_ppi_work *w, int group, int groups, int side, int parameter)
{
	if (parameter < SIDES)
		return parameter == side;
	return group < groups ? w->covariate[parameter - SIDES][group] : 0;
}

static double
add_groups(const vc_ppi *ppi, const vc_ppi_work *w, const vc_ppi_fit *fit, derivatives *d)
{
	int			groups = ppi->data.groups;
	int			n = SIDES + w->covariates;
	double		sum = 0;

	for (int g = 0; g <= groups; g++)
	{
		const vc_ppi_side *sides = &w->sides[g * SIDES];
		vc_ppi_shifts found;
		double		slope[SIDES];
		double		information[SIDES * SIDES];

		if (g % 1024 == 0 && vc_ppi_canceled(ppi))
			break;
		if (sides[0].labels + sides[1].labels == 0)
			continue;
		vc_ppi_find_shifts(w, g, groups, fit, &found);
		differentiate(sides, &found, slope, information);
		sum += found.log_likelihood;
		for (int a = 0; a < n; a++)
			for (int i = 0; i < SIDES; i++)
			{
				d->slope[a] += design(w, g, groups, i, a) * slope[i];
				for (int b = 0; b < n; b++)
					for (int j = 0; j < SIDES; j++)
						d->information[a * n + b] += design(w, g, groups, i, a) * design(w, g, groups, j, b) *
							information[i * SIDES + j];
			}
	}
	return sum;
}

/* One image more on each side, so that no share is 0 or 1, and the priors of effects; returns their log likelihood. */
static double
add_priors(const vc_ppi *ppi, const vc_ppi_work *w, const vc_ppi_fit *fit, derivatives *d)
{
	int			n = SIDES + w->covariates;
	double		seen = 1.0 / ppi->data.classes;
	double		sum = 0;

	for (int a = 0; a < SIDES; a++)
	{
		double		share = 1 / (1 + exp(-fit->parameters[a]));

		d->slope[a] += seen - share;
		d->information[a * n + a] += share * (1 - share);
		sum += seen * log(share) + (1 - seen) * log1p(-share);
	}
	for (int a = SIDES; a < n; a++)
	{
		d->slope[a] -= fit->parameters[a] / (EFFECT * EFFECT);
		d->information[a * n + a] += 1 / (EFFECT * EFFECT);
		sum -= fit->parameters[a] * fit->parameters[a] / (2 * EFFECT * EFFECT);
	}
	return sum;
}

/* The determinant of a small symmetric matrix above 0, by its Cholesky factor. */
static double
log_determinant(const double *a, int n)
{
	double		l[MOST_PARAMETERS * MOST_PARAMETERS];
	double		sum = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			double		rest = a[i * n + j];

			for (int k = 0; k < j; k++)
				rest -= l[i * n + k] * l[j * n + k];
			l[i * n + j] = i == j ? sqrt(fmax(rest, 1e-30)) : rest / l[j * n + j];
			sum += i == j ? 2 * log(l[i * n + i]) : 0;
		}
	return sum;
}

/* Finds the parameters for a deviation, from where they are; returns how likely the labels are. */
static double
fit_one(const vc_ppi *ppi, const vc_ppi_work *w, vc_ppi_fit *fit)
{
	int			n = SIDES + w->covariates;
	double		scratch[2 * MOST_PARAMETERS * MOST_PARAMETERS];
	double		likelihood = 0;
	double		change = 1;

	for (int round = 0; round < ROUNDS && change > 1e-6 && !vc_ppi_canceled(ppi); round++)
	{
		derivatives d = {0};

		likelihood = add_priors(ppi, w, fit, &d) + add_groups(ppi, w, fit, &d);
		if (!vc_invert(d.information, n, fit->covariance, scratch))
			break;
		change = 0;
		for (int a = 0; a < n; a++)
		{
			double		step = 0;

			for (int b = 0; b < n; b++)
				step += fit->covariance[a * n + b] * d.slope[b];
			step = fmax(-1, fmin(1, step));
			fit->parameters[a] += step;
			change = fmax(change, fabs(step));
		}
	}
	return likelihood + log_determinant(fit->covariance, n) / 2;
}

bool
vc_ppi_may_differ(const vc_ppi *ppi, const vc_ppi_work *w)
{
	const vc_ppi_side *strangers = &w->sides[ppi->data.groups * SIDES];
	int			labelled = 0;

	for (int g = 0; g < ppi->data.groups; g++)
		labelled += w->sides[g * SIDES].labels + w->sides[g * SIDES + 1].labels > 0;
	return labelled > 0 && (ppi->data.groups > 1 || strangers[0].labels + strangers[1].labels > 0);
}

void
vc_ppi_add_counts(vc_ppi *ppi, vc_ppi_work *w)
{
	double	   *x = ppi->covariates + w->covariates * (size_t) ppi->data.groups;
	double		images = 0;
	double		mean = 0;
	double		largest = 0;

	if (ppi->data.groups < ENOUGH_GROUPS || w->merged || !vc_ppi_may_differ(ppi, w))
		return;
	for (int g = 0; g < ppi->data.groups; g++)
	{
		const vc_ppi_side *sides = &w->sides[g * SIDES];

		x[g] = log((sides[1].unknown + 0.5) / (sides[0].unknown + 0.5));
		images += sides[0].unknown + sides[1].unknown;
		mean += x[g] * (sides[0].unknown + sides[1].unknown);
	}
	mean = images > 0 ? mean / images : 0;
	for (int g = 0; g < ppi->data.groups; g++)
	{
		x[g] -= mean;
		largest = fmax(largest, fabs(x[g]));
	}
	for (int g = 0; g < ppi->data.groups && largest > 0; g++)
		x[g] /= largest;
	if (largest > 0)
		w->covariate[w->covariates++] = x;
}

int
vc_ppi_fit_all(const vc_ppi *ppi, const vc_ppi_work *w, vc_ppi_fit *fits)
{
	int			count = vc_ppi_may_differ(ppi, w) ? MOST_FITS : 1;
	double		best = -INFINITY;
	double		sum = 0;

	for (int i = 0; i < count; i++)
	{
		fits[i] = i > 0 ? fits[i - 1] : (vc_ppi_fit) {0};
		fits[i].deviation = deviations[i];
		fits[i].weight = fit_one(ppi, w, &fits[i]) - 2 * deviations[i] * deviations[i];
		best = fmax(best, fits[i].weight);
	}
	for (int i = 0; i < count; i++)
	{
		double		length = deviations[i + 1 < count ? i + 1 : i] - deviations[i > 0 ? i - 1 : 0];

		sum += fits[i].weight = exp(fits[i].weight - best) * (count > 1 ? length : 1);
	}
	for (int i = 0; i < count; i++)
		fits[i].weight /= sum;
	return count;
}

vc_ppi_guess
vc_ppi_guess_group(const vc_ppi *ppi, const vc_ppi_work *w, int group, const vc_ppi_fit *fit)
{
	const vc_ppi_side *sides = &w->sides[group * SIDES];
	vc_ppi_guess guess = {0};
	vc_ppi_shifts found;
	double		square = 0;

	/* how far it moves with the log odds of a side: by itself, and by the shift that labels then leave */
	double		loading[SIDES] = {0};
	double		slope[SIDES] = {0};

	vc_ppi_find_shifts(w, group, ppi->data.groups, fit, &found);
	for (int k = 0; k < found.count; k++)
	{
		double		share = 0;

		for (int i = 0; i < SIDES; i++)
			share += sides[i].unknown / ppi->images[2 * group] * found.share[k][i];
		guess.share += found.weight[k] * share;
		square += found.weight[k] * share * share;
		for (int i = 0; i < SIDES; i++)
		{
			double		of_side = found.share[k][i];
			double		of_labels = sides[i].labels * (sides[i].seen - of_side);
			double		single = sides[i].unknown / ppi->images[2 * group] * of_side * (1 - of_side);

			slope[i] += found.weight[k] * of_labels;
			loading[i] += found.weight[k] * (single + of_labels * share);
			guess.single += found.weight[k] * single;
		}
	}
	for (int i = 0; i < SIDES; i++)
		loading[i] -= slope[i] * guess.share;
	for (int a = 0; a < SIDES + w->covariates; a++)
		for (int i = 0; i < SIDES; i++)
			guess.loading[a] += design(w, group, ppi->data.groups, i, a) * loading[i];
	guess.variance = fmax(0, square - guess.share * guess.share);
	if (guess.single > 0)
		guess.borrowed = fmax(0, fmin(1, (loading[0] + loading[1]) / guess.single));
	return guess;
}

double
vc_ppi_square(const vc_ppi_work *w, const vc_ppi_fit *fit, const double *x)
{
	int			n = SIDES + w->covariates;
	double		sum = 0;

	for (int a = 0; a < n; a++)
		for (int b = 0; b < n; b++)
			sum += x[a] * fit->covariance[a * n + b] * x[b];
	return sum;
}

/*
 * ppi_shift.c
 *		Estimates how much a group differs from the others, by its own labels.
 *
 * The log odds that an image is of the class are those of its side in all
 * groups plus a shift of its group, which is normal around 0: a logistic
 * regression with a random intercept. If a class is more frequent in a group
 * but the classifier is the same, the odds of both sides shift alike, so one
 * shift is the main difference of groups. The predictions of a group tell a
 * part of its shift (vc_ppi_add_counts). A group with many labels finds the
 * rest, which makes its labelled images as frequent in the class as they are;
 * for a group with few labels the rest stays near 0. Integrals over a shift
 * use adaptive Gauss-Hermite quadrature.
 */
#include "engine/counting/ppi_private.h"

#include <math.h>

#define ROUNDS 30				/* of Newton's method, at most */

/* Gauss and Hermite's nodes and their weights. */
static const double nodes[NODES] = {
	-3.190993201781528, -2.266580584531843, -1.468553289216668, -0.7235510187528376, 0,
	0.7235510187528376, 1.468553289216668, 2.266580584531843, 3.190993201781528
};
static const double weights[NODES] = {
	3.960697726326e-5, 4.943624275537e-3, 8.847452739438e-2, 4.326515590026e-1, 7.202352156061e-1,
	4.326515590026e-1, 8.847452739438e-2, 4.943624275537e-3, 3.960697726326e-5
};

static double
logistic(double x)
{
	return 1 / (1 + exp(-x));
}

/* log(1 + exp(x)) */
static double
softplus(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* The logarithm of the density of labels and shift, but for a constant. */
static double
log_density(const vc_ppi_side *sides, const double *odds, double deviation, double shift)
{
	double		sum = deviation > 0 ? -shift * shift / (2 * deviation * deviation) : 0;

	for (int side = 0; side < SIDES; side++)
		if (sides[side].labels > 0)
			sum += sides[side].labels * (sides[side].seen * (odds[side] + shift) - softplus(odds[side] + shift));
	return sum;
}

/* The likeliest shift, and how wide it is spread. */
static double
find_mode(const vc_ppi_side *sides, const double *odds, double deviation, double *spread)
{
	double		precision = 1 / (deviation * deviation);
	double		shift = 0;
	double		curvature = precision;

	for (int round = 0; round < ROUNDS; round++)
	{
		double		slope = -shift * precision;
		double		step;

		curvature = precision;
		for (int side = 0; side < SIDES; side++)
		{
			double		share = logistic(odds[side] + shift);

			slope += sides[side].labels * (sides[side].seen - share);
			curvature += sides[side].labels * share * (1 - share);
		}
		step = fmax(-1, fmin(1, slope / curvature));
		shift += step;
		if (fabs(step) < 1e-8)
			break;
	}
	*spread = 1 / sqrt(curvature);
	return shift;
}

/* The log odds of both sides of a group without its shift. */
static void
group_odds(const vc_ppi_work *w, int group, int groups, const vc_ppi_fit *fit, double *odds)
{
	double		effect = 0;

	for (int i = 0; i < w->covariates && group < groups; i++)
		effect += fit->parameters[SIDES + i] * w->covariate[i][group];
	for (int side = 0; side < SIDES; side++)
		odds[side] = fit->parameters[side] + effect;
}

void
vc_ppi_find_shifts(const vc_ppi_work *w, int group, int groups, const vc_ppi_fit *fit, vc_ppi_shifts *found)
{
	const vc_ppi_side *sides = &w->sides[group * SIDES];
	double		odds[SIDES];
	double		spread = 0;
	double		mode = 0;
	double		highest;
	double		sum = 0;

	group_odds(w, group, groups, fit, odds);
	if (fit->deviation > 0)
		mode = find_mode(sides, odds, fit->deviation, &spread);
	highest = log_density(sides, odds, fit->deviation, mode);
	found->count = fit->deviation > 0 ? NODES : 1;
	for (int k = 0; k < found->count; k++)
	{
		double		node = found->count > 1 ? nodes[k] : 0;
		double		shift = mode + M_SQRT2 * spread * node;

		for (int side = 0; side < SIDES; side++)
			found->share[k][side] = logistic(odds[side] + shift);
		found->weight[k] = found->count == 1 ? 1 :
			weights[k] * exp(node * node + log_density(sides, odds, fit->deviation, shift) - highest);
		sum += found->weight[k];
	}
	for (int k = 0; k < found->count; k++)
		found->weight[k] /= sum;
	found->log_likelihood = highest;
	if (found->count > 1)
		found->log_likelihood += log(sum * spread / fit->deviation) - log(M_PI) / 2;
}

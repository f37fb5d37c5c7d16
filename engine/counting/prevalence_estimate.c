/*
 * prevalence_estimate.c
 *		One estimate from one set of weights, and what it rests on.
 *
 * The estimate itself and each resample are made by the same functions.
 */
#include "engine/counting/prevalence_private.h"
#include "engine/counting/simplex.h"

#include <math.h>

#define EM_MOST 10000			/* iterations */
#define EM_TOLERANCE 1e-6		/* mean change of a share, for an end; of a resample */

bool
vc_uses_rates(vc_quantification method)
{
	return method == VC_ACC || method == VC_PACC;
}

/* One step from the shares to the mean of the reweighed probabilities, into next[classes]. */
static void
reweigh(const vc_cells *cells, const double *weights, int classes, const double *prior,
		const double *shares, double *next, double *ratio)
{
	double		total = 0;

	for (int c = 0; c < classes; c++)
	{
		ratio[c] = shares[c] / prior[c];
		next[c] = 0;
	}
	for (int i = 0; i < cells->count; i++)
	{
		const double *p = cells->means + (size_t) i * classes;
		double		sum = 0;

		for (int c = 0; c < classes; c++)
			sum += ratio[c] * p[c];
		for (int c = 0; c < classes && sum > 0; c++)
			next[c] += weights[i] * ratio[c] * p[c] / sum;
		total += weights[i];
	}
	for (int c = 0; c < classes; c++)
		next[c] /= total;
}

void
vc_expect_maximize(const vc_quantifier *q, const vc_learnt *learnt, const vc_cells *cells,
				   const double *weights, double tolerance, double *shares, double *scratch)
{
	int			classes = q->options.classes;
	double		change = 1;

	for (int round = 0; round < EM_MOST && change >= tolerance && !vc_canceled(q); round++)
	{
		reweigh(cells, weights, classes, learnt->prior, shares, scratch, scratch + classes);
		change = 0;
		for (int c = 0; c < classes; c++)
		{
			change += fabs(scratch[c] - shares[c]) / classes;
			shares[c] = scratch[c];
		}
	}
}

bool
vc_canceled(const vc_quantifier *q)
{
	return q->options.canceled != NULL && q->options.canceled(q->options.argument);
}

/* The shares of the classes in the validation images; none is quite 0, as in QuaPy. */
static void
learn_prior(const vc_quantifier *q, const vc_cells *cells, double *const *weights, double *prior)
{
	int			classes = q->options.classes;
	double		total = 0;
	bool		zero = false;

	for (int c = 0; c < classes; c++)
	{
		prior[c] = q->options.balanced;
		for (int i = 0; i < cells[c].count && !q->options.balanced; i++)
			prior[c] += weights[c][i];
		total += prior[c];
		zero = zero || prior[c] == 0;
	}
	for (int c = 0; c < classes; c++)
		prior[c] = (prior[c] / total + (zero ? 1e-4 : 0)) / (zero ? 1 + classes * 1e-4 : 1);
}

void
vc_learn(const vc_quantifier *q, const vc_cells *cells, double *const *weights, vc_learnt *learnt,
		 double *scratch)
{
	int			classes = q->options.classes;
	double	   *column = scratch + 2 * classes * classes;

	if (learnt->prior != NULL)
		learn_prior(q, cells, weights, learnt->prior);
	if (learnt->rates == NULL)
		return;
	for (int c = 0; c < classes; c++)
	{
		double		total = 0;

		for (int i = 0; i < cells[c].count; i++)
			total += weights[c][i];
		if (total > 0)
			vc_cells_mean(&cells[c], weights[c], classes, column);
		for (int i = 0; i < classes; i++)	/* not seen: told right, as in QuaPy */
			learnt->rates[i * classes + c] = total > 0 ? column[i] : i == c;
	}
	if (!vc_invert(learnt->rates, classes, learnt->inverse, scratch))
		learnt->inverse = NULL;
}

void
vc_estimate(const vc_quantifier *q, const vc_learnt *learnt, const vc_cells *cells,
			const double *weights, double *shares, double *scratch)
{
	int			classes = q->options.classes;
	double	   *mean = scratch + VC_SIMPLEX_SCRATCH(classes);

	if (q->options.method == VC_EMQ)
		vc_expect_maximize(q, learnt, cells, weights, EM_TOLERANCE, shares, scratch);
	else if (vc_uses_rates(q->options.method))
	{
		vc_cells_mean(cells, weights, classes, mean);
		vc_simplex_solve(learnt->rates, learnt->inverse, mean, classes, shares, scratch);
	}
	else
		vc_cells_mean(cells, weights, classes, shares);
}

void
vc_away_from_zero(const double *shares, int classes, double *start)
{
	for (int c = 0; c < classes; c++)
		start[c] = (shares[c] + 0.01) / (1 + 0.01 * classes);
}

/*
 * simplex.c
 *		Least squares over shares: numbers of 0 or more that add up to 1.
 *
 * Where the solution of the equations lies inside, it is the answer; where
 * it does not, an active set method finds the one on the border (Nocedal and
 * Wright, Numerical Optimization, 16.5).
 */
#include "engine/counting/simplex.h"

#include <math.h>
#include <string.h>

#define RIDGE 1e-10				/* makes one of equally good answers the answer */

/*
 * Gaussian elimination with partial pivoting of m[n][columns], whose first n
 * columns become the identity; false where they are singular.
 */
static bool
eliminate(double *m, int n, int columns)
{
	for (int c = 0; c < n; c++)
	{
		int			pivot = c;

		for (int r = c + 1; r < n; r++)
			if (fabs(m[r * columns + c]) > fabs(m[pivot * columns + c]))
				pivot = r;
		if (fabs(m[pivot * columns + c]) < 1e-13)
			return false;
		for (int k = c; k < columns && pivot != c; k++)
		{
			double		held = m[c * columns + k];

			m[c * columns + k] = m[pivot * columns + k];
			m[pivot * columns + k] = held;
		}
		for (int k = columns - 1; k >= c; k--)
			m[c * columns + k] /= m[c * columns + c];
		for (int r = 0; r < n; r++)
			for (int k = columns - 1; k >= c && r != c; k--)
				m[r * columns + k] -= m[r * columns + c] * m[c * columns + k];
	}
	return true;
}

bool
vc_invert(const double *a, int n, double *inverse, double *scratch)
{
	for (int r = 0; r < n; r++)
		for (int c = 0; c < 2 * n; c++)
			scratch[r * 2 * n + c] = c < n ? a[r * n + c] : c - n == r;
	if (!eliminate(scratch, n, 2 * n))
		return false;
	for (int r = 0; r < n; r++)
		memcpy(inverse + r * n, scratch + r * 2 * n + n, sizeof(double) * n);
	return true;
}

/*
 * What is minimised, x'hx / 2 - g'x, and how far it has come.  An entry with
 * free[i] 0 is held at 0.
 */
typedef struct problem
{
	int			n;
	double	   *h;				/* [n][n] */
	double	   *g;				/* [n] */
	double	   *free;			/* [n] */
	double	   *target;			/* [n] */
	double	   *system;			/* [n + 1][n + 2] */
} problem;

static void
set_up(problem *p, const double *a, const double *b, int n, double *scratch)
{
	p->n = n;
	p->h = scratch;
	p->g = p->h + n * n;
	p->free = p->g + n;
	p->target = p->free + n;
	p->system = p->target + n;
	for (int i = 0; i < n; i++)
	{
		p->free[i] = 1;
		p->g[i] = 0;
		for (int k = 0; k < n; k++)
			p->g[i] += a[k * n + i] * b[k];
		for (int j = 0; j < n; j++)
		{
			p->h[i * n + j] = i == j ? RIDGE : 0;
			for (int k = 0; k < n; k++)
				p->h[i * n + j] += a[k * n + i] * a[k * n + j];
		}
	}
}

/*
 * The best over the free entries that adds up to 1, whatever its signs, into
 * target; returns the multiplier of the sum.
 */
static double
solve_free(problem *p)
{
	int			n = p->n;
	int			columns = n + 2;
	double	   *m = p->system;

	memset(m, 0, sizeof(double) * (n + 1) * columns);
	for (int i = 0; i < n; i++)
	{
		if (!p->free[i])
		{
			m[i * columns + i] = 1;
			continue;
		}
		for (int j = 0; j < n; j++)
			m[i * columns + j] = p->free[j] ? p->h[i * n + j] : 0;
		m[i * columns + n] = m[n * columns + i] = 1;
		m[i * columns + n + 1] = p->g[i];
	}
	m[n * columns + n + 1] = 1;
	eliminate(m, n + 1, columns);
	for (int i = 0; i < n; i++)
		p->target[i] = m[i * columns + n + 1];
	return m[n * columns + n + 1];
}

/* Goes towards the target until an entry is 0, which is then held there. */
static bool
step(problem *p, double *shares)
{
	double		length = 1;
	int			blocking = -1;

	for (int i = 0; i < p->n; i++)
		if (p->free[i] && p->target[i] < 0)
		{
			double		reach = shares[i] / (shares[i] - p->target[i]);

			if (blocking < 0 || reach < length)
			{
				length = reach;
				blocking = i;
			}
		}
	for (int i = 0; i < p->n; i++)
		shares[i] += length * (p->target[i] - shares[i]);
	if (blocking < 0)
		return true;
	shares[blocking] = 0;
	p->free[blocking] = 0;
	return false;
}

/* Frees the entry at 0 that gains most by it; false where none gains. */
static bool
release(problem *p, const double *shares, double multiplier)
{
	int			best = -1;
	double		most = 1e-10;

	for (int i = 0; i < p->n; i++)
	{
		double		gain = p->g[i] - multiplier;

		for (int j = 0; j < p->n; j++)
			gain -= p->h[i * p->n + j] * shares[j];
		if (!p->free[i] && gain > most)
		{
			most = gain;
			best = i;
		}
	}
	if (best < 0)
		return false;
	p->free[best] = 1;
	return true;
}

/* The solution of the equations, if it is inside. */
static bool
solve_inside(const double *inverse, const double *b, int n, double *shares)
{
	bool		inside = true;

	for (int i = 0; i < n; i++)
	{
		shares[i] = 0;
		for (int j = 0; j < n; j++)
			shares[i] += inverse[i * n + j] * b[j];
		inside = inside && shares[i] >= 0;
	}
	return inside;
}

/* Where columns are all but the same, rounding leaves a sum that is not quite 1. */
static void
normalize(double *shares, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += shares[i];
	for (int i = 0; i < n; i++)
		shares[i] /= sum;
}

void
vc_simplex_solve(const double *a, const double *inverse, const double *b, int n,
				 double *shares, double *scratch)
{
	problem		p;

	if (inverse != NULL && solve_inside(inverse, b, n, shares))
		return;
	if (inverse != NULL && n == 2)
	{
		shares[0] = shares[0] > 0;	/* of two shares one is below 0, the other above 1 */
		shares[1] = 1 - shares[0];
		return;
	}
	set_up(&p, a, b, n, scratch);
	for (int i = 0; i < n; i++)
		shares[i] = 1.0 / n;
	for (int round = 0; round < 10 * n; round++)
	{
		double		multiplier = solve_free(&p);

		if (step(&p, shares) && !release(&p, shares, multiplier))
			break;
	}
	normalize(shares, n);
}

/*
 * quantile.c
 *		Quantiles of the normal, Student's t and the beta distribution.
 */
#include "engine/support/quantile.h"

#include <math.h>

/* Starts from Hastings' rational approximation (Abramowitz and Stegun 26.2.23); Newton's steps do the rest. */
double
vc_normal_quantile(double level)
{
	double		t = sqrt(-2 * log(1 - level));
	double		x = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
		(1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));

	for (int i = 0; i < 4; i++)
		x += (0.5 * erfc(x / M_SQRT2) - (1 - level)) * sqrt(2 * M_PI) * exp(x * x / 2);
	return x;
}

/* Hill, "Algorithm 396: Student's t-quantiles" (1970). */
double
vc_t_quantile(double level, double degrees)
{
	double		both = 2 * (1 - level);
	double		a = 1 / (degrees - 0.5);
	double		b = 48 / (a * a);
	double		c = ((20700 * a / b - 98) * a - 16) * a + 96.36;
	double		d = ((94.5 / (b + c) - 3) / b + 1) * sqrt(a * M_PI / 2) * degrees;
	double		x = d * both;
	double		y = pow(x, 2 / degrees);

	if (degrees < 1.5)
		return tan(M_PI * (level - 0.5));
	if (degrees < 2.5)
		return sqrt(2 / (both * (2 - both)) - 2);
	if (y > 0.05 + a)
	{
		x = -vc_normal_quantile(level);
		y = x * x;
		if (degrees < 5)
			c += 0.3 * (degrees - 4.5) * (x + 0.6);
		c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
		y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
		y = a * y * y;
		y = y > 0.002 ? expm1(y) : 0.5 * y * y + y;
	}
	else
		y = ((1 / (((degrees + 6) / (degrees * y) - 0.089 * d - 0.822) * (degrees + 2) * 3) +
			  0.5 / (degrees + 4)) * y - 1) * (degrees + 1) / (degrees + 2) + 1 / y;
	return sqrt(degrees * y);
}

/* The continued fraction of the incomplete beta function, by Lentz's method (Numerical Recipes 6.4). */
static double
beta_fraction(double a, double b, double x)
{
	double		c = 1;
	double		d = 1 / (1 - (a + b) * x / (a + 1));
	double		h = d;

	for (int m = 1; m < 10000; m++)
	{
		double		even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double		odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double		change;

		d = 1 / (1 + even * d);
		c = 1 + even / c;
		h *= d * c;
		d = 1 / (1 + odd * d);
		c = 1 + odd / c;
		change = d * c;
		h *= change;
		if (fabs(change - 1) < 1e-13)
			break;
	}
	return h;
}

/* The probability below x. */
static double
beta_below(double a, double b, double x, double log_beta)
{
	double		front = exp(a * log(x) + b * log1p(-x) - log_beta);

	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* Newton's method on the logit of x, kept between bounds that close in. */
double
vc_beta_quantile(double level, double a, double b)
{
	double		log_beta = lgamma(a) + lgamma(b) - lgamma(a + b);
	double		low = -700;		/* logits */
	double		high = 36;
	double		at = log(a / b);

	for (int round = 0; round < 200; round++)
	{
		double		x = 1 / (1 + exp(-at));
		double		miss = beta_below(a, b, x, log_beta) - level;
		double		slope = exp(a * log(x) + b * log1p(-x) - log_beta);
		double		next = at - miss / slope;

		if (miss > 0)
			high = at;
		else
			low = at;
		if (!(next > low && next < high))
			next = (low + high) / 2;
		if (fabs(next - at) < 1e-10)
			break;
		at = next;
	}
	return 1 / (1 + exp(-at));
}

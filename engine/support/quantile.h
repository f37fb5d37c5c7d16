/*
 * quantile.h
 *		Quantiles of the normal, Student's t and the beta distribution.
 */
#ifndef VISCLF_QUANTILE_H
#define VISCLF_QUANTILE_H

/*
 * Quantiles of the standard normal and of Student's t distribution; level above
 * 0.5 and below 1, degrees 1 or more.
 */
extern double vc_normal_quantile(double level);
extern double vc_t_quantile(double level, double degrees);

/* The quantile of a beta distribution, both of whose shapes are above 0; level from 0 to 1. */
extern double vc_beta_quantile(double level, double a, double b);

#endif							/* VISCLF_QUANTILE_H */

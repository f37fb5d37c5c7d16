/*
 * simplex.h
 *		Least squares over shares: numbers of 0 or more that add up to 1.
 */
#ifndef VISCLF_SIMPLEX_H
#define VISCLF_SIMPLEX_H

#include <stdbool.h>
#include <stddef.h>

/* Doubles of scratch memory that vc_simplex_solve needs. */
#define VC_SIMPLEX_SCRATCH(n) (((size_t) (n) + 1) * ((size_t) (n) + 2) + (size_t) (n) * (n) + 3 * (size_t) (n))

/*
 * Inverts the matrix a[n][n] into inverse[n][n]; false where it is singular,
 * to working precision.  scratch[2 * n * n].
 */
extern bool vc_invert(const double *a, int n, double *inverse, double *scratch);

/*
 * The shares[n] with the least |a shares - b|, where a[n][n] has columns that
 * add up to 1, as b[n] does.  inverse is a's, or NULL where it has none; then
 * the shares may be one choice of many.  scratch[VC_SIMPLEX_SCRATCH(n)].
 */
extern void vc_simplex_solve(const double *a, const double *inverse, const double *b, int n,
							 double *shares, double *scratch);

#endif							/* VISCLF_SIMPLEX_H */

/*
 * finite.h
 *		Numbers that are none: NaN and the infinities.
 */
#ifndef VISCLF_FINITE_H
#define VISCLF_FINITE_H

#include "engine/network/network.h"

/* No trained network comes near it; sums of products of larger ones overflow. */
#define VC_LARGEST_WEIGHT 1e12f

/* Index of the first value that is NaN or infinite; count where all are finite. */
extern int64_t vc_first_not_finite(const float *values, int64_t count);

/*
 * Fails where a parameter's data[count] are no weights of a network: a value
 * that is not finite or beyond VC_LARGEST_WEIGHT, a variance below 0.  The
 * message calls it by `name`, which may be a file's.  Errors: VC_CORRUPT_DATA.
 */
extern vc_status vc_parameter_check(const vc_parameter *parameter, const char *name,
									const float *data, vc_error *error);

#endif							/* VISCLF_FINITE_H */

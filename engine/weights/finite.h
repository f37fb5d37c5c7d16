/*
 * finite.h
 *		Finds values that no trained weights have: NaN, infinite, huge.
 */
#ifndef VISCLF_FINITE_H
#define VISCLF_FINITE_H

#include "engine/network/network.h"

/* No trained network has weights near it; sums of products of larger ones overflow. */
#define VC_LARGEST_WEIGHT 1e12f

/* Index of the first value that is NaN or infinite; count if all are finite. */
extern int64_t vc_first_not_finite(const float *values, int64_t count);

/*
 * Fails if a parameter's data[count] cannot be weights of a network: a value
 * is not finite or beyond VC_LARGEST_WEIGHT, or a variance is below 0.  The
 * message calls the parameter `name`, for example as the file does.  Errors:
 * VC_CORRUPT_DATA.
 */
extern vc_status vc_parameter_check(const vc_parameter *parameter, const char *name,
									const float *data, vc_error *error);

#endif							/* VISCLF_FINITE_H */

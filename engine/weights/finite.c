/*
 * finite.c
 *		Finds values that no trained weights have: NaN, infinite, huge.
 *
 * A network with a single NaN among its weights looks healthy from outside:
 * the next relu makes it 0, and every image gets one class.  So weights are
 * checked wherever they come in.
 */
#include "engine/weights/finite.h"

#include <math.h>
#include <string.h>

#include "engine/weights/json.h"

#define BLOCK 1024				/* values checked between two looks at the result */

/* Looks at the exponent's bits, which needs no branches. */
static bool
all_finite(const float *values, int64_t count)
{
	uint32_t	bad = 0;

	for (int64_t i = 0; i < count; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &values[i], sizeof(bits));
		bad |= (bits & 0x7f800000) == 0x7f800000;
	}
	return bad == 0;
}

int64_t
vc_first_not_finite(const float *values, int64_t count)
{
	int64_t		i = 0;

	while (count - i > BLOCK && all_finite(values + i, BLOCK))
		i += BLOCK;
	while (i < count && isfinite(values[i]))
		i++;
	return i;
}

vc_status
vc_parameter_check(const vc_parameter *parameter, const char *name, const float *data,
				   vc_error *error)
{
	int64_t		bad = vc_first_not_finite(data, parameter->count);
	char		shown[VC_SHOWN_SIZE];

	if (bad < parameter->count)
		return vc_fail(error, VC_CORRUPT_DATA, "value %lld of tensor \"%s\" is %s",
					   (long long) bad + 1, vc_show_name(name, shown),
					   isnan(data[bad]) ? "not a number" : "infinite");
	for (int64_t i = 0; i < parameter->count; i++)
	{
		bool		negative = data[i] < 0 && parameter->role == VC_RUNNING_VARIANCE;

		if (negative || fabsf(data[i]) > VC_LARGEST_WEIGHT)
			return vc_fail(error, VC_CORRUPT_DATA, "value %lld of tensor \"%s\" is %g, %s",
						   (long long) i + 1, vc_show_name(name, shown), (double) data[i],
						   negative ? "a negative variance" : "too large for a trained network");
	}
	return VC_OK;
}

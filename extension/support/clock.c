/*
 * clock.c
 *		Measuring and printing durations.
 */
#include "extension/support/clock.h"

double
seconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now);
}

char *
clock_time(double seconds)
{
	int64		whole = (int64) (Min(seconds, PG_INT32_MAX) + 0.5);

	if (whole >= 3600)
		return psprintf("%lld:%02d:%02d", (long long) whole / 3600, (int) (whole / 60 % 60), (int) (whole % 60));
	return psprintf("%02d:%02d", (int) (whole / 60), (int) (whole % 60));
}

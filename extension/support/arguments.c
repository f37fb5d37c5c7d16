/*
 * arguments.c
 *		Checks of arguments.
 */
#include "extension/support/arguments.h"

void
arguments_not_null(FunctionCallInfo fcinfo, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (names[i] && PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("option \"%s\" must not be NULL", names[i])));
}

void
argument_bounds(const char *name, double value, double low, double high)
{
	if (!(value >= low && value <= high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value %.15g is out of range for option \"%s\"", value, name),
				 errhint("Allowed: %.15g to %.15g.", low, high)));
}

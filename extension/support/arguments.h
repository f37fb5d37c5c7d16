/*
 * arguments.h
 *		Checks of arguments.
 */
#ifndef VISCLF_ARGUMENTS_H
#define VISCLF_ARGUMENTS_H

#include "extension/support/pgcompat.h"

#include "fmgr.h"

/* A call whose arguments are found by name. */
typedef struct Named
{
	FunctionCallInfo fcinfo;
	char	  **names;
	int			count;
} Named;

extern Named named_open(FunctionCallInfo fcinfo);

/* Returns the place of an argument, or -1 if the function has none of that name. */
extern int	named_place(const Named *call, const char *name);

/* Returns true if the argument is NULL, or the function has none of that name. */
extern bool named_is_null(const Named *call, const char *name);

/* Returns the value; throws if it is NULL. */
extern Datum named_value(const Named *call, const char *name);

/* Throws if one of the first count arguments is NULL. A NULL name skips the check. */
extern void arguments_not_null(FunctionCallInfo fcinfo, const char *const *names, int count);

/* Throws if a value is not a number from low to high. */
extern void argument_bounds(const char *name, double value, double low, double high);

#endif							/* VISCLF_ARGUMENTS_H */

/*
 * arguments.h
 *		Checks of arguments that functions of many options share.
 */
#ifndef VISCLF_ARGUMENTS_H
#define VISCLF_ARGUMENTS_H

#include "extension/support/pgcompat.h"

#include "fmgr.h"

/* A call whose arguments are found by their names. */
typedef struct Named
{
	FunctionCallInfo fcinfo;
	char	  **names;
	int			count;
} Named;

extern Named named_open(FunctionCallInfo fcinfo);

/* Where an argument is; -1: the function has none of that name. */
extern int	named_place(const Named *call, const char *name);

/* True also where the function has no such argument. */
extern bool named_is_null(const Named *call, const char *name);

/* The value; an error where it is NULL. */
extern Datum named_value(const Named *call, const char *name);

/* Throws where one of the first count arguments is NULL; a name that is NULL may be. */
extern void arguments_not_null(FunctionCallInfo fcinfo, const char *const *names, int count);

/* Throws where an option is not within its bounds, or not a number. */
extern void argument_bounds(const char *name, double value, double low, double high);

#endif							/* VISCLF_ARGUMENTS_H */

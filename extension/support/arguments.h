/*
 * arguments.h
 *		Checks of arguments.
 */
#ifndef VISCLF_ARGUMENTS_H
#define VISCLF_ARGUMENTS_H

#include "extension/support/pgcompat.h"

#include "fmgr.h"

/* Throws if one of the first count arguments is NULL. A NULL name skips the check. */
extern void arguments_not_null(FunctionCallInfo fcinfo, const char *const *names, int count);

/* Throws if a value is not a number from low to high. */
extern void argument_bounds(const char *name, double value, double low, double high);

#endif							/* VISCLF_ARGUMENTS_H */

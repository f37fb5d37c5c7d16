/*
 * arguments.h
 *		Checks of arguments that functions of many options share.
 */
#ifndef VISCLF_ARGUMENTS_H
#define VISCLF_ARGUMENTS_H

#include "extension/support/pgcompat.h"

#include "fmgr.h"

/* Throws where one of the first count arguments is NULL; a name that is NULL may be. */
extern void arguments_not_null(FunctionCallInfo fcinfo, const char *const *names, int count);

/* Throws where an option is not within its bounds, or not a number. */
extern void argument_bounds(const char *name, double value, double low, double high);

#endif							/* VISCLF_ARGUMENTS_H */

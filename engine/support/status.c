/*
 * status.c
 *		Filling vc_error.
 */
#include "engine/support/status.h"

#include <stdarg.h>
#include <stdio.h>

vc_status
vc_fail(vc_error *error, vc_status code, const char *fmt,...)
{
	va_list		args;

	if (error == NULL)
		return code;
	error->code = code;
	error->hint[0] = '\0';
	va_start(args, fmt);
	vsnprintf(error->message, sizeof(error->message), fmt, args);
	va_end(args);
	return code;
}

vc_status
vc_hint(vc_error *error, vc_status code, const char *fmt,...)
{
	va_list		args;

	if (error == NULL)
		return code;
	va_start(args, fmt);
	vsnprintf(error->hint, sizeof(error->hint), fmt, args);
	va_end(args);
	return code;
}

vc_status
vc_no_memory(vc_error *error, unsigned long long bytes)
{
	return vc_fail(error, VC_OUT_OF_MEMORY,
				   "out of memory: %llu bytes could not be allocated", bytes);
}

/*
 * status.h
 *		How the engine and the devices report failure.
 *
 * Every engine function that can fail returns a vc_status and, if it is not
 * VC_OK, fills the caller's vc_error.  Nothing below extension/ throws,
 * exits, prints or aborts.
 */
#ifndef VISCLF_STATUS_H
#define VISCLF_STATUS_H

typedef enum vc_status
{
	VC_OK = 0,
	VC_INVALID_ARGUMENT,		/* a value that can never work */
	VC_INVALID_IMAGE,			/* bytes that cannot be read as an image */
	VC_LIMIT_EXCEEDED,			/* over a limit that the caller set */
	VC_CORRUPT_DATA,			/* stored data that contradicts itself */
	VC_UNSUPPORTED,				/* valid, but this build or device cannot */
	VC_OUT_OF_MEMORY,
	VC_DEVICE_ERROR,			/* the device or its library failed */
	VC_CANCELED					/* the caller's interrupt callback asked to stop */
} vc_status;

typedef struct vc_error
{
	vc_status	code;
	char		message[256];	/* one line, lower case, with the numbers */
	char		hint[256];		/* the next action, or empty */
} vc_error;

#if defined(__GNUC__)
#define VC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define VC_PRINTF(fmt, args)
#endif

/* Fills *error (NULL is allowed) with code and message; returns code. */
extern vc_status vc_fail(vc_error *error, vc_status code, const char *fmt,...) VC_PRINTF(3, 4);

/* Adds a hint to an error that vc_fail filled; returns the error's code. */
extern vc_status vc_hint(vc_error *error, vc_status code, const char *fmt,...) VC_PRINTF(3, 4);

/* Fills *error for an allocation of `bytes` that failed. */
extern vc_status vc_no_memory(vc_error *error, unsigned long long bytes);

#endif							/* VISCLF_STATUS_H */

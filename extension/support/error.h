/*
 * error.h
 *		Turns a vc_error into an ereport: the one place that does.
 */
#ifndef VISCLF_ERROR_H
#define VISCLF_ERROR_H

#include "extension/support/pgcompat.h"

#include "engine/support/status.h"

/* Throws the error that the engine or a device reported. */
pg_noreturn extern void throw_error(const vc_error *error);

/* Throws unless the status is VC_OK. */
static inline void
check_status(vc_status status, const vc_error *error)
{
	if (unlikely(status != VC_OK))
		throw_error(error);
}

/* Throws unless the status is VC_OK or blames the image. */
extern void vc_check_image(vc_status status, const vc_error *error);

/* Like CHECK_FOR_INTERRUPTS, but also ends the session if the postmaster is gone. */
extern void check_interrupts(void);

/*
 * Interrupt callback for the engine and devices. Returns true if the query
 * must end; the function that polled must then return an error, so that
 * throw_error can report why.
 */
extern bool query_canceled(void *unused);

#endif							/* VISCLF_ERROR_H */

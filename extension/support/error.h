/*
 * error.h
 *		The one place where a vc_error becomes an ereport.
 */
#ifndef VISCLF_ERROR_H
#define VISCLF_ERROR_H

#include "extension/support/pgcompat.h"

#include "engine/support/status.h"

/* Throws what the engine or a device reported. */
pg_noreturn extern void throw_error(const vc_error *error);

/* Throws unless the status is VC_OK. */
static inline void
check_status(vc_status status, const vc_error *error)
{
	if (unlikely(status != VC_OK))
		throw_error(error);
}

/* Throws unless the status is VC_OK or it is the image that is at fault. */
extern void vc_check_image(vc_status status, const vc_error *error);

/* CHECK_FOR_INTERRUPTS, which also ends the session where the postmaster is gone. */
extern void check_interrupts(void);

/*
 * The interrupt callback for the engine and devices: true once the query is to
 * end.  What was polled must then return an error, for throw_error to say why.
 */
extern bool query_canceled(void *unused);

#endif							/* VISCLF_ERROR_H */

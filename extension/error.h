/*
 * error.h
 *		The one place where a vc_error becomes an ereport.
 */
#ifndef VISCLF_ERROR_H
#define VISCLF_ERROR_H

#include "pgcompat.h"

#include "../engine/status.h"

/* Throws what the engine or a device reported. */
pg_noreturn extern void vc_throw(const vc_error *error);

/* Throws unless the status is VC_OK. */
static inline void
vc_check(vc_status status, const vc_error *error)
{
	if (unlikely(status != VC_OK))
		vc_throw(error);
}

/* The interrupt callback for plans: true once the query is to end. */
extern bool vc_query_canceled(void *unused);

#endif							/* VISCLF_ERROR_H */

/*
 * release.h
 *		Frees memory that palloc does not know, with a memory context.
 */
#ifndef VISCLF_RELEASE_H
#define VISCLF_RELEASE_H

#include "extension/support/pgcompat.h"

/*
 * Calls release(thing) when the context is reset or deleted: at the end of
 * the work, or because of an error, a cancel or an aborted subtransaction.
 */
extern void release_with_context(MemoryContext context, void (*release) (void *), void *thing);

#endif							/* VISCLF_RELEASE_H */

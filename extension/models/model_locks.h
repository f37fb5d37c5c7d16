/*
 * model_locks.h
 *		Locks on objects of the class visclf.model, which SQL cannot take.
 *
 * A version's while it is trained, so that a training whose backend is gone can
 * be told from one that runs; a name's while its versions change; that of a
 * table of predictions while it is written.
 */
#ifndef VISCLF_MODEL_LOCKS_H
#define VISCLF_MODEL_LOCKS_H

#include "extension/support/pgcompat.h"

#include "extension/models/model.h"

/* What is locked; visclf.sql looks for versions. */
typedef enum LockKind
{
	LOCK_VERSION,				/* by model_id */
	LOCK_NAME,					/* by a hash of the name */
	LOCK_PREDICTIONS			/* by the table's OID */
} LockKind;

/* Waits for a lock until the transaction ends. */
extern void lock_object(uint32 object, LockKind kind);

/*
 * Locks the version against a second training as long as the context lives,
 * over commits; an error where another session has it.
 */
extern void version_lock(const Model *model, MemoryContext context);

/*
 * True where another session trains the version; otherwise it is kept from
 * being trained until the transaction ends.
 */
extern bool version_is_locked(int model_id);

/*
 * Locks a table of predictions against a second writer as long as the context
 * lives, over commits; an error where another session has it, or where the
 * current role has no right to write there.
 */
extern void lock_predictions(Oid table, MemoryContext context);

#endif							/* VISCLF_MODEL_LOCKS_H */

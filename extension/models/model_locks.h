/*
 * model_locks.h
 *		Locks versions, names and tables of predictions.
 *
 * The locks are on objects of the class visclf.model, which SQL cannot lock. A
 * version is locked while it is trained, so that a running training can be
 * told from one whose backend is gone; a name while its versions change; a
 * table of predictions while it is written.
 */
#ifndef VISCLF_MODEL_LOCKS_H
#define VISCLF_MODEL_LOCKS_H

#include "extension/support/pgcompat.h"

#include "extension/models/model.h"

/* Kinds of locks; visclf.sql looks for LOCK_VERSION. */
typedef enum LockKind
{
	LOCK_VERSION,				/* by model_id */
	LOCK_NAME,					/* by a hash of the name */
	LOCK_PREDICTIONS			/* by the table's OID */
} LockKind;

/* Waits for a lock until the transaction ends. */
extern void lock_object(uint32 object, LockKind kind);

/*
 * Locks the version for training until the context ends, over commits. Throws
 * if another session trains it, or this one.
 */
extern void version_lock(const Model *model, MemoryContext context);

/*
 * Returns true if a session trains the version, this one too. Otherwise no other
 * session can train it until the transaction ends.
 */
extern bool version_is_locked(int model_id);

/*
 * Locks a table of predictions for writing until the context ends, over
 * commits. Throws if another session has the lock, or if the current role may
 * not write there.
 */
extern void lock_predictions(Oid table, MemoryContext context);

#endif							/* VISCLF_MODEL_LOCKS_H */

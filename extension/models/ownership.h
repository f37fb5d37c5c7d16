/*
 * ownership.h
 *		Owners of models' names, and the lock that protects them.
 *
 * SPI must be connected.
 */
#ifndef VISCLF_OWNERSHIP_H
#define VISCLF_OWNERSHIP_H

#include "extension/support/pgcompat.h"

/*
 * Throws if the current role may not create a version of that name: it is
 * invalid, or belongs to another role. Without the lock, this may change at
 * any time.
 */
extern void name_check(const char *name);

/*
 * The same, with the name locked until the transaction ends. A free name
 * becomes the current role's. Returns the owner.
 */
extern Oid	name_claim(const char *name);

/*
 * Throws unless the current role owns the models of a name. Returns the owner.
 * Without the lock, this may change at any time.
 */
extern Oid	name_check_owned(const char *name);

/* The same, with the name locked until the transaction ends. */
extern Oid	name_lock_owned(const char *name);

/* Locks a name until the transaction ends, so that other changes to its versions wait. */
extern void name_lock(const char *name);

#endif							/* VISCLF_OWNERSHIP_H */

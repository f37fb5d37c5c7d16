/*
 * ownership.h
 *		Whose a model's name is, and the lock under which that changes.
 *
 * SPI must be connected.
 */
#ifndef VISCLF_OWNERSHIP_H
#define VISCLF_OWNERSHIP_H

#include "extension/support/pgcompat.h"

/*
 * Throws where the current role may not make a version of that name: it is no
 * name, or it belongs to another role.  What holds now need not hold later.
 */
extern void name_check(const char *name);

/*
 * The same with the name locked until the transaction ends; one that is free
 * belongs to the current role from now on.  Returns whose it is.
 */
extern Oid	name_claim(const char *name);

/*
 * Throws unless the current role owns the models of a name; returns whose it
 * is.  What holds now need not hold later.
 */
extern Oid	name_check_owned(const char *name);

/* The same with the name locked until the transaction ends. */
extern Oid	name_lock_owned(const char *name);

/* Makes other changes to the versions of a name wait for this transaction. */
extern void name_lock(const char *name);

#endif							/* VISCLF_OWNERSHIP_H */

/*
 * role.h
 *		The type visclf.role, and checks of the current role's rights.
 */
#ifndef VISCLF_ROLE_H
#define VISCLF_ROLE_H

#include "extension/support/pgcompat.h"

#define ROLE_NOBODY InvalidOid
#define ROLE_PUBLIC ((Oid) 1)	/* everyone; no role has this OID */

/* Returns the role of a name, or ROLE_NOBODY if there is none. */
extern Oid	role_from_name(const char *name);

/* Returns the role's current name, or NULL if it does not exist. */
extern char *role_name(Oid role);

/*
 * Returns true if the current role has the rights of another. The rights of a
 * dropped role pass to superusers, the owner of the database, and members of
 * the owner of the extension's tables.
 */
extern bool acts_as(Oid role);

#endif							/* VISCLF_ROLE_H */

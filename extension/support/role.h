/*
 * role.h
 *		Roles as values, and what the current one may do.
 */
#ifndef VISCLF_ROLE_H
#define VISCLF_ROLE_H

#include "extension/support/pgcompat.h"

#define ROLE_NOBODY InvalidOid
#define ROLE_PUBLIC ((Oid) 1)	/* everyone; no role has this OID */

/* The role of a name; ROLE_NOBODY where there is none. */
extern Oid	role_from_name(const char *name);

/* Its name of today; NULL where it is nobody, or gone. */
extern char *role_name(Oid role);

/*
 * True where the current role has the rights of another.  Those of a role that
 * is gone are with superusers, the owner of the database and members of the
 * owner of the extension's tables.
 */
extern bool acts_as(Oid role);

#endif							/* VISCLF_ROLE_H */

/*
 * ownership.c
 *		Owners of models' names, and the lock that protects them.
 *
 * visclf.model_name has one row for each name. It is read in the latest
 * snapshot as the owner of the tables, who sees every row. The lock keeps it
 * unchanged until the transaction ends. If the check fails, the
 * (sub)transaction releases the lock.
 */
#include "extension/models/ownership.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "extension/models/model_locks.h"
#include "extension/models/model.h"
#include "extension/support/role.h"
#include "extension/support/sql.h"

/* Finds the owner of a name; returns false if the name is free. */
static bool
find_owner(const char *name, Oid *owner)
{
	Sql			sql;

	/* rows from replication or an older dump may lack a row for their name */
	sql_begin(&sql, "SELECT n.owner_role::pg_catalog.oid FROM visclf.model_name n "
			  "WHERE n.name OPERATOR(pg_catalog.=) $1 "
			  "UNION ALL SELECT m.owner_role::pg_catalog.oid FROM visclf.model m "
			  "WHERE m.name OPERATOR(pg_catalog.=) $1 LIMIT 1");
	sql_text(&sql, name);
	if (sql_read_all(&sql) == 0)
		return false;
	*owner = DatumGetObjectId(result_not_null(0, 1, OIDOID));
	return true;
}

/*
 * Returns the owner of a name, or ROLE_NOBODY if it is free; throws if the
 * current role may not use it.
 */
static Oid
check_owner(const char *name)
{
	Oid			owner;
	char	   *who;

	model_check_name(name);
	if (!find_owner(name, &owner))
		return ROLE_NOBODY;
	who = role_name(owner);
	if (who == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("model \"%s\" belongs to a role that is gone", name),
				 errhint("A superuser or the owner of the database can give it to a role with CALL visclf.reassign, or drop it. Or choose another name.")));
	if (!acts_as(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("model \"%s\" belongs to role \"%s\"", name, who),
				 errhint("Choose another name.")));
	return owner;
}

Oid
name_check_owned(const char *name)
{
	Oid			owner;

	if (find_owner(name, &owner) && acts_as(owner))
		return owner;
	model_check_name(name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("you own no model \"%s\"", name),
			 errhint("%s", suggest_model(name, "SELECT model, owner FROM visclf.models."))));
}

void
name_lock(const char *name)
{
	lock_object(hash_bytes((const unsigned char *) name, strlen(name)), LOCK_NAME);
}

void
name_check(const char *name)
{
	check_owner(name);
}

Oid
name_claim(const char *name)
{
	Oid			owner;
	Sql			sql;

	name_lock(name);
	owner = check_owner(name);
	if (owner != ROLE_NOBODY)
		return owner;
	sql_begin(&sql, "INSERT INTO visclf.model_name (name, owner_role) VALUES ($1, $2::visclf.role)");
	sql_text(&sql, name);
	sql_oid(&sql, GetUserId());
	sql_write(&sql);
	return GetUserId();
}

Oid
name_lock_owned(const char *name)
{
	name_lock(name);
	return name_check_owned(name);
}

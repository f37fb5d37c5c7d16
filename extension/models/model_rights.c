/*
 * model_rights.c
 *		visclf.share, unshare, activate and drop_model, for a model's owner.
 *
 * Each locks the name, then checks the owner, then writes rows of that owner.
 */
#include "extension/support/pgcompat.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "extension/models/model_locks.h"
#include "extension/models/ownership.h"
#include "extension/support/role.h"
#include "extension/models/shared_weights.h"
#include "extension/support/sql.h"
#include "extension/models/model_version.h"

PG_FUNCTION_INFO_V1(visclf_share);
PG_FUNCTION_INFO_V1(visclf_unshare);
PG_FUNCTION_INFO_V1(visclf_activate);
PG_FUNCTION_INFO_V1(visclf_drop_model);

/* A locked name that the current role owns. */
typedef struct OwnedName
{
	char	   *name;
	Oid			owner;
} OwnedName;

/* Connects to SPI and locks the model named in argument 0; throws unless the current role owns it. */
static OwnedName
lock_argument(FunctionCallInfo fcinfo, const char *function)
{
	OwnedName	owned;

	PreventCommandIfReadOnly(function);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the model must not be NULL")));
	SPI_connect();
	owned.name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	owned.owner = name_lock_owned(owned.name);
	return owned;
}

/* Begins a statement with the name as $1 and its owner as $2. */
static void
begin_owned(Sql *sql, const OwnedName *owned, const char *command)
{
	sql_begin(sql, command);
	sql_text(sql, owned->name);
	sql_oid(sql, owned->owner);
}

/* Returns the name of a role, argument 1. */
static char *
grantee_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the role to share with must not be NULL"),
				 errhint("public means everyone.")));
	return NameStr(*PG_GETARG_NAME(1));
}

Datum
visclf_share(PG_FUNCTION_ARGS)
{
	OwnedName	owned = lock_argument(fcinfo, "visclf.share()");
	char	   *grantee = grantee_argument(fcinfo);
	Oid			role = role_from_name(grantee);
	Sql			sql;

	if (role == ROLE_NOBODY)
		get_role_oid(grantee, false);	/* throws */
	begin_owned(&sql, &owned,
				"INSERT INTO visclf.model_share (name, owner, grantee, owner_role, grantee_role) "
				"VALUES ($1, coalesce($3, '')::pg_catalog.name, $4::pg_catalog.name, $2::visclf.role, $5::visclf.role) "
				"ON CONFLICT (name, owner, grantee) DO UPDATE "
				"SET owner_role = excluded.owner_role, grantee_role = excluded.grantee_role");
	sql_text(&sql, role_name(owned.owner));
	sql_text(&sql, grantee);
	sql_oid(&sql, role);
	sql_write(&sql);
	SPI_finish();
	return (Datum) 0;
}

Datum
visclf_unshare(PG_FUNCTION_ARGS)
{
	OwnedName	owned = lock_argument(fcinfo, "visclf.unshare()");
	char	   *grantee = grantee_argument(fcinfo);
	Sql			sql;

	/* a dropped role is found by its former name */
	begin_owned(&sql, &owned,
				"DELETE FROM visclf.model_share WHERE name OPERATOR(pg_catalog.=) $1 "
				"AND owner_role OPERATOR(pg_catalog.=) $2 "
				"AND (($3 OPERATOR(pg_catalog.<>) 0::pg_catalog.oid AND grantee_role OPERATOR(pg_catalog.=) $3) "
				"OR (grantee_role::pg_catalog.text OPERATOR(pg_catalog.=) '' AND grantee OPERATOR(pg_catalog.=) $4::pg_catalog.name))");
	sql_oid(&sql, role_from_name(grantee));
	sql_text(&sql, grantee);
	if (sql_write(&sql) == 0)
		ereport(NOTICE, (errmsg("the model was not shared with \"%s\"", grantee)));
	SPI_finish();
	return (Datum) 0;
}

static void
throw_no_version(const char *name, int version)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" has no version %d", name, version),
			 errhint("SELECT version, status FROM visclf.models lists them.")));
}

Datum
visclf_activate(PG_FUNCTION_ARGS)
{
	OwnedName	owned;
	int			version;
	Sql			sql;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the version must not be NULL")));
	version = PG_GETARG_INT32(1);
	owned = lock_argument(fcinfo, "visclf.activate()");
	begin_owned(&sql, &owned,
				"SELECT model_id, status FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1 "
				"AND owner_role OPERATOR(pg_catalog.=) $2 AND version OPERATOR(pg_catalog.=) $3");
	sql_int(&sql, version);
	if (sql_read_all(&sql) == 0)
		throw_no_version(owned.name, version);
	if (strcmp(result_string(0, 2), "ready") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the training of model \"%s\" version %d has not finished", owned.name, version),
				 errhint("CALL visclf.resume continues one that was interrupted.")));
	version_activate(owned.name, result_int(0, 1), owned.owner);
	SPI_finish();
	return (Datum) 0;
}

/* Adds argument 1: a version, or NULL for all. */
static void
version_argument(FunctionCallInfo fcinfo, Sql *sql)
{
	sql_int(sql, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1));
	if (PG_ARGISNULL(1))
		sql->nulls[sql->count - 1] = 'n';
}

/*
 * Removes the shared weights of the versions in the last result; throws if one
 * of them is being trained.
 */
static void
forget_versions(const char *name, uint64 count)
{
	for (uint64 i = 0; i < count; i++)
	{
		int			model_id = result_int(i, 1);

		if (version_is_locked(model_id))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("model \"%s\" version %s is being trained", name, result_text(i, 2)),
					 errhint("Cancel its training first.")));
		shared_weights_forget(model_id);
	}
}

/* A trigger deletes the rows that belong to the versions. */
Datum
visclf_drop_model(PG_FUNCTION_ARGS)
{
	OwnedName	owned = lock_argument(fcinfo, "visclf.drop_model()");
	Sql			sql;
	uint64		count;

	begin_owned(&sql, &owned,
				"SELECT model_id, version FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1 "
				"AND owner_role OPERATOR(pg_catalog.=) $2 AND ($3 IS NULL OR version OPERATOR(pg_catalog.=) $3)");
	version_argument(fcinfo, &sql);
	count = sql_read_all(&sql);
	if (count == 0)
		throw_no_version(owned.name, PG_ARGISNULL(1) ? 1 : PG_GETARG_INT32(1));
	forget_versions(owned.name, count);
	begin_owned(&sql, &owned,
				"DELETE FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1 "
				"AND owner_role OPERATOR(pg_catalog.=) $2 AND ($3 IS NULL OR version OPERATOR(pg_catalog.=) $3)");
	version_argument(fcinfo, &sql);
	version_write(&sql, owned.name, count);
	SPI_finish();
	return (Datum) 0;
}

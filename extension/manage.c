/*
 * manage.c
 *		visclf.share, unshare, activate and drop_model, for a model's owner.
 */
#include "pgcompat.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "shared_weights.h"
#include "sql.h"
#include "version.h"

PG_FUNCTION_INFO_V1(visclf_share);
PG_FUNCTION_INFO_V1(visclf_unshare);
PG_FUNCTION_INFO_V1(visclf_activate);
PG_FUNCTION_INFO_V1(visclf_drop_model);

/*
 * Begins a statement whose $1 is the model named in argument 0; an error
 * unless the current role owns a model of that name.
 */
static char *
owned_model(FunctionCallInfo fcinfo, Sql *sql, const char *command)
{
	char	   *name;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the model must not be NULL")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	version_check_owner(name);
	sql_begin(sql, command);
	sql_text(sql, name);
	return name;
}

/* Adds the role in argument 1. */
static char *
grantee_argument(FunctionCallInfo fcinfo, Sql *sql)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the role to share with must not be NULL"),
				 errhint("public means everyone.")));
	sql_text(sql, NameStr(*PG_GETARG_NAME(1)));
	return NameStr(*PG_GETARG_NAME(1));
}

Datum
visclf_share(PG_FUNCTION_ARGS)
{
	Sql			sql;
	char	   *grantee;

	SPI_connect();
	owned_model(fcinfo, &sql,
				"INSERT INTO visclf.model_share (name, owner, grantee) "
				"SELECT $1, visclf.model_owner($1), $2::pg_catalog.name ON CONFLICT DO NOTHING");
	grantee = grantee_argument(fcinfo, &sql);
	if (strcmp(grantee, "public") != 0)
		get_role_oid(grantee, false);	/* it must exist */
	sql_write(&sql);
	SPI_finish();
	return (Datum) 0;
}

Datum
visclf_unshare(PG_FUNCTION_ARGS)
{
	Sql			sql;

	SPI_connect();
	owned_model(fcinfo, &sql,
				"DELETE FROM visclf.model_share WHERE name OPERATOR(pg_catalog.=) $1 "
				"AND grantee OPERATOR(pg_catalog.=) $2::pg_catalog.name");
	grantee_argument(fcinfo, &sql);
	if (sql_write(&sql) == 0)
		ereport(NOTICE, (errmsg("the model was not shared with \"%s\"",
								NameStr(*PG_GETARG_NAME(1)))));
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
	Sql			sql;
	char	   *name;
	int			version;
	bool		isnull;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the version must not be NULL")));
	version = PG_GETARG_INT32(1);
	SPI_connect();
	name = owned_model(fcinfo, &sql,
					   "SELECT model_id, status FROM visclf.model "
					   "WHERE name OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2");
	sql_int(&sql, version);
	if (sql_read(&sql) == 0)
		throw_no_version(name, version);
	if (strcmp(result_text(0, 2), "ready") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the training of model \"%s\" version %d has not finished", name, version),
				 errhint("CALL visclf.resume goes on with one that was interrupted.")));
	version_activate(name, DatumGetInt32(result_datum(0, 1, &isnull)));
	SPI_finish();
	return (Datum) 0;
}

/* Adds argument 1, a version or NULL for all. */
static void
version_argument(FunctionCallInfo fcinfo, Sql *sql)
{
	sql_int(sql, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1));
	if (PG_ARGISNULL(1))
		sql->nulls[sql->count - 1] = 'n';
}

/*
 * Forgets what backends share of the versions in the last result; throws
 * where one of them is being trained.
 */
static void
forget_versions(const char *name)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int			model_id = DatumGetInt32(result_datum(i, 1, &isnull));

		if (version_is_locked(model_id))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("model \"%s\" version %s is being trained", name, result_text(i, 2)),
					 errhint("Cancel its training first.")));
		shared_weights_forget(model_id);
	}
}

Datum
visclf_drop_model(PG_FUNCTION_ARGS)
{
	Sql			sql;
	char	   *name;

	SPI_connect();
	name = owned_model(fcinfo, &sql,
					   "SELECT model_id, version FROM visclf.model "
					   "WHERE name OPERATOR(pg_catalog.=) $1 "
					   "AND ($2 IS NULL OR version OPERATOR(pg_catalog.=) $2)");
	version_argument(fcinfo, &sql);
	if (sql_read(&sql) == 0)
		throw_no_version(name, PG_GETARG_INT32(1));
	forget_versions(name);
	sql_begin(&sql, "DELETE FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1 "
			  "AND ($2 IS NULL OR version OPERATOR(pg_catalog.=) $2)");
	sql_text(&sql, name);
	version_argument(fcinfo, &sql);
	sql_write(&sql);
	sql_begin(&sql, "DELETE FROM visclf.model_share WHERE name OPERATOR(pg_catalog.=) $1 "
			  "AND NOT EXISTS (SELECT FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1)");
	sql_text(&sql, name);
	sql_write(&sql);
	SPI_finish();
	return (Datum) 0;
}

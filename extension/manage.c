/*
 * manage.c
 *		visclf.share, unshare, activate and drop_model, for a model's owner.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "sql.h"

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
	sql_begin(sql, "SELECT FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1 "
			  "AND visclf.acts_as(owner)");
	sql_text(sql, name);
	if (sql_run(sql) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("you own no model \"%s\"", name),
				 errhint("SELECT model, owner FROM visclf.models.")));
	sql_begin(sql, command);
	sql_text(sql, name);
	return name;
}

/* Adds the role in argument 1, which must exist, or "public". */
static void
grantee_argument(FunctionCallInfo fcinfo, Sql *sql)
{
	char	   *role;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the role to share with must not be NULL"),
				 errhint("public means everyone.")));
	role = NameStr(*PG_GETARG_NAME(1));
	if (strcmp(role, "public") != 0)
		get_role_oid(role, false);
	sql_text(sql, role);
}

Datum
visclf_share(PG_FUNCTION_ARGS)
{
	Sql			sql;

	SPI_connect();
	owned_model(fcinfo, &sql,
				"INSERT INTO visclf.model_share (name, owner, grantee) "
				"SELECT $1, visclf.model_owner($1), $2::pg_catalog.name ON CONFLICT DO NOTHING");
	grantee_argument(fcinfo, &sql);
	sql_run(&sql);
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
				"AND visclf.acts_as(owner) "
				"AND grantee OPERATOR(pg_catalog.=) $2::pg_catalog.name");
	grantee_argument(fcinfo, &sql);
	if (sql_run(&sql) == 0)
		ereport(NOTICE, (errmsg("the model was not shared with \"%s\"",
								NameStr(*PG_GETARG_NAME(1)))));
	SPI_finish();
	return (Datum) 0;
}

/* Throws unless a statement about one version found it. */
static void
check_version_found(uint64 rows, const char *name, int version)
{
	if (rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no such version %d", name, version),
				 errhint("SELECT version, status FROM visclf.models; only a ready version can be activated.")));
}

Datum
visclf_activate(PG_FUNCTION_ARGS)
{
	Sql			sql;
	char	   *name;
	int			version;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the version must not be NULL")));
	version = PG_GETARG_INT32(1);
	SPI_connect();
	name = owned_model(fcinfo, &sql,
					   "UPDATE visclf.model SET active = false "
					   "WHERE name OPERATOR(pg_catalog.=) $1 AND active");
	sql_run(&sql);
	sql_begin(&sql, "UPDATE visclf.model SET active = true "
			  "WHERE name OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2 "
			  "AND status OPERATOR(pg_catalog.=) 'ready'");
	sql_text(&sql, name);
	sql_int(&sql, version);
	check_version_found(sql_run(&sql), name, version);
	SPI_finish();
	return (Datum) 0;
}

Datum
visclf_drop_model(PG_FUNCTION_ARGS)
{
	Sql			sql;
	char	   *name;

	SPI_connect();
	name = owned_model(fcinfo, &sql,
					   "DELETE FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1 "
					   "AND ($2 OPERATOR(pg_catalog.=) 0 OR version OPERATOR(pg_catalog.=) $2)");
	sql_int(&sql, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1));
	check_version_found(sql_run(&sql), name, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1));
	if (PG_ARGISNULL(1))
	{
		sql_begin(&sql, "DELETE FROM visclf.model_share WHERE name OPERATOR(pg_catalog.=) $1 "
				  "AND visclf.acts_as(owner)");
		sql_text(&sql, name);
		sql_run(&sql);
	}
	SPI_finish();
	return (Datum) 0;
}

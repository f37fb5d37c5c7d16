/*
 * reassign.c
 *		Gives models to another role: visclf.reassign, and REASSIGN OWNED.
 *
 * Extensions learn of REASSIGN OWNED only by the hook for utility statements,
 * so only a session that has loaded this library moves models.
 */
#include "extension/support/pgcompat.h"

#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "extension/support/arguments.h"
#include "extension/models/model_locks.h"
#include "extension/models/ownership.h"
#include "extension/models/reassign.h"
#include "extension/support/role.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_reassign);

static ProcessUtility_hook_type next_utility_hook;

/* Moves the rows of a locked name from one role to another. */
static void
move_rows(const char *name, Oid from, Oid to)
{
	static const char *const commands[] = {
		"UPDATE visclf.model_name SET owner_role = $3::visclf.role "
		"WHERE name OPERATOR(pg_catalog.=) $1 AND owner_role OPERATOR(pg_catalog.=) $2 AND $4 IS NOT NULL",
		"UPDATE visclf.model_share SET owner_role = $3::visclf.role "
		"WHERE name OPERATOR(pg_catalog.=) $1 AND owner_role OPERATOR(pg_catalog.=) $2 AND $4 IS NOT NULL",
		"UPDATE visclf.model SET owner_role = $3::visclf.role, owner = $4::pg_catalog.name "
		"WHERE name OPERATOR(pg_catalog.=) $1 AND owner_role OPERATOR(pg_catalog.=) $2"
	};

	for (int i = 0; i < lengthof(commands); i++)
	{
		Sql			sql;

		sql_begin(&sql, commands[i]);
		sql_text(&sql, name);
		sql_oid(&sql, from);
		sql_oid(&sql, to);
		sql_text(&sql, role_name(to));
		sql_write(&sql);
	}
}

/* Throws if a version of the name is being trained. */
static void
check_idle(const char *name)
{
	Sql			sql;
	uint64		rows;

	sql_begin(&sql, "SELECT model_id, version FROM visclf.model "
			  "WHERE name OPERATOR(pg_catalog.=) $1 AND status OPERATOR(pg_catalog.=) 'training'");
	sql_text(&sql, name);
	rows = sql_read_all(&sql);
	for (uint64 i = 0; i < rows; i++)
	{
		if (version_is_locked(result_int(i, 1)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("model \"%s\" version %s is being trained", name, result_text(i, 2)),
					 errhint("Let its training end, or cancel it.")));
	}
}

/* CALL visclf.reassign(model, new_owner) */
Datum
visclf_reassign(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"model", "new_owner"};
	char	   *name;
	Oid			from;
	Oid			to;

	PreventCommandIfReadOnly("visclf.reassign()");
	arguments_not_null(fcinfo, names, lengthof(names));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	to = get_role_oid(NameStr(*PG_GETARG_NAME(1)), false);
	SPI_connect();
	from = name_lock_owned(name);
	if (role_name(from) != NULL && !has_privs_of_role(GetUserId(), to))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be a member of role \"%s\" to give it a model", role_name(to))));
	check_idle(name);
	move_rows(name, from, to);
	SPI_finish();
	return (Datum) 0;
}

/* Returns the names that belong to a role. */
static char **
names_of(Oid role, int *count)
{
	Sql			sql;

	sql_begin(&sql, "SELECT ARRAY(SELECT DISTINCT name FROM visclf.model "
			  "WHERE owner_role OPERATOR(pg_catalog.=) $1 ORDER BY name)");
	sql_oid(&sql, role);
	sql_read_all(&sql);
	return text_array_values(result_not_null(0, 1, TEXTARRAYOID), count);
}

/* PostgreSQL has checked the current role's rights. */
static void
reassign_owned(const ReassignOwnedStmt *statement)
{
	Oid			to = get_rolespec_oid(statement->newrole, false);
	ListCell   *cell;

	SPI_connect();
	foreach(cell, statement->roles)
	{
		Oid			from = get_rolespec_oid(lfirst(cell), false);
		int			count;
		char	  **names = names_of(from, &count);

		for (int i = 0; i < count; i++)
		{
			name_lock(names[i]);
			move_rows(names[i], from, to);
		}
	}
	SPI_finish();
}

static void
after_utility(PlannedStmt *statement, const char *query, bool read_only_tree, ProcessUtilityContext context,
			  ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver,
			  QueryCompletion *completion)
{
	/* looked at first: a ROLLBACK, for one, frees its own parse tree */
	ReassignOwnedStmt *reassign = IsA(statement->utilityStmt, ReassignOwnedStmt) ?
		(ReassignOwnedStmt *) statement->utilityStmt : NULL;

	if (next_utility_hook)
		next_utility_hook(statement, query, read_only_tree, context, parameters, environment, receiver, completion);
	else
		standard_ProcessUtility(statement, query, read_only_tree, context, parameters, environment, receiver, completion);
	if (reassign && OidIsValid(get_extension_oid("visclf", true)))
		reassign_owned(reassign);
}

void
reassign_init(void)
{
	next_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = after_utility;
}

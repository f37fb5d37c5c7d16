/*
 * active_model.c
 *		Finds the active version of a model's name: for call sites in C once a
 *		statement, and as visclf.active_version for the functions in SQL.
 *
 * A call site lives as long as its plan state: one statement, but in a
 * procedural language one transaction. So a result is valid only for the
 * client's statement, the command within it, the subtransaction (it may be
 * rolled back), and the role.
 */
#include "extension/models/active_model.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_active_version);

static bool
is_current(const ActiveModel *active, const text *name)
{
	size_t		length = VARSIZE_ANY_EXHDR(name);

	return active->name != NULL &&
		active->statement == GetCurrentStatementStartTimestamp() &&
		active->command == GetCurrentCommandId(false) &&
		active->subtransaction == GetCurrentSubTransactionId() &&
		active->role == GetUserId() &&
		strlen(active->name) == length &&
		memcmp(active->name, VARDATA_ANY(name), length) == 0;
}

ModelKey
active_model_find(ActiveModel *active, text *name, MemoryContext context)
{
	MemoryContext caller;
	char	   *wanted;

	if (is_current(active, name))
		return active->key;
	caller = MemoryContextSwitchTo(context);
	wanted = text_to_cstring(name);
	MemoryContextSwitchTo(caller);
	active->key = model_find_active(wanted);
	if (active->name != NULL)
		pfree(active->name);
	active->name = wanted;
	active->statement = GetCurrentStatementStartTimestamp();
	active->command = GetCurrentCommandId(false);
	active->subtransaction = GetCurrentSubTransactionId();
	active->role = GetUserId();
	return active->key;
}

/* Throws unless the version is multi-label, or is not, as required. SPI must be connected. */
static void
check_kind(int model_id, const char *name, bool multi_label)
{
	Sql			sql;

	sql_begin(&sql, "SELECT multi_label FROM visclf.model WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model_id);
	if (sql_read(&sql) == 1 && result_bool(0, 1) != multi_label)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 multi_label ?
				 errmsg("model \"%s\" is not multi-label", name) :
				 errmsg("model \"%s\" is multi-label", name),
				 errhint("visclf.classification_report works for both kinds.")));
}

/* Throws if the version has no validation images. SPI must be connected. */
static void
check_validated(int model_id, const char *name)
{
	Sql			sql;

	sql_begin(&sql, "SELECT FROM visclf.validation WHERE model_id OPERATOR(pg_catalog.=) $1 LIMIT 1");
	sql_int(&sql, model_id);
	if (sql_read(&sql) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no validation images, so its errors are not known", name),
				 errhint("Measure it on labelled rows with visclf.evaluate, or train it on some (pretrained => ..., method => 'probe' is quick).")));
}

/* visclf.active_version(model [, multi_label [, validated]]) */
Datum
visclf_active_version(PG_FUNCTION_ARGS)
{
	char	   *name;
	int			model_id;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	model_id = model_find_active(name).model_id;
	SPI_connect();
	if (!PG_ARGISNULL(1))
		check_kind(model_id, name, PG_GETARG_BOOL(1));
	if (!PG_ARGISNULL(2) && PG_GETARG_BOOL(2))
		check_validated(model_id, name);
	SPI_finish();
	PG_RETURN_INT32(model_id);
}

/*
 * prediction_table.c
 *		Writes predictions into a table of the user.
 */
#include "extension/classifying/prediction_table.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "extension/classifying/prediction.h"
#include "extension/support/sql.h"

/*
 * The columns beside the key. Tables made by an older version of visclf have
 * no column for warnings, which are then not written.
 */
static const struct
{
	const char *name;
	Oid			type;
}			columns[] =
{
	{"label", TEXTOID},
	{"confidence", FLOAT4OID},
	{"labels", TEXTARRAYOID},
	{"probabilities", FLOAT4ARRAYOID},
	{"model_id", INT4OID},
	{"error", TEXTOID},
	{"warning", TEXTOID},
	{"classified_at", TIMESTAMPTZOID},
};

#define WARNING_COLUMN (lengthof(columns) - 2)
#define CLASSIFIED_AT (lengthof(columns) - 1)

static void
create_table(const RangeVar *name, const char *key_column, Oid key_type, int32 key_typmod)
{
	StringInfoData query;
	Sql			sql;

	initStringInfo(&query);
	appendStringInfo(&query, "CREATE TABLE %s (%s %s PRIMARY KEY",
					 quote_qualified_identifier(name->schemaname, name->relname),
					 quote_identifier(key_column),
					 format_type_extended(key_type, key_typmod,
										  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	for (int i = 0; i < lengthof(columns); i++)
		appendStringInfo(&query, ", %s %s", columns[i].name,
						 format_type_extended(columns[i].type, -1, FORMAT_TYPE_FORCE_QUALIFY));
	appendStringInfoChar(&query, ')');
	sql_begin(&sql, query.data);
	sql_read_latest(&sql);
}

static void
check_column(Oid relation, const char *column, Oid type)
{
	AttrNumber	number = get_attnum(relation, column);

	if (number == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no column \"%s\" for predictions",
						get_rel_name(relation), column),
				 errhint("Name a table that does not exist, and it will be created.")));
	if (get_atttype(relation, number) != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s, not %s", column, get_rel_name(relation),
						format_type_be(get_atttype(relation, number)), format_type_be(type)),
				 errhint("Name a table that does not exist, and it will be created.")));
}

/* Throws unless keys are unique. */
static void
check_unique(Oid relation, const char *key_column)
{
	Sql			sql;

	sql_begin(&sql,
			  "SELECT FROM pg_catalog.pg_index i "
			  "WHERE i.indrelid OPERATOR(pg_catalog.=) $1 AND i.indisunique AND i.indimmediate "
			  "AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts OPERATOR(pg_catalog.=) 1 "
			  "AND i.indkey[0] OPERATOR(pg_catalog.=) $2");
	sql_datum(&sql, OIDOID, ObjectIdGetDatum(relation));
	sql_datum(&sql, INT2OID, Int16GetDatum(get_attnum(relation, key_column)));
	if (sql_read_latest(&sql) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("column \"%s\" of \"%s\" has no unique index", key_column, get_rel_name(relation)),
				 errhint("ALTER TABLE ... ADD PRIMARY KEY (%s).", quote_identifier(key_column))));
}

/* Returns true if the table has the column; only the warning may be missing. */
static bool
has_prediction_column(const PredictionTable *table, int place)
{
	return place != WARNING_COLUMN ||
		get_atttype(table->relation, get_attnum(table->relation, columns[WARNING_COLUMN].name)) == columns[WARNING_COLUMN].type;
}

/* Prepares the statement that writes a row: $1 is the key, $2 a visclf.prediction. */
static void
prepare_write(PredictionTable *table, Oid key_type, Oid prediction_type)
{
	Oid			types[2] = {key_type, prediction_type};
	StringInfoData names;
	StringInfoData values;
	StringInfoData updates;
	StringInfoData query;

	initStringInfo(&names);
	initStringInfo(&values);
	initStringInfo(&updates);
	initStringInfo(&query);
	for (int i = 0; i < lengthof(columns); i++)
	{
		if (!has_prediction_column(table, i))
			continue;
		appendStringInfo(&names, ", %s", columns[i].name);
		appendStringInfo(&values, i == CLASSIFIED_AT ? ", pg_catalog.clock_timestamp()" : ", ($2).%s", columns[i].name);
		appendStringInfo(&updates, "%s%s = excluded.%s", i ? ", " : "", columns[i].name, columns[i].name);
	}
	appendStringInfo(&query, "INSERT INTO %s AS t (%s%s) SELECT $1%s ON CONFLICT (%s) DO UPDATE SET %s",
					 table->name, table->key_column, names.data, values.data, table->key_column, updates.data);
	table->write = sql_prepare(query.data, 2, types);
}

/* Throws if the current role may not insert, before the lock makes others wait. */
static void
check_rights(Oid relation)
{
	AclResult	result = pg_class_aclcheck(relation, GetUserId(), ACL_INSERT);

	if (result != ACLCHECK_OK)
		result = pg_attribute_aclcheck_all(relation, GetUserId(), ACL_INSERT, ACLMASK_ANY);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_TABLE, get_rel_name(relation));
}

PredictionTable *
prediction_table_open(const char *name, const char *key_column, Oid key_type, int32 key_typmod)
{
	PredictionTable *table = palloc0(sizeof(*table));
	RangeVar   *range = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name)));
	Oid			prediction = prediction_type_id();

	if (!OidIsValid(RangeVarGetRelid(range, NoLock, true)))
	{
		create_table(range, key_column, key_type, key_typmod);
		CommandCounterIncrement();
	}
	table->relation = RangeVarGetRelid(range, RowExclusiveLock, false);
	check_rights(table->relation);
	table->name = relation_name(table->relation);
	table->key_column = pstrdup(quote_identifier(key_column));
	check_column(table->relation, key_column, key_type);
	for (int i = 0; i < lengthof(columns); i++)
		if (has_prediction_column(table, i))
			check_column(table->relation, columns[i].name, columns[i].type);
	check_unique(table->relation, key_column);
	table->desc = BlessTupleDesc(lookup_rowtype_tupdesc_copy(prediction, -1));
	prepare_write(table, key_type, prediction);
	return table;
}

void
prediction_table_check(const PredictionTable *table)
{
	LockRelationOid(table->relation, RowExclusiveLock);
	if (strcmp(relation_name(table->relation), table->name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s was renamed while it was written to", table->name),
				 errhint("Call visclf.classify_table again with its new name for the remaining rows.")));
}

void
prediction_table_write(const PredictionTable *table, Datum key, Datum prediction)
{
	Datum		values[2] = {key, prediction};

	sql_run(table->write, values);
}

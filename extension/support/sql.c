/*
 * sql.c
 *		Runs the extension's own SQL through SPI.
 */
#include "extension/support/sql.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "extension/support/release.h"

bool
call_is_atomic(FunctionCallInfo fcinfo)
{
	return fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic;
}

void
sql_begin(Sql *sql, const char *command)
{
	sql->command = command;
	sql->of_source = false;
	sql->count = 0;
}

void
sql_begin_source(Sql *sql, const char *command)
{
	sql_begin(sql, command);
	sql->of_source = true;
}

void
sql_datum(Sql *sql, Oid type, Datum value)
{
	Assert(sql->count < SQL_MAX_ARGS);
	sql->types[sql->count] = type;
	sql->values[sql->count] = value;
	sql->nulls[sql->count] = ' ';
	sql->count++;
}

void
sql_int(Sql *sql, int32 value)
{
	sql_datum(sql, INT4OID, Int32GetDatum(value));
}

void
sql_bigint(Sql *sql, int64 value)
{
	sql_datum(sql, INT8OID, Int64GetDatum(value));
}

void
sql_float8(Sql *sql, double value)
{
	sql_datum(sql, FLOAT8OID, Float8GetDatum(value));
}

void
sql_oid(Sql *sql, Oid value)
{
	sql_datum(sql, OIDOID, ObjectIdGetDatum(value));
}

void
sql_text(Sql *sql, const char *value)
{
	sql_datum(sql, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0);
	if (value == NULL)
		sql->nulls[sql->count - 1] = 'n';
}

void
sql_reals(Sql *sql, const float *values, int count)
{
	sql_datum(sql, FLOAT4ARRAYOID, values ? real_array(values, count) : (Datum) 0);
	if (values == NULL)
		sql->nulls[sql->count - 1] = 'n';
}

/*
 * Restores the caller's memory context after a call of SPI. Returns the number
 * of rows, or throws.
 */
static uint64
restore_context(int code, MemoryContext caller)
{
	MemoryContextSwitchTo(caller);
	if (code < 0)
		elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
	return SPI_processed;
}

/*
 * Reads the extension's tables with row-level security, whatever the caller
 * has set: pg_restore sets row_security = off, which would make it an error.
 * An error on the way restores the setting.
 */
static int
begin_row_security(const Sql *sql)
{
	int			level = NewGUCNestLevel();

	if (!row_security && !sql->of_source)
		set_config_option("row_security", "on", PGC_USERSET, PGC_S_SESSION,
						  GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static uint64
sql_execute(Sql *sql, bool read_only)
{
	MemoryContext caller = CurrentMemoryContext;
	int			level = begin_row_security(sql);
	int			code = SPI_execute_with_args(sql->command, sql->count, sql->types,
											 sql->values, sql->nulls, read_only, 0);

	AtEOXact_GUC(true, level);
	return restore_context(code, caller);
}

Portal
sql_open(Sql *sql, bool read_only)
{
	MemoryContext caller = CurrentMemoryContext;
	int			level = begin_row_security(sql);
	Portal		cursor = SPI_cursor_open_with_args(NULL, sql->command, sql->count, sql->types,
												   sql->values, sql->nulls, read_only, 0);

	AtEOXact_GUC(true, level);
	MemoryContextSwitchTo(caller);
	return cursor;
}

uint64
sql_fetch(Portal cursor, long rows)
{
	MemoryContext caller = CurrentMemoryContext;

	SPI_cursor_fetch(cursor, true, rows);
	return restore_context(0, caller);
}

static void
release_statement(void *statement)
{
	SPI_freeplan(statement);
}

SPIPlanPtr
sql_prepare(const char *command, int count, Oid *types)
{
	MemoryContext caller = CurrentMemoryContext;
	SPIPlanPtr	statement = SPI_prepare(command, count, types);

	MemoryContextSwitchTo(caller);
	if (statement == NULL || SPI_keepplan(statement) != 0)
		elog(ERROR, "could not prepare: %s", SPI_result_code_string(SPI_result));
	release_with_context(caller, release_statement, statement);
	return statement;
}

uint64
sql_run(SPIPlanPtr statement, Datum *values)
{
	MemoryContext caller = CurrentMemoryContext;

	return restore_context(SPI_execute_plan(statement, values, NULL, false, 0), caller);
}

void
sql_commit(void)
{
	MemoryContext caller = CurrentMemoryContext;

	SPI_commit();
	MemoryContextSwitchTo(caller);
}

uint64
sql_read_latest(Sql *sql)
{
	return sql_execute(sql, false);
}

Oid
model_table(void)
{
	return get_relname_relid("model", get_namespace_oid("visclf", false));
}

Oid
tables_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(model_table()));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "table visclf.model is missing");
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Runs a query as the owner of the tables. An error on the way restores the
 * role when the (sub)transaction aborts.
 */
static uint64
as_tables_owner(Sql *sql, uint64 (*run) (Sql *))
{
	Oid			role;
	int			context;
	uint64		rows;

	GetUserIdAndSecContext(&role, &context);
	SetUserIdAndSecContext(tables_owner(), context | SECURITY_LOCAL_USERID_CHANGE);
	rows = run(sql);
	SetUserIdAndSecContext(role, context);
	return rows;
}

static uint64
execute_writing(Sql *sql)
{
	return sql_execute(sql, false);
}

uint64
sql_write(Sql *sql)
{
	return as_tables_owner(sql, execute_writing);
}

/* in repeatable read, GetTransactionSnapshot would be the transaction's first */
static uint64
read_committed(Sql *sql)
{
	uint64		rows;

	PushActiveSnapshot(GetLatestSnapshot());
	rows = sql_execute(sql, true);
	PopActiveSnapshot();
	return rows;
}

uint64
sql_read_all(Sql *sql)
{
	return as_tables_owner(sql, read_committed);
}

char *
relation_name(Oid relation)
{
	char	   *schema = get_namespace_name(get_rel_namespace(relation));
	char	   *name = get_rel_name(relation);

	if (schema == NULL || name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	return quote_qualified_identifier(schema, name);
}

uint64
sql_read(Sql *sql)
{
	return sql_execute(sql, true);
}

/* Returns a row of the last result; throws if it has fewer rows. */
static HeapTuple
result_row(uint64 row)
{
	if (row >= SPI_tuptable->numvals)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("a row was deleted concurrently, or is no longer visible"),
				 errhint("A model was dropped, or the role was changed, during the call.")));
	return SPI_tuptable->vals[row];
}

char *
result_text(uint64 row, int column)
{
	return SPI_getvalue(result_row(row), SPI_tuptable->tupdesc, column);
}

Datum
result_datum(uint64 row, int column, Oid type, bool *isnull)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	Oid			is = SPI_gettypeid(desc, column);

	if (is != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is now of type %s, not %s", SPI_fname(desc, column),
						format_type_be(is), format_type_be(type)),
				 errhint("Its table was altered while it was read: try again.")));
	return SPI_getbinval(result_row(row), desc, column, isnull);
}

double
result_float8(uint64 row, int column)
{
	bool		isnull;
	Datum		value = result_datum(row, column, FLOAT8OID, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

static void
check_not_null(uint64 row, int column, bool isnull)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("column \"%s\" is NULL in row %llu of the result",
						SPI_fname(SPI_tuptable->tupdesc, column), (unsigned long long) row + 1)));
}

Datum
result_not_null(uint64 row, int column, Oid type)
{
	bool		isnull;
	Datum		value = result_datum(row, column, type, &isnull);

	check_not_null(row, column, isnull);
	return value;
}

char *
result_string(uint64 row, int column)
{
	char	   *value = result_text(row, column);

	check_not_null(row, column, value == NULL);
	return value;
}

bool
result_bool(uint64 row, int column)
{
	return DatumGetBool(result_not_null(row, column, BOOLOID));
}

int32
result_int(uint64 row, int column)
{
	return DatumGetInt32(result_not_null(row, column, INT4OID));
}

int64
result_bigint(uint64 row, int column)
{
	return DatumGetInt64(result_not_null(row, column, INT8OID));
}

Datum
text_array(char **values, int count)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(values[i]);
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
real_array(const float *values, int count)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(count, 1));
	ArrayType  *array;

	for (int i = 0; i < count; i++)
		elements[i] = Float4GetDatum(values[i]);
	array = construct_array(elements, count, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT);
	pfree(elements);
	return PointerGetDatum(array);
}

Datum
int_array(const int *values, int count)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		elements[i] = Int32GetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* Returns the elements of an array; throws if one is NULL. */
static Datum *
array_values(Datum array, Oid type, int16 length, bool byval, int *count)
{
	Datum	   *elements;
	bool	   *nulls;

	deconstruct_array(DatumGetArrayTypeP(array), type, length, byval,
					  type == FLOAT8OID ? TYPALIGN_DOUBLE : TYPALIGN_INT,
					  &elements, &nulls, count);
	for (int i = 0; i < *count; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("array has a NULL element")));
	return elements;
}

char **
text_array_values(Datum array, int *count)
{
	Datum	   *elements = array_values(array, TEXTOID, -1, false, count);
	char	  **values = palloc(sizeof(char *) * Max(*count, 1));

	for (int i = 0; i < *count; i++)
		values[i] = TextDatumGetCString(elements[i]);
	return values;
}

float *
float8_array_values(Datum array, int *count)
{
	Datum	   *elements = array_values(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, count);
	float	   *values = palloc(sizeof(float) * Max(*count, 1));

	for (int i = 0; i < *count; i++)
		values[i] = (float) DatumGetFloat8(elements[i]);
	return values;
}

float *
real_array_values(Datum array, int *count)
{
	Datum	   *elements = array_values(array, FLOAT4OID, sizeof(float4), true, count);
	float	   *values = palloc(sizeof(float) * Max(*count, 1));

	for (int i = 0; i < *count; i++)
		values[i] = DatumGetFloat4(elements[i]);
	return values;
}

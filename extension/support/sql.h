/*
 * sql.h
 *		Runs the extension's own SQL through SPI.
 *
 * SPI must be connected. Queries run as the current role unless said
 * otherwise. Arguments are added in the order of $1, $2, ... Names in queries
 * are qualified, so that no search_path changes their meaning.
 *
 * SPI's functions that run, plan or fetch leave SPI's own memory context
 * current. The functions here restore the caller's; nothing else calls SPI's.
 */
#ifndef VISCLF_SQL_H
#define VISCLF_SQL_H

#include "extension/support/pgcompat.h"

#include "executor/spi.h"
#include "fmgr.h"

#define SQL_MAX_ARGS 32

typedef struct Sql
{
	const char *command;
	bool		of_source;		/* see sql_begin_source */
	int			count;
	Oid			types[SQL_MAX_ARGS];
	Datum		values[SQL_MAX_ARGS];
	char		nulls[SQL_MAX_ARGS];
} Sql;

/* Returns true if the call of a procedure must not commit. */
extern bool call_is_atomic(FunctionCallInfo fcinfo);

/* Begins a query of the extension's tables. */
extern void sql_begin(Sql *sql, const char *command);

/*
 * Begins a query of a relation that the caller named. The caller's
 * row_security setting applies.
 */
extern void sql_begin_source(Sql *sql, const char *command);

extern void sql_int(Sql *sql, int32 value);
extern void sql_bigint(Sql *sql, int64 value);
extern void sql_float8(Sql *sql, double value);
extern void sql_oid(Sql *sql, Oid value);
extern void sql_text(Sql *sql, const char *value);	/* NULL is NULL */
extern void sql_reals(Sql *sql, const float *values, int count);	/* NULL is NULL */
extern void sql_datum(Sql *sql, Oid type, Datum value);

/* Runs a query that only reads, in the caller's snapshot. Returns the number of rows. */
extern uint64 sql_read(Sql *sql);

/* The same in a new snapshot, which sees this statement's own writes. */
extern uint64 sql_read_latest(Sql *sql);

/*
 * The same for checks of rights: as the owner of the extension's tables, who
 * sees every row, and in the latest snapshot even in repeatable read.
 */
extern uint64 sql_read_all(Sql *sql);

/*
 * Runs a query that writes, as the owner of the extension's tables. The caller
 * has checked the current role's rights. Returns the number of rows processed.
 */
extern uint64 sql_write(Sql *sql);

/* Opens a cursor. One that is not read_only sees this statement's own writes. */
extern Portal sql_open(Sql *sql, bool read_only);

/* Fetches the next rows of a cursor into the last result. Returns their number, 0 at the end. */
extern uint64 sql_fetch(Portal cursor, long rows);

/* Prepares a statement with arguments of these types. It is freed with the current context. */
extern SPIPlanPtr sql_prepare(const char *command, int count, Oid *types);

/*
 * Runs a prepared statement, which may write, with values that are not NULL.
 * Returns the number of rows.
 */
extern uint64 sql_run(SPIPlanPtr statement, Datum *values);

/* Commits, and starts the next transaction. */
extern void sql_commit(void);

/* Returns the OID of visclf.model, which locks are named after too. */
extern Oid	model_table(void);

/* Returns the owner of the extension's tables. */
extern Oid	tables_owner(void);

/* Returns the quoted and qualified name of a relation; throws if it is gone. */
extern char *relation_name(Oid relation);

/*
 * These return a column (from 1) of a row of the last result; they throw if
 * there is no such row. result_text returns palloc'd text, or NULL. The others
 * expect a type and throw if the result has another: the owner of a table may
 * have altered it.
 */
extern char *result_text(uint64 row, int column);
extern Datum result_datum(uint64 row, int column, Oid type, bool *isnull);
extern double result_float8(uint64 row, int column);	/* NAN where it is NULL */

/* The same for values that must not be NULL: the error names row and column. */
extern Datum result_not_null(uint64 row, int column, Oid type);
extern char *result_string(uint64 row, int column);
extern bool result_bool(uint64 row, int column);
extern int32 result_int(uint64 row, int column);
extern int64 result_bigint(uint64 row, int column);

/* Arrays to and from C: palloc'd in the current context. */
extern Datum text_array(char **values, int count);
extern Datum real_array(const float *values, int count);
extern Datum int_array(const int *values, int count);
extern char **text_array_values(Datum array, int *count);
extern float *real_array_values(Datum array, int *count);
extern float *float8_array_values(Datum array, int *count);

#endif							/* VISCLF_SQL_H */

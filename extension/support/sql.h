/*
 * sql.h
 *		The extension's own SQL, run through SPI as the current role.
 *
 * The caller has connected to SPI.  Arguments are added in the order of $1,
 * $2, ...; names in the queries are qualified, so that no search_path can
 * change what they mean.
 *
 * The functions of SPI that run, plan or fetch leave SPI's own memory context
 * current.  These here give the caller's back, and nothing else calls those.
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

/* True where the call of a procedure must not commit. */
extern bool call_is_atomic(FunctionCallInfo fcinfo);

/* Begins a query of the extension's tables. */
extern void sql_begin(Sql *sql, const char *command);

/*
 * Begins a query of a relation that the caller named: whether its row-level
 * security may be passed by is the caller's to say.
 */
extern void sql_begin_source(Sql *sql, const char *command);

extern void sql_int(Sql *sql, int32 value);
extern void sql_bigint(Sql *sql, int64 value);
extern void sql_float8(Sql *sql, double value);
extern void sql_oid(Sql *sql, Oid value);
extern void sql_text(Sql *sql, const char *value);	/* NULL is NULL */
extern void sql_reals(Sql *sql, const float *values, int count);	/* NULL is NULL */
extern void sql_datum(Sql *sql, Oid type, Datum value);

/* Runs a query that only reads, in the caller's snapshot; counts its rows. */
extern uint64 sql_read(Sql *sql);

/* The same in a new snapshot, which sees what this statement has written. */
extern uint64 sql_read_latest(Sql *sql);

/*
 * The same for what decides about rights: as the owner of the extension's
 * tables, who sees every row, and what is committed now, also where the
 * transaction keeps to its first snapshot.
 */
extern uint64 sql_read_all(Sql *sql);

/*
 * Runs a query that writes, as the owner of the extension's tables, who is
 * the only one to write them: the caller has checked the current role's
 * rights.  Returns the number of rows processed.
 */
extern uint64 sql_write(Sql *sql);

/* The same query through a cursor; a cursor that writes sees what this statement has written. */
extern Portal sql_open(Sql *sql, bool read_only);

/* Fetches the next rows of a cursor into the last result; how many: 0 at the end. */
extern uint64 sql_fetch(Portal cursor, long rows);

/* Plans a query for arguments of these types; the plan goes with the current context. */
extern SPIPlanPtr sql_prepare(const char *command, int count, Oid *types);

/* Runs a plan, which may write, with values none of which is NULL; counts its rows. */
extern uint64 sql_run(SPIPlanPtr statement, Datum *values);

/* Commits, and begins the next transaction. */
extern void sql_commit(void);

/* The table visclf.model, which its locks are named after too. */
extern Oid	model_table(void);

/* Who owns the extension's tables. */
extern Oid	tables_owner(void);

/* A relation, quoted and qualified; an error where it is gone. */
extern char *relation_name(Oid relation);

/*
 * Column (from 1) of a row of the last result; an error where there is no such
 * row.  As text, palloc'd, NULL where it is NULL; and by the type that the
 * query promises: an error where the result has another, for whose table it
 * is may have altered it.
 */
extern char *result_text(uint64 row, int column);
extern Datum result_datum(uint64 row, int column, Oid type, bool *isnull);
extern double result_float8(uint64 row, int column);	/* NAN where it is NULL */

/* The same, never NULL: an error that names the row and the column. */
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

/*
 * work.c
 *		What is to be loaded, and what is in one of catalogue and folder only.
 */
#include <stdlib.h>
#include <string.h>

#include "client/load.h"
#include "client/message.h"

/* Names in a list that is an example. */
#define EXAMPLES 5

/*
 * A name by which file and catalogue are compared: slashes as on Unix, without
 * "./" before it, composed letters where the database knows them.
 */
static char *
comparable(load *l, const char *name)
{
	const char *encoding = PQparameterStatus(l->conn, "server_encoding");
	char	   *plain = print("regexp_replace(replace(btrim(%s), E'\\\\', '/'), '^([.]/)+', '')", name);
	char	   *composed;

	if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
		return plain;
	composed = print("normalize(%s)", plain);
	free(plain);
	return composed;
}

/* Runs a statement that is freed. */
static void
run(load *l, char *sql)
{
	server_do(l->conn, sql);
	free(sql);
}

/* The first of lines low..high that has a value which is not of the column's type. */
static int64_t
find_line(load *l, const load_column *column, int64_t low, int64_t high)
{
	while (low < high)
	{
		int64_t		middle = low + (high - low) / 2;
		char	   *sql = print("SELECT count((%s)::%s) FROM pg_temp.visclf_catalogue c WHERE line BETWEEN %lld AND %lld",
								column->source, column->type, (long long) low, (long long) middle);
		PGresult   *result = PQexec(l->conn, sql);

		if (PQresultStatus(result) == PGRES_TUPLES_OK)
			low = middle + 1;
		else
			high = middle;
		PQclear(result);
		free(sql);
	}
	return low;
}

/* Fails with the line where a value is not of the type of its column. */
static void
check_types(load *l)
{
	for (int i = 1; i < l->count; i++)
	{
		const load_column *column = &l->columns[i];
		char	   *sql;
		PGresult   *result;

		if (column->source[0] != 'c')
			continue;
		sql = print("SELECT count((%s)::%s) FROM pg_temp.visclf_catalogue c", column->source, column->type);
		result = PQexec(l->conn, sql);
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			fatal("Mend the catalogue, or make the column text.", "column \"%s\", line %lld of \"%s\": %s", column->name,
				  (long long) find_line(l, column, 0, server_integer(l->conn, "SELECT max(line) FROM pg_temp.visclf_catalogue")),
				  l->options->catalogue, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
		PQclear(result);
		free(sql);
	}
}

/* pg_temp.visclf_row: the first row of the catalogue for each file. */
static void
make_rows(load *l)
{
	char	   *key = comparable(l, "key");

	run(l, print("CREATE TEMPORARY TABLE visclf_row AS SELECT DISTINCT ON (key) key, line"
				 "	FROM (SELECT %s AS key, line FROM pg_temp.visclf_catalogue WHERE key IS NOT NULL) c ORDER BY key, line", key));
	run(l, copy_string("ANALYZE pg_temp.visclf_row"));
	run(l, copy_string("ANALYZE pg_temp.visclf_catalogue"));
	free(key);
}

/* pg_temp.visclf_found: the files, each with its row of the catalogue and whether it is in the table. */
static void
make_found(load *l)
{
	char	   *key = comparable(l, "name");
	char	   *loaded = l->exists ? print("EXISTS (SELECT FROM %s t WHERE t.%s::text = f.name)", l->table, l->columns[0].quoted) :
		copy_string("false");

	run(l, print("CREATE TEMPORARY TABLE visclf_found AS SELECT f.*, %s, %s AS loaded"
				 "	FROM (SELECT DISTINCT ON (name) *, %s AS key FROM pg_temp.visclf_file ORDER BY name, path) f %s",
				 l->has_catalogue ? "r.line" : "0::bigint AS line", loaded, key,
				 l->has_catalogue ? "LEFT JOIN pg_temp.visclf_row r ON r.key = f.key" : ""));
	run(l, copy_string("ANALYZE pg_temp.visclf_found"));
	free(key);
	free(loaded);
}

void
work_make(load *l)
{
	char	   *sql = copy_string("CREATE TEMPORARY TABLE visclf_work AS SELECT f.path, f.bytes");

	server_do(l->conn, "ANALYZE pg_temp.visclf_file");
	if (l->has_catalogue)
	{
		if (l->exists)
			check_types(l);
		make_rows(l);
	}
	make_found(l);
	for (int i = 0; i < l->count; i++)
		sql = append_string(sql, print(", (%s)::%s AS v%d", l->columns[i].source, l->columns[i].type, i));
	sql = append_string(sql, print(" FROM pg_temp.visclf_found f %s WHERE f.line IS NOT NULL AND NOT f.loaded",
								   l->has_catalogue ? "LEFT JOIN pg_temp.visclf_catalogue c ON c.line = f.line" : ""));
	run(l, sql);
}

/* Says how many rows a query has, with the first of them. */
static void
report(load *l, const char *query, const char *one, const char *many)
{
	char	   *sql = print("SELECT count(*), string_agg(what, ', ') FILTER (WHERE place <= %d)"
							"	FROM (SELECT what, row_number() OVER (ORDER BY what) AS place FROM (%s) q) q", EXAMPLES, query);
	PGresult   *result = server_query(l->conn, sql, NULL);
	long long	count = atoll(PQgetvalue(result, 0, 0));

	if (count > 0)
		say("%lld %s: %s%s", count, count == 1 ? one : many, PQgetvalue(result, 0, 1), count > EXAMPLES ? ", ..." : "");
	PQclear(result);
	free(sql);
}

/* Says what the catalogue names that is not there. */
static void
report_rows(load *l)
{
	char	   *loaded_key = l->exists ? comparable(l, "t.f") : NULL;
	char	   *loaded = l->exists ? print("AND NOT EXISTS (SELECT FROM (SELECT %s::text AS f FROM %s) t WHERE %s = r.key)",
										   l->columns[0].quoted, l->table, loaded_key) : copy_string("");
	char	   *missing = print("SELECT format('%%s (line %%s)', key, line) AS what FROM pg_temp.visclf_row r"
								"	WHERE NOT EXISTS (SELECT FROM pg_temp.visclf_found f WHERE f.key = r.key) %s", loaded);

	report(l, missing, "row of the catalogue has no file", "rows of the catalogue have no file");
	report(l, "SELECT 'line ' || line AS what FROM pg_temp.visclf_catalogue WHERE key IS NULL",
		   "row of the catalogue names no file", "rows of the catalogue name no file");
	report(l, "SELECT format('%s (line %s)', key, line) AS what FROM pg_temp.visclf_catalogue c"
		   "	WHERE key IS NOT NULL AND NOT EXISTS (SELECT FROM pg_temp.visclf_row r WHERE r.line = c.line)",
		   "row of the catalogue names a file that an earlier one names, and is left out",
		   "rows of the catalogue name a file that an earlier one names, and are left out");
	report(l, "SELECT name AS what FROM pg_temp.visclf_found WHERE line IS NULL",
		   "file is not in the catalogue, and is left out", "files are not in the catalogue, and are left out");
	free(loaded_key);
	free(loaded);
	free(missing);
}

void
work_report(load *l)
{
	int64_t		loaded = server_integer(l->conn, "SELECT count(*) FROM pg_temp.visclf_found WHERE loaded");

	if (l->has_catalogue)
		report_rows(l);
	report(l, "SELECT name AS what FROM pg_temp.visclf_file GROUP BY name HAVING count(*) > 1",
		   "name is that of several files, of which the first is taken", "names are those of several files, of which the first is taken");
	if (loaded > 0 && !l->options->quiet)
		say("%lld files are in %s already", (long long) loaded, l->table);
}

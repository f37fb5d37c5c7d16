/*
 * table.c
 *		The table that is filled, or made.
 */
#include <stdlib.h>
#include <string.h>

#include "client/load.h"
#include "client/message.h"

/* Sets l->table to the table's full name, and whether it exists. */
static void
resolve(load *l)
{
	PGresult   *result = server_query(l->conn,
		"SELECT c.oid IS NOT NULL, format('%I.%I', coalesce(n.nspname, p.part[cardinality(p.part) - 1], current_schema()),"
		"	coalesce(c.relname, p.part[cardinality(p.part)])), cardinality(p.part), coalesce(c.relkind IN ('r', 'p', 'f'), true)"
		"	FROM (SELECT parse_ident($1) AS part) p"
		"	LEFT JOIN pg_class c ON c.oid = to_regclass($1) LEFT JOIN pg_namespace n ON n.oid = c.relnamespace",
		l->options->table, NULL);

	if (strcmp(PQgetvalue(result, 0, 3), "t") != 0)
		fatal(NULL, "\"%s\" is not a table", l->options->table);
	if (PQgetisnull(result, 0, 1) || atoi(PQgetvalue(result, 0, 2)) > 2)
		fatal("Write it as in SQL: adverts or archive.adverts.", "\"%s\" is no table's name", l->options->table);
	l->exists = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	l->table = copy_string(PQgetvalue(result, 0, 1));
	PQclear(result);
}

/* Waits until no other visclf-load fills this table, for as long as the connection lasts. */
static void
lock(load *l)
{
	static const char *const function[] = {"pg_try_advisory_lock", "pg_advisory_lock"};

	for (int i = 0; i < 2; i++)
	{
		char	   *sql = print("SELECT %s(pg_catalog.hashtext('visclf-load'), pg_catalog.hashtext($1))", function[i]);
		PGresult   *result = server_query(l->conn, sql, l->table, NULL);
		bool		done = PQgetvalue(result, 0, 0)[0] != 'f';

		free(sql);
		PQclear(result);
		if (done)
			return;
		say("waiting for another visclf-load of %s to end", l->table);
	}
}

void
table_find(load *l)
{
	resolve(l);
	lock(l);
	if (!l->exists)
	{
		free(l->table);
		resolve(l);
	}
	server_do(l->conn, "SET search_path = pg_catalog, pg_temp");
}

/*
 * The type of an existing table's column without its length, which COPY checks where a cast
 * would cut; or NULL.  *storage as in pg_attribute.
 */
static char *
existing_type(load *l, const char *name, char *storage)
{
	PGresult   *result = server_query(l->conn,
		"SELECT format_type(atttypid, -1), attstorage FROM pg_attribute"
		"	WHERE attrelid = $1::regclass AND attname = $2 AND attnum > 0 AND NOT attisdropped", l->table, name, NULL);
	char	   *type = NULL;

	if (PQntuples(result) == 1)
	{
		type = copy_string(PQgetvalue(result, 0, 0));
		*storage = PQgetvalue(result, 0, 1)[0];
	}
	PQclear(result);
	return type;
}

/* Checks an existing table. */
static void
existing_types(load *l)
{
	char		storage;
	char	   *type = existing_type(l, l->options->image_column, &storage);

	if (type == NULL || strcmp(type, "bytea") != 0)
		fatal("--image-column names the column of the images.", "table %s has no column \"%s\" of type bytea",
			  l->table, l->options->image_column);
	free(type);
	if (storage != 'e' && !l->options->quiet)
		say("images are compressed in vain; ALTER TABLE %s ALTER \"%s\" SET STORAGE EXTERNAL loads faster",
			l->table, l->options->image_column);
	for (int i = 0; i < l->count; i++)
	{
		l->columns[i].type = existing_type(l, l->columns[i].name, &storage);
		if (l->columns[i].type == NULL)
			fatal("Add it with ALTER TABLE, or take it out of the catalogue.", "table %s has no column \"%s\"",
				  l->table, l->columns[i].name);
	}
}

/* True where all values are dates: 1850-02-30 is none. */
static bool
all_dates(load *l, const char *source)
{
	char	   *sql = print("SELECT count(%s::date) FROM pg_temp.visclf_catalogue c", source);
	PGresult   *result;
	bool		good;

	server_do(l->conn, "BEGIN");
	result = PQexec(l->conn, sql);
	good = PQresultStatus(result) == PGRES_TUPLES_OK;
	PQclear(result);
	server_do(l->conn, "ROLLBACK");
	free(sql);
	return good;
}

/* The type of a new table's column that has a catalogue's values: text unless all are something else. */
static const char *
guess_type(load *l, const char *source)
{
	char	   *sql = print(
		"SELECT bool_and(%1$s ~ '^-?(0|[1-9][0-9]{0,17})$'), bool_and(%1$s ~ '^-?(0|[1-9][0-9]*)([.][0-9]+)?$'),"
		"	bool_and(%1$s ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'), bool_and(%1$s IN ('true', 'false', 'True', 'False', 'TRUE', 'FALSE'))"
		"	FROM pg_temp.visclf_catalogue c", source);
	PGresult   *result = server_query(l->conn, sql, NULL);
	bool		is[4];

	for (int i = 0; i < 4; i++)
		is[i] = strcmp(PQgetvalue(result, 0, i), "t") == 0;
	PQclear(result);
	free(sql);
	if (is[0])
		return "bigint";
	if (is[1])
		return "numeric";
	if (is[2] && all_dates(l, source))
		return "date";
	return is[3] ? "boolean" : "text";
}

void
table_types(load *l)
{
	if (l->exists && l->options->key != NULL)
		fatal("Leave --key out: it is for a table that is made.", "table %s exists", l->table);
	if (l->exists)
	{
		existing_types(l);
		return;
	}
	for (int i = 0; i < l->count; i++)
		l->columns[i].type = copy_string(l->columns[i].source[0] == 'c' ? guess_type(l, l->columns[i].source) : "text");
}

/* The statement that makes the table. */
static char *
definition(load *l)
{
	char	   *sql = print("CREATE TABLE %s (", l->table);
	char	   *image = server_quote(l->conn, l->options->image_column);
	const char *key = l->options->key ? l->options->key : l->columns[0].name;
	bool		found = false;

	for (int i = 0; i < l->count; i++)
	{
		const load_column *column = &l->columns[i];
		bool		is_key = strcmp(column->name, key) == 0;

		found |= is_key;
		sql = append_string(sql, print("%s %s%s, ", column->quoted, column->type,
									   is_key ? " PRIMARY KEY" : i == 0 ? " NOT NULL UNIQUE" : ""));
	}
	if (!found)
		fatal("--key names a column of the catalogue.", "there is no column \"%s\"", key);
	sql = append_string(sql, print("%s bytea NOT NULL)", image));
	free(image);
	return sql;
}

void
table_make(load *l)
{
	char	   *sql;

	if (l->exists)
		return;
	sql = definition(l);
	if (!l->options->quiet)
		say("%s", sql);
	if (!l->options->dry_run)
	{
		char	   *image = server_quote(l->conn, l->options->image_column);
		char	   *storage = print("ALTER TABLE %s ALTER %s SET STORAGE EXTERNAL", l->table, image);

		server_do(l->conn, "BEGIN");
		server_do(l->conn, sql);
		server_do(l->conn, storage);
		server_do(l->conn, "COMMIT");
		free(storage);
		free(image);
	}
	free(sql);
}

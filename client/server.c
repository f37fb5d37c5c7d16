/*
 * server.c
 *		The connection, and statements whose failure ends the program.
 */
#include "client/server.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/message.h"

#define MAX_PARAMETERS 8

/* One attempt to connect. */
static PGconn *
try_connect(const where_to *where, const char *password)
{
	const char *keywords[] = {"host", "port", "user", "password", "dbname", "fallback_application_name", "client_encoding", NULL};
	const char *values[] = {where->host, where->port, where->user, password, where->database, "visclf-load", "UTF8", NULL};
	PGconn	   *conn = PQconnectdbParams(keywords, values, 1);

	if (conn == NULL)
		fatal(NULL, "out of memory");
	return conn;
}

PGconn *
server_connect(const where_to *where)
{
	PGconn	   *conn = try_connect(where, NULL);

	if (PQstatus(conn) != CONNECTION_OK && PQconnectionNeedsPassword(conn) && isatty(STDIN_FILENO))
	{
		char	   *password = getpass("Password: ");

		PQfinish(conn);
		conn = try_connect(where, password);
		if (password != NULL)
			memset(password, 0, strlen(password));
	}
	if (PQstatus(conn) != CONNECTION_OK)
	{
		char	   *why = copy_string(PQerrorMessage(conn));

		why[strcspn(why, "\n")] = '\0';
		fatal("--dbname takes a connection string, as psql does.", "%s", why);
	}
	server_do(conn, "SET client_min_messages = error");
	return conn;
}

void
server_fatal(PGconn *conn, const PGresult *result)
{
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);

	if (primary == NULL)
		fatal("Start the same command again: it goes on where it stopped.", "%s", PQerrorMessage(conn));
	if (detail != NULL)
		fatal(hint, "%s (%.400s)", primary, detail);
	fatal(hint, "%s", primary);
}

void
server_do(PGconn *conn, const char *sql)
{
	PGresult   *result = PQexec(conn, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		server_fatal(conn, result);
	PQclear(result);
}

PGresult *
server_query(PGconn *conn, const char *sql,...)
{
	const char *values[MAX_PARAMETERS];
	const char *value;
	int			count = 0;
	va_list		args;
	PGresult   *result;

	va_start(args, sql);
	while ((value = va_arg(args, const char *)) != NULL && count < MAX_PARAMETERS)
		values[count++] = value;
	va_end(args);
	result = PQexecParams(conn, sql, count, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		server_fatal(conn, result);
	return result;
}

int64_t
server_integer(PGconn *conn, const char *sql)
{
	PGresult   *result = server_query(conn, sql, NULL);
	int64_t		value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);

	PQclear(result);
	return value;
}

char *
server_quote(PGconn *conn, const char *name)
{
	char	   *quoted = PQescapeIdentifier(conn, name, strlen(name));
	char	   *copy;

	if (quoted == NULL)
		fatal(NULL, "\"%s\" cannot be the name of a column: %s", name, PQerrorMessage(conn));
	copy = copy_string(quoted);
	PQfreemem(quoted);
	return copy;
}

/* Sends a part of the copy's data. */
static void
copy_send(PGconn *conn, const void *data, size_t bytes)
{
	if (PQputCopyData(conn, data, (int) bytes) != 1)
		fatal("Start the same command again: it goes on where it stopped.", "%s", PQerrorMessage(conn));
}

/* Sends an integer of `bytes` bytes, highest first. */
static void
copy_number(PGconn *conn, uint64_t value, int bytes)
{
	char		buffer[8];

	for (int i = 0; i < bytes; i++)
		buffer[i] = (char) (value >> 8 * (bytes - 1 - i));
	copy_send(conn, buffer, (size_t) bytes);
}

void
copy_begin(PGconn *conn, const char *sql)
{
	PGresult   *result = PQexec(conn, sql);

	if (PQresultStatus(result) != PGRES_COPY_IN)
		server_fatal(conn, result);
	PQclear(result);
	copy_send(conn, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

void
copy_row(PGconn *conn, int fields)
{
	copy_number(conn, (uint64_t) fields, 2);
}

void
copy_field(PGconn *conn, const void *data, size_t bytes)
{
	copy_number(conn, data == NULL ? UINT32_MAX : bytes, 4);
	if (data != NULL)
		copy_send(conn, data, bytes);
}

void
copy_integer(PGconn *conn, int64_t value)
{
	copy_number(conn, sizeof(value), 4);
	copy_number(conn, (uint64_t) value, sizeof(value));
}

void
copy_end(PGconn *conn)
{
	PGresult   *result;

	copy_number(conn, UINT16_MAX, 2);
	if (PQputCopyEnd(conn, NULL) != 1)
		fatal(NULL, "%s", PQerrorMessage(conn));
	while ((result = PQgetResult(conn)) != NULL)
	{
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			server_fatal(conn, result);
		PQclear(result);
	}
}

/*
 * server.h
 *		The connection, and statements whose failure ends the program.
 */
#ifndef VISCLF_CLIENT_SERVER_H
#define VISCLF_CLIENT_SERVER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* Where to connect to; NULL: as libpq would. */
typedef struct where_to
{
	const char *database;		/* or a connection string, or a URI */
	const char *host;
	const char *port;
	const char *user;
} where_to;

/* Connects, asks for a password where one is needed, speaks UTF-8. */
extern PGconn *server_connect(const where_to *where);

/* Runs a statement without a result. */
extern void server_do(PGconn *conn, const char *sql);

/* Runs a query; parameters end with NULL.  PQclear() the result. */
extern PGresult *server_query(PGconn *conn, const char *sql,...) __attribute__((sentinel));

/* The same of one integer; 0 for NULL. */
extern int64_t server_integer(PGconn *conn, const char *sql);

/* Ends the program with what the server said. */
extern void server_fatal(PGconn *conn, const PGresult *result) __attribute__((noreturn));

/* A name in double quotes; free() it. */
extern char *server_quote(PGconn *conn, const char *name);

/*
 * COPY ... FROM STDIN (FORMAT binary): begin, rows of fields, end.  A field of
 * NULL is null.  What the server says of the rows comes at the end.
 */
extern void copy_begin(PGconn *conn, const char *sql);
extern void copy_row(PGconn *conn, int fields);
extern void copy_field(PGconn *conn, const void *data, size_t bytes);
extern void copy_integer(PGconn *conn, int64_t value);
extern void copy_end(PGconn *conn);

#endif							/* VISCLF_CLIENT_SERVER_H */

/*
 * transfer.c
 *		The files into the table.
 *
 * A page of the work is one COPY and one transaction, so that what is done stays
 * done.  While one handful of files is sent, the next is read.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "client/load.h"
#include "client/message.h"
#include "client/picture.h"
#include "engine/image/pool.h"
#include "client/progress.h"

/* Rows a transaction, and seconds after which it ends all the same. */
#define PAGE		500
#define SECONDS		10.0
/* Files and bytes that are read at a time. */
#define HANDFUL		64
#define HANDFUL_BYTES (16 * 1024 * 1024)
/* Files that are named, of those that could not be loaded. */
#define MAX_NAMED	20

/* The columns of a page of work: the path, the bytes, the values. */
#define VALUES 2

typedef struct handful
{
	picture		pictures[HANDFUL];
	int			first;			/* row of the page */
	int			count;
} handful;

typedef struct transferer
{
	load	   *l;
	vc_pool    *pool;
	picture_options options;
	progress	progress;
	char	   *copy;			/* the statement */
	PGresult   *page;
	double		begun;			/* the COPY */
	int64_t		failed;
	int64_t		loaded;
	int64_t		bytes_sent;
} transferer;

static volatile sig_atomic_t stopped = 0;

static void
on_signal(int number)
{
	(void) number;
	stopped = 1;
}

/* The bytes of a row's file when it was listed. */
static int64_t
listed_bytes(const transferer *t, int row)
{
	const unsigned char *p = (const unsigned char *) PQgetvalue(t->page, row, 1);
	uint64_t	value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | p[i];
	return (int64_t) value;
}

/* Begins to read the rows from `first` on, as many as are a handful. */
static void
start_handful(transferer *t, handful *h, int first)
{
	int			rows = PQntuples(t->page);
	int64_t		bytes = 0;

	h->first = first;
	h->count = 0;
	while (first < rows && h->count < HANDFUL && (h->count == 0 || bytes < HANDFUL_BYTES))
	{
		h->pictures[h->count++].path = PQgetvalue(t->page, first, 0);
		bytes += listed_bytes(t, first++);
	}
	vc_pool_submit(t->pool, picture_read, h->pictures, sizeof(picture), h->count, &t->options);
}

/* Says why a file is not loaded. */
static void
say_failed(transferer *t, const picture *p)
{
	progress_pause(&t->progress);
	if (++t->failed <= MAX_NAMED)
		say("%s is left out: %s", p->path, p->error.message);
	else if (t->failed == MAX_NAMED + 1)
		say("further files that are left out are counted only");
}

/* Sends one row. */
static void
send_row(transferer *t, int row, picture *p)
{
	PGconn	   *conn = t->l->conn;

	if (p->data == NULL)
		say_failed(t, p);
	else
	{
		copy_row(conn, t->l->count + 1);
		for (int i = VALUES; i < VALUES + t->l->count; i++)
			copy_field(conn, PQgetisnull(t->page, row, i) ? NULL : PQgetvalue(t->page, row, i),
					   (size_t) PQgetlength(t->page, row, i));
		copy_field(conn, p->data, p->size);
		t->loaded++;
		t->bytes_sent += (int64_t) p->size;
		free(p->data);
	}
	progress_add(&t->progress, listed_bytes(t, row));
}

/* Sends a handful, in transactions that are not too long. */
static void
send_handful(transferer *t, handful *h)
{
	for (int i = 0; i < h->count; i++)
	{
		if (clock_now() - t->begun > SECONDS)
		{
			copy_end(t->l->conn);
			copy_begin(t->l->conn, t->copy);
			t->begun = clock_now();
		}
		send_row(t, h->first + i, &h->pictures[i]);
	}
}

/* Loads the rows of t->page. */
static void
send_page(transferer *t)
{
	static handful handfuls[2];
	int			turn = 0;

	copy_begin(t->l->conn, t->copy);
	t->begun = clock_now();
	start_handful(t, &handfuls[0], 0);
	while (handfuls[turn].count > 0)
	{
		handful    *h = &handfuls[turn];

		while (!vc_pool_wait(t->pool, 1000))
			continue;
		turn = 1 - turn;
		start_handful(t, &handfuls[turn], stopped ? PQntuples(t->page) : h->first + h->count);
		send_handful(t, h);
	}
	copy_end(t->l->conn);
}

/* The statement that copies rows. */
static char *
copy_statement(load *l)
{
	char	   *image = server_quote(l->conn, l->options->image_column);
	char	   *sql = print("COPY %s (", l->table);

	for (int i = 0; i < l->count; i++)
		sql = append_string(sql, print("%s, ", l->columns[i].quoted));
	sql = append_string(sql, print("%s) FROM STDIN (FORMAT binary)", image));
	free(image);
	return sql;
}

/* Opens the cursor that the pages come from. */
static void
open_cursor(load *l)
{
	char	   *sql = copy_string("DECLARE visclf_load BINARY CURSOR WITH HOLD FOR SELECT path, bytes");

	for (int i = 0; i < l->count; i++)
		sql = append_string(sql, print(", v%d", i));
	sql = append_string(sql, copy_string(" FROM pg_temp.visclf_work ORDER BY path"));
	server_do(l->conn, sql);
	free(sql);
}

/* The next page; false at the end. */
static bool
next_page(transferer *t)
{
	char	   *fetch = print("FETCH %d FROM visclf_load", PAGE);

	PQclear(t->page);
	t->page = PQexec(t->l->conn, fetch);
	free(fetch);
	if (PQresultStatus(t->page) != PGRES_TUPLES_OK)
		server_fatal(t->l->conn, t->page);
	return PQntuples(t->page) > 0;
}

/* Says what was done. */
static void
say_summary(transferer *t)
{
	double		seconds = clock_now() - t->progress.begun;
	char		bytes[32],
				took[32];

	progress_pause(&t->progress);
	if (t->failed > 0)
		say("%lld files could not be loaded", (long long) t->failed);
	if (!t->l->options->quiet)
		say("%lld files (%s) loaded into %s in %s, %.0f a second", (long long) t->loaded, bytes_text(t->bytes_sent, bytes),
			t->l->table, time_text(seconds, took), t->loaded / (seconds > 0.001 ? seconds : 0.001));
	if (stopped)
		fatal("Start the same command again: it goes on where it stopped.", "stopped before the end");
}

int64_t
transfer(load *l)
{
	transferer	t = {.l = l, .options = {l->options->max_size}};
	vc_error	error;

	if (vc_pool_create(l->options->threads, &t.pool, &error) != VC_OK)
		fatal_error(&error);
	t.copy = copy_statement(l);
	open_cursor(l);
	progress_begin(&t.progress, server_integer(l->conn, "SELECT count(*) FROM pg_temp.visclf_work"),
				   server_integer(l->conn, "SELECT coalesce(sum(bytes), 0)::bigint FROM pg_temp.visclf_work"), l->options->quiet);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	while (!stopped && next_page(&t))
		send_page(&t);
	PQclear(t.page);
	vc_pool_free(t.pool);
	free(t.copy);
	say_summary(&t);
	return t.failed;
}

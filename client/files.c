/*
 * files.c
 *		The files' names into a temporary table.
 */
#include <fnmatch.h>
#include <iconv.h>
#include <string.h>
#include <sys/stat.h>

#include "client/load.h"
#include "client/message.h"
#include "client/walk.h"

typedef struct lister
{
	load	   *l;
	iconv_t		checker;		/* of UTF-8 */
} lister;

/* True where one of the patterns is that of the name or of its last part; without patterns, always. */
static bool
is_wanted(const load_options *o, const char *name)
{
	const char *slash = strrchr(name, '/');

	for (int i = 0; i < o->pattern_count; i++)
		if (fnmatch(o->patterns[i], name, 0) == 0 ||
			(slash != NULL && fnmatch(o->patterns[i], slash + 1, 0) == 0))
			return true;
	return o->pattern_count == 0;
}

/* True for valid UTF-8. */
static bool
is_utf8(lister *list, const char *name)
{
	char		scratch[1024];
	char	   *from = (char *) name;
	size_t		left = strlen(name);

	iconv(list->checker, NULL, NULL, NULL, NULL);
	while (left > 0)
	{
		char	   *to = scratch;
		size_t		room = sizeof(scratch);
		char	   *before = from;

		iconv(list->checker, &from, &left, &to, &room);
		if (from == before)
			return false;
	}
	return true;
}

/* Counts what is left out and says why. */
static void
on_failure(void *argument, const char *path, const char *why)
{
	lister	   *list = argument;

	list->l->unreadable++;
	say("%s: %s", path, why);
}

/* True for the catalogue itself. */
static bool
is_catalogue(const load_options *o, const char *path)
{
	struct stat catalogue,
				file;

	return o->catalogue != NULL && stat(o->catalogue, &catalogue) == 0 && stat(path, &file) == 0 &&
		catalogue.st_dev == file.st_dev && catalogue.st_ino == file.st_ino;
}

/* Sends the row of a file. */
static void
on_file(void *argument, const char *path, const char *name, int64_t bytes)
{
	lister	   *list = argument;
	PGconn	   *conn = list->l->conn;
	const char *slash = strchr(name, '/');

	if (!is_wanted(list->l->options, name) || is_catalogue(list->l->options, path))
		return;
	if (!is_utf8(list, path))
	{
		on_failure(list, path, "its name is not UTF-8: rename it (convmv does that)");
		return;
	}
	copy_row(conn, 4);
	copy_field(conn, path, strlen(path));
	copy_field(conn, name, strlen(name));
	copy_integer(conn, bytes);
	copy_field(conn, slash != NULL ? name : NULL, slash != NULL ? (size_t) (slash - name) : 0);
	list->l->files++;
}

void
files_load(load *l)
{
	lister		list = {l, iconv_open("UTF-8", "UTF-8")};

	server_do(l->conn, "CREATE TEMPORARY TABLE visclf_file (path text, name text, bytes bigint, folder text)");
	copy_begin(l->conn, "COPY pg_temp.visclf_file FROM STDIN (FORMAT binary)");
	for (int i = 0; i < l->options->root_count; i++)
	{
		vc_error	error;

		if (walk(l->options->roots[i], on_file, on_failure, &list, &error) != VC_OK)
			fatal_error(&error);
	}
	copy_end(l->conn);
	iconv_close(list.checker);
	if (l->files == 0)
		fatal(l->options->pattern_count > 0 ? "--include takes patterns such as '*.jpg', in quotes." : NULL,
			  "no file was found");
}

/*
 * load.h
 *		What visclf-load is asked to do, and the steps in which it does it.
 *
 * The server is what compares: the catalogue and the files' names go into two
 * temporary tables, and a third, pg_temp.visclf_work, is what is to be loaded.
 * So the program's memory depends on neither.
 */
#ifndef VISCLF_CLIENT_LOAD_H
#define VISCLF_CLIENT_LOAD_H

#include <stdbool.h>

#include "client/server.h"

typedef struct load_options
{
	where_to	where;
	const char *table;			/* as in SQL */
	const char *catalogue;		/* or NULL */
	const char *encoding;		/* of the catalogue, or NULL */
	char		delimiter;		/* or 0 */
	const char *file_column;
	const char *image_column;
	const char *label_column;	/* that gets the folder's name */
	const char *key;			/* the new table's, or NULL */
	bool		label_from_folder;
	bool		dry_run;
	bool		quiet;
	int			max_size;		/* pixels, or 0 */
	int			threads;
	const char **patterns;		/* [patterns_count] */
	int			pattern_count;
	char	  **roots;			/* [root_count] folders and files */
	int			root_count;
} load_options;

/* A column of the table that gets values. */
typedef struct load_column
{
	char	   *name;
	char	   *quoted;
	char	   *type;			/* in SQL */
	char	   *source;			/* in SQL, of visclf_file f and visclf_catalogue c, text */
} load_column;

typedef struct load
{
	const load_options *options;
	PGconn	   *conn;
	char	   *table;			/* qualified and quoted */
	bool		exists;			/* the table, before the program ran */
	load_column *columns;		/* [count]: the file's first; all but the image */
	int			count;
	bool		has_catalogue;
	int64_t		files;			/* found */
	int64_t		unreadable;		/* of what was to be walked through */
} load;

/* catalogue.c: the catalogue as pg_temp.visclf_catalogue (line, key, c1, c2, ...) and load's columns. */
extern void catalogue_load(load *l);

/* files.c: the files as pg_temp.visclf_file (path, name, key, bytes, folder). */
extern void files_load(load *l);

/* table.c: finds the table, or says what to make. */
extern void table_find(load *l);
extern void table_types(load *l);
extern void table_make(load *l);

/* work.c: pg_temp.visclf_work, and what is in one of catalogue and folder only. */
extern void work_make(load *l);
extern void work_report(load *l);

/* transfer.c: the files of visclf_work into the table; how many could not be. */
extern int64_t transfer(load *l);

#endif							/* VISCLF_CLIENT_LOAD_H */

/*
 * column.h
 *		The names of columns.
 */
#ifndef VISCLF_CLIENT_COLUMN_H
#define VISCLF_CLIENT_COLUMN_H

#include <stddef.h>

/* PostgreSQL's names have no more bytes. */
#define COLUMN_NAME_BYTES 63

/*
 * The name of a column that needs no quotes in SQL, made of a header's field,
 * UTF-8: in lower case, what is neither a letter nor a digit an underscore.
 * Without any, "column_" and its number, from 1.
 */
extern void column_name(const char *field, int number, char name[COLUMN_NAME_BYTES + 1]);

#endif							/* VISCLF_CLIENT_COLUMN_H */

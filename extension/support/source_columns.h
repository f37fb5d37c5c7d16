/*
 * source_columns.h
 *		Columns of a relation that the caller names, and SQL that reads them.
 */
#ifndef VISCLF_SOURCE_COLUMNS_H
#define VISCLF_SOURCE_COLUMNS_H

#include "extension/support/pgcompat.h"

/*
 * Locks a relation as a query does, until the transaction ends, so that its
 * columns stay as they are checked. Throws unless the current role may select
 * from it.
 */
extern void source_lock(Oid source);

/*
 * Returns the type of a column, looking through domains. Throws an error that
 * names the option if there is no such column.
 */
extern Oid	source_column_type(Oid source, const char *column, const char *option);

/* The column that is the primary key by itself, or NULL. */
extern char *source_primary_key(Oid source);

/*
 * Returns true if the column exists. Returns false if it does not and has its
 * default name, since nobody asked for it; throws for another name.
 */
extern bool source_column_or_usual(Oid source, const char *column, const char *option, const char *usual);

/* Throws if the column holds a model's predictions instead of labels that people gave. */
extern void source_check_label(Oid source, const char *column);

/* Throws unless the column's type can hold images. */
extern void source_check_image(Oid source, const char *column);

/* Throws unless the column's type has equality and an array type. */
extern void source_check_key(Oid source, const char *column);

/* Throws unless the column can be cast to a number. */
extern void source_check_number(Oid source, const char *column, const char *option);

/*
 * SQL for a column of a relation with alias s: as text, as text[], and for
 * grouping. Types that did not come with the server are read through their
 * output functions, because their casts may be functions of whoever made the
 * type.
 */
extern char *source_text(Oid source, const char *column);
extern char *source_text_array(Oid source, const char *column);
extern char *source_group(Oid source, const char *column);

#endif							/* VISCLF_SOURCE_COLUMNS_H */

/*
 * source_columns.h
 *		The columns of a relation that a caller names, and how SQL reads them.
 */
#ifndef VISCLF_SOURCE_COLUMNS_H
#define VISCLF_SOURCE_COLUMNS_H

#include "extension/support/pgcompat.h"

/*
 * Locks a relation against changes until the transaction ends, as a query of
 * it does, so that what is then found of its columns stays so.  Throws unless
 * rows can be selected from it.
 */
extern void source_lock(Oid source);

/*
 * The type of a column, domains looked through; an error that names the option
 * where there is no such column.
 */
extern Oid	source_column_type(Oid source, const char *column, const char *option);

/* The column that is the primary key by itself, or NULL. */
extern char *source_primary_key(Oid source);

/*
 * True where there is the column; false where there is not and it has the
 * usual name, so that nobody asked for it; otherwise an error.
 */
extern bool source_column_or_usual(Oid source, const char *column, const char *option, const char *usual);

/* Throws where the column has what a model said, and not what people say, of images. */
extern void source_check_label(Oid source, const char *column);

/* Throws unless the column can have images. */
extern void source_check_image(Oid source, const char *column);

/* Throws unless values of the column can be told apart and put into an array. */
extern void source_check_key(Oid source, const char *column);

/* Throws unless the column can be cast to a number. */
extern void source_check_number(Oid source, const char *column, const char *option);

/*
 * Columns in SQL, of a relation that is called s there: as text, as text[], and
 * as what a row is grouped by.  Types that the server came without are written
 * by their output functions: a cast of theirs may be a function of whoever
 * made the type.
 */
extern char *source_text(Oid source, const char *column);
extern char *source_text_array(Oid source, const char *column);
extern char *source_group(Oid source, const char *column);

#endif							/* VISCLF_SOURCE_COLUMNS_H */

/*
 * suggest.h
 *		The name that somebody may have meant who wrote another.
 */
#ifndef VISCLF_SUGGEST_H
#define VISCLF_SUGGEST_H

#include "extension/support/pgcompat.h"

/*
 * The name that differs least from the wanted one, by few letters or by case,
 * spaces and hyphens; NULL where none is near.
 */
extern const char *nearest_name(const char *wanted, char **names, int count);

/*
 * A hint: "Perhaps you meant "x"." before the text, which is returned alone
 * where no name is near.
 */
extern char *suggest(const char *wanted, char **names, int count, const char *text);

/* The same with the columns of a relation. */
extern char *suggest_column(Oid relation, const char *wanted, const char *text);

#endif							/* VISCLF_SUGGEST_H */

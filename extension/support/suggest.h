/*
 * suggest.h
 *		The name that somebody may have meant who wrote another.
 */
#ifndef VISCLF_SUGGEST_H
#define VISCLF_SUGGEST_H

#include "extension/support/pgcompat.h"

/*
 * A hint: "Perhaps you meant "x"." before the text, with the name that differs
 * from the wanted one by the fewest letters, or by case alone; the text alone
 * where none is near.
 */
extern char *suggest(const char *wanted, char **names, int count, const char *text);

/* The same with the columns of a relation. */
extern char *suggest_column(Oid relation, const char *wanted, const char *text);

#endif							/* VISCLF_SUGGEST_H */

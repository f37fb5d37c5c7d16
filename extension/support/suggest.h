/*
 * suggest.h
 *		Suggests the name that the user may have meant.
 */
#ifndef VISCLF_SUGGEST_H
#define VISCLF_SUGGEST_H

#include "extension/support/pgcompat.h"

/*
 * Returns a hint: "Perhaps you meant ..." with the most similar name, then the
 * text; the text alone if no name is similar. Names are similar if few
 * letters, or only case, differ.
 */
extern char *suggest(const char *wanted, char **names, int count, const char *text);

/* The same for the columns of a relation. */
extern char *suggest_column(Oid relation, const char *wanted, const char *text);

#endif							/* VISCLF_SUGGEST_H */

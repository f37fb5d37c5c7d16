/*
 * active_model.h
 *		From a model's name to its active version, once a statement.
 */
#ifndef VISCLF_LOOKUP_H
#define VISCLF_LOOKUP_H

#include "extension/support/pgcompat.h"

#include "extension/models/model.h"

/* What one call site found last; zeroed at first. */
typedef struct Lookup
{
	char	   *name;
	ModelKey	key;
	TimestampTz statement;		/* that it was found in */
	CommandId	command;
	Oid			role;
} Lookup;

/* The active version of a name; memory for the name is in the context. */
extern ModelKey lookup_model(Lookup *lookup, text *name, MemoryContext context);

#endif							/* VISCLF_LOOKUP_H */

/*
 * lookup.h
 *		From a model's name to its active version, once a statement.
 */
#ifndef VISCLF_LOOKUP_H
#define VISCLF_LOOKUP_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* What one call site found last; zeroed at first. */
typedef struct Lookup
{
	char	   *name;
	int			model_id;
	TimestampTz statement;		/* that it was found in */
	CommandId	command;
	Oid			role;
} Lookup;

/* The active version of a name; memory for the name is in the context. */
extern int	lookup_model_id(Lookup *lookup, text *name, MemoryContext context);

#endif							/* VISCLF_LOOKUP_H */

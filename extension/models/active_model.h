/*
 * active_model.h
 *		From a model's name to its active version, once a statement.
 */
#ifndef VISCLF_ACTIVE_MODEL_H
#define VISCLF_ACTIVE_MODEL_H

#include "extension/support/pgcompat.h"

#include "extension/models/model.h"

/* What one call site found last; zeroed at first. */
typedef struct ActiveModel
{
	char	   *name;
	ModelKey	key;
	TimestampTz statement;		/* that it was found in */
	CommandId	command;
	Oid			role;
} ActiveModel;

/* The active version of a name; memory for the name is in the context. */
extern ModelKey active_model_find(ActiveModel *active, text *name, MemoryContext context);

#endif							/* VISCLF_ACTIVE_MODEL_H */

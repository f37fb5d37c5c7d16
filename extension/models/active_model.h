/*
 * active_model.h
 *		Finds the active version of a model's name, once a statement.
 */
#ifndef VISCLF_ACTIVE_MODEL_H
#define VISCLF_ACTIVE_MODEL_H

#include "extension/support/pgcompat.h"

#include "extension/models/model.h"

/* The last result of a call site; zero it at first. */
typedef struct ActiveModel
{
	char	   *name;
	ModelKey	key;
	TimestampTz statement;		/* start of the statement that found it */
	CommandId	command;
	SubTransactionId subtransaction;
	Oid			role;
} ActiveModel;

/* Returns the active version of a name. The context holds a copy of the name. */
extern ModelKey active_model_find(ActiveModel *active, text *name, MemoryContext context);

#endif							/* VISCLF_ACTIVE_MODEL_H */

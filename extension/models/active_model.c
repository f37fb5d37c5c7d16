/*
 * active_model.c
 *		From a model's name to its active version, once a statement.
 *
 * A call site lives as long as its plan state: one statement, but in a
 * procedural language one transaction.  So what was found is also tied to
 * the client's statement, the command within it and the role.
 */
#include "extension/models/active_model.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"


static bool
is_current(const Lookup *lookup, const text *name)
{
	size_t		length = VARSIZE_ANY_EXHDR(name);

	return lookup->name != NULL &&
		lookup->statement == GetCurrentStatementStartTimestamp() &&
		lookup->command == GetCurrentCommandId(false) &&
		lookup->role == GetUserId() &&
		strlen(lookup->name) == length &&
		memcmp(lookup->name, VARDATA_ANY(name), length) == 0;
}

ModelKey
lookup_model(Lookup *lookup, text *name, MemoryContext context)
{
	MemoryContext caller;
	char	   *wanted;

	if (is_current(lookup, name))
		return lookup->key;
	caller = MemoryContextSwitchTo(context);
	wanted = text_to_cstring(name);
	MemoryContextSwitchTo(caller);
	lookup->key = model_lookup(wanted);
	if (lookup->name != NULL)
		pfree(lookup->name);
	lookup->name = wanted;
	lookup->statement = GetCurrentStatementStartTimestamp();
	lookup->command = GetCurrentCommandId(false);
	lookup->role = GetUserId();
	return lookup->key;
}

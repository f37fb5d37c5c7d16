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
is_current(const ActiveModel *active, const text *name)
{
	size_t		length = VARSIZE_ANY_EXHDR(name);

	return active->name != NULL &&
		active->statement == GetCurrentStatementStartTimestamp() &&
		active->command == GetCurrentCommandId(false) &&
		active->role == GetUserId() &&
		strlen(active->name) == length &&
		memcmp(active->name, VARDATA_ANY(name), length) == 0;
}

ModelKey
active_model_find(ActiveModel *active, text *name, MemoryContext context)
{
	MemoryContext caller;
	char	   *wanted;

	if (is_current(active, name))
		return active->key;
	caller = MemoryContextSwitchTo(context);
	wanted = text_to_cstring(name);
	MemoryContextSwitchTo(caller);
	active->key = model_find_active(wanted);
	if (active->name != NULL)
		pfree(active->name);
	active->name = wanted;
	active->statement = GetCurrentStatementStartTimestamp();
	active->command = GetCurrentCommandId(false);
	active->role = GetUserId();
	return active->key;
}

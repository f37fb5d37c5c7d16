/*
 * arguments.c
 *		Checks of arguments.
 */
#include "extension/support/arguments.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "funcapi.h"
#include "utils/syscache.h"

Named
named_open(FunctionCallInfo fcinfo)
{
	Oid			function = fcinfo->flinfo->fn_oid;
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Named		call = {fcinfo};
	Oid		   *types;
	char	   *modes;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	call.count = Min(get_func_arg_info(tuple, &types, &call.names, &modes), fcinfo->nargs);
	ReleaseSysCache(tuple);
	return call;
}

int
named_place(const Named *call, const char *name)
{
	for (int i = 0; i < call->count; i++)
		if (strcmp(call->names[i], name) == 0)
			return i;
	return -1;
}

bool
named_is_null(const Named *call, const char *name)
{
	int			place = named_place(call, name);

	return place < 0 || call->fcinfo->args[place].isnull;
}

Datum
named_value(const Named *call, const char *name)
{
	if (named_is_null(call, name))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("option \"%s\" must not be NULL", name)));
	return call->fcinfo->args[named_place(call, name)].value;
}

void
arguments_not_null(FunctionCallInfo fcinfo, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (names[i] && PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("option \"%s\" must not be NULL", names[i])));
}

void
argument_bounds(const char *name, double value, double low, double high)
{
	if (!(value >= low && value <= high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value %.15g is out of range for option \"%s\"", value, name),
				 errhint("Allowed: %.15g to %.15g.", low, high)));
}

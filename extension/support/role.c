/*
 * role.c
 *		The type visclf.role, and checks of the current role's rights.
 *
 * A value is an OID. It stays the same when the role is renamed, and a later
 * role of the same name has another. Text and binary form are the name, so
 * that rows find their roles in another cluster. regrole is similar, but its
 * input fails on names that the other cluster does not have, and it writes a
 * dropped role as a number, which may be another role there.
 */
#include "extension/support/role.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_role_in);
PG_FUNCTION_INFO_V1(visclf_role_out);
PG_FUNCTION_INFO_V1(visclf_role_recv);
PG_FUNCTION_INFO_V1(visclf_role_send);
PG_FUNCTION_INFO_V1(visclf_acts_as);

Oid
role_from_name(const char *name)
{
	if (strcmp(name, "public") == 0)
		return ROLE_PUBLIC;
	return name[0] == '\0' ? ROLE_NOBODY : get_role_oid(name, true);
}

char *
role_name(Oid role)
{
	if (role == ROLE_PUBLIC)
		return pstrdup("public");
	return OidIsValid(role) ? GetUserNameFromId(role, true) : NULL;
}

Datum
visclf_role_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(role_from_name(PG_GETARG_CSTRING(0)));
}

Datum
visclf_role_out(PG_FUNCTION_ARGS)
{
	char	   *name = role_name(PG_GETARG_OID(0));

	PG_RETURN_CSTRING(name ? name : pstrdup(""));
}

Datum
visclf_role_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			length;

	PG_RETURN_OID(role_from_name(pq_getmsgtext(buffer, buffer->len - buffer->cursor, &length)));
}

Datum
visclf_role_send(PG_FUNCTION_ARGS)
{
	char	   *name = role_name(PG_GETARG_OID(0));
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	if (name)
		pq_sendtext(&buffer, name, strlen(name));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

bool
acts_as(Oid role)
{
	Oid			user = GetUserId();

	if (role == ROLE_PUBLIC)
		return true;
	if (OidIsValid(role) && SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		return has_privs_of_role(user, role);
	return has_privs_of_role(user, ROLE_PG_DATABASE_OWNER) ||
		has_privs_of_role(user, tables_owner());
}

Datum
visclf_acts_as(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(acts_as(PG_GETARG_OID(0)));
}

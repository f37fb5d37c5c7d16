/*
 * error.c
 *		The one place where a vc_error becomes an ereport.
 */
#include "error.h"

#include "miscadmin.h"
#include "storage/proc.h"

static int
sqlstate(vc_status status)
{
	switch (status)
	{
		case VC_OK:
			break;
		case VC_INVALID_ARGUMENT:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case VC_INVALID_IMAGE:
			return ERRCODE_INVALID_BINARY_REPRESENTATION;
		case VC_LIMIT_EXCEEDED:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case VC_CORRUPT_DATA:
			return ERRCODE_DATA_CORRUPTED;
		case VC_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case VC_OUT_OF_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case VC_DEVICE_ERROR:
			return ERRCODE_SYSTEM_ERROR;
		case VC_CANCELED:
			return ERRCODE_QUERY_CANCELED;
	}
	return ERRCODE_INTERNAL_ERROR;
}

void
vc_throw(const vc_error *error)
{
	if (error->code == VC_CANCELED)
		CHECK_FOR_INTERRUPTS();	/* says who canceled, and why */
	ereport(ERROR,
			(errcode(sqlstate(error->code)),
			 errmsg("%s", error->message),
			 error->hint[0] ? errhint("%s", error->hint) : 0));
	pg_unreachable();
}

bool
vc_query_canceled(void *unused)
{
	return QueryCancelPending || ProcDiePending || transaction_timed_out() ||
		(InterruptPending && recovery_conflicts());
}

/*
 * error.c
 *		Turns a vc_error into an ereport: the one place that does.
 */
#include "extension/support/error.h"

#include "miscadmin.h"
#include "storage/pmsignal.h"

#include "extension/support/pgcompat.h"

/* The error that query_canceled caught, for throw_error. It lives in the query's memory. */
static ErrorData *interrupt_error;

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
throw_error(const vc_error *error)
{
	ErrorData  *interrupt = interrupt_error;

	interrupt_error = NULL;
	if (interrupt != NULL)
		ReThrowError(interrupt);
	if (error->code == VC_CANCELED)
		check_interrupts();		/* reports who canceled, and why */
	ereport(ERROR,
			(errcode(sqlstate(error->code)),
			 errmsg("%s", error->message),
			 error->hint[0] ? errhint("%s", error->hint) : 0));
	pg_unreachable();
}

void
vc_check_image(vc_status status, const vc_error *error)
{
	if (status != VC_INVALID_IMAGE && status != VC_LIMIT_EXCEEDED)
		check_status(status, error);
}

void
check_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (!PostmasterIsAlive())
		ereport(FATAL,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("terminating connection due to unexpected postmaster exit")));
}

/*
 * Handles other pending interrupts: a recovery conflict throws, a request to
 * log memory use does not. An error must not jump over the caller's frames.
 */
static void
serve_interrupt(void)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		CHECK_FOR_INTERRUPTS();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		interrupt_error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
}

bool
query_canceled(void *unused)
{
	if (interrupt_error != NULL || !PostmasterIsAlive())
		return true;
	if (!INTERRUPTS_PENDING_CONDITION() || !INTERRUPTS_CAN_BE_PROCESSED())
		return false;
	if (QueryCancelPending || ProcDiePending || ClientConnectionLost || transaction_timed_out())
		return true;			/* throw_error handles them, once the caller has returned */
	serve_interrupt();
	return interrupt_error != NULL;
}

/*
 * release.c
 *		Frees memory that palloc does not know, with a memory context.
 */
#include "extension/support/release.h"

#include "utils/memutils.h"

void
release_with_context(MemoryContext context, void (*release) (void *), void *thing)
{
	MemoryContextCallback *callback;

	/* if the callback cannot be allocated, free the thing before the error */
	callback = MemoryContextAllocExtended(context, sizeof(*callback), MCXT_ALLOC_NO_OOM);
	if (callback == NULL)
	{
		release(thing);
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	}
	callback->func = release;
	callback->arg = thing;
	MemoryContextRegisterResetCallback(context, callback);
}

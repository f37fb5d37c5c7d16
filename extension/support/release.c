/*
 * release.c
 *		Memory that palloc does not know of, tied to a memory context.
 */
#include "extension/support/release.h"

#include "utils/memutils.h"

void
release_with_context(MemoryContext context, void (*release) (void *), void *thing)
{
	MemoryContextCallback *callback;

	/* without memory for the callback, the thing must not outlive the error */
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

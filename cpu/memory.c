/*
 * memory.c
 *		Allocates a plan's memory and counts it.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "cpu/cpu.h"

#define HUGE_PAGE ((size_t) 2 * 1024 * 1024)

/* The alignment of an allocation; large ones may use huge pages. */
static size_t
alignment_for(size_t bytes)
{
	return bytes >= 4 * HUGE_PAGE ? HUGE_PAGE : VC_CPU_ALIGNMENT;
}

/*
 * Allocates aligned memory, not zeroed, and counts it in plan->bytes.  After
 * a failure returns NULL and fills *error.
 */
void *
vc_cpu_allocate(vc_plan *plan, size_t bytes, vc_error *error)
{
	size_t		unit = alignment_for(bytes);
	size_t		size = vc_round_up(bytes > 0 ? bytes : 1, unit);
	void	   *memory = aligned_alloc(unit, size);

	if (memory == NULL)
	{
		vc_no_memory(error, size);
		return NULL;
	}
#ifdef MADV_HUGEPAGE
	if (unit == HUGE_PAGE)
		madvise(memory, size, MADV_HUGEPAGE);
#endif
	plan->bytes += (int64_t) size;
	return memory;
}

/* Frees `bytes` that vc_cpu_allocate allocated. */
void
vc_cpu_release(vc_plan *plan, void *memory, size_t bytes)
{
	if (memory != NULL)
		plan->bytes -= (int64_t) vc_round_up(bytes > 0 ? bytes : 1, alignment_for(bytes));
	free(memory);
}

/* Makes *memory hold at least `bytes`; its contents are lost. */
vc_status
vc_cpu_reserve(vc_plan *plan, void **memory, size_t *have, size_t bytes, vc_error *error)
{
	void	   *more;

	if (bytes <= *have)
		return VC_OK;
	if ((more = vc_cpu_allocate(plan, bytes, error)) == NULL)
		return VC_OUT_OF_MEMORY;
	vc_cpu_release(plan, *memory, *have);
	*memory = more;
	*have = bytes;
	return VC_OK;
}

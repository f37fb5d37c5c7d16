/*
 * memory.c
 *		The arena of activations and gradients, and other memory of a plan.
 *
 * Buffers are placed largest first, each at the lowest offset where no buffer
 * lies that lives at the same time.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "cpu.h"

#define HUGE_PAGE ((size_t) 2 * 1024 * 1024)

static size_t
round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

/* What an allocation is aligned to; large ones may have huge pages. */
static size_t
alignment(size_t bytes)
{
	return bytes >= 4 * HUGE_PAGE ? HUGE_PAGE : VC_CPU_ALIGNMENT;
}

/* Aligned memory, not zeroed, counted in plan->bytes; NULL fills *error. */
void *
vc_cpu_allocate(vc_plan *plan, size_t bytes, vc_error *error)
{
	size_t		unit = alignment(bytes);
	size_t		size = round_up(bytes > 0 ? bytes : 1, unit);
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

/* Frees what vc_cpu_allocate gave for `bytes`. */
void
vc_cpu_release(vc_plan *plan, void *memory, size_t bytes)
{
	if (memory != NULL)
		plan->bytes -= (int64_t) round_up(bytes > 0 ? bytes : 1, alignment(bytes));
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

/* A new buffer that no tick uses yet; the list has room for it. */
int
vc_cpu_buffer_new(vc_plan *plan, size_t bytes)
{
	vc_cpu_buffer *buffer = &plan->buffers[plan->buffer_count];

	buffer->bytes = round_up(bytes, VC_CPU_ALIGNMENT);
	buffer->first = 1;
	buffer->last = 0;
	buffer->offset = 0;
	return plan->buffer_count++;
}

/* Says that a buffer must hold its contents at a tick; -1 is ignored. */
void
vc_cpu_buffer_use(vc_plan *plan, int buffer, int tick)
{
	vc_cpu_buffer *b;

	if (buffer < 0)
		return;
	b = &plan->buffers[buffer];
	if (b->first > b->last)
		b->first = b->last = tick;
	if (tick < b->first)
		b->first = tick;
	if (tick > b->last)
		b->last = tick;
}

static int
larger_first(const void *a, const void *b)
{
	const vc_cpu_buffer *x = *(vc_cpu_buffer *const *) a;
	const vc_cpu_buffer *y = *(vc_cpu_buffer *const *) b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x < y ? -1 : 1;
}

/* The lowest offset at which `b` meets none of those placed before it. */
static size_t
lowest_offset(vc_cpu_buffer *const *placed, int count, const vc_cpu_buffer *b)
{
	size_t		offset = 0;
	bool		moved = true;

	while (moved)
	{
		moved = false;
		for (int i = 0; i < count; i++)
		{
			const vc_cpu_buffer *p = placed[i];

			if (p->first > b->last || p->last < b->first ||
				p->offset >= offset + b->bytes || p->offset + p->bytes <= offset)
				continue;
			offset = p->offset + p->bytes;
			moved = true;
		}
	}
	return offset;
}

/* Gives every buffer its offset and allocates the arena. */
vc_status
vc_cpu_memory_plan(vc_plan *plan, vc_error *error)
{
	vc_cpu_buffer **order = calloc((size_t) plan->buffer_count + 1, sizeof(*order));
	int			count = 0;

	if (order == NULL)
		return vc_no_memory(error, sizeof(*order) * (size_t) plan->buffer_count);
	for (int i = 0; i < plan->buffer_count; i++)
		if (plan->buffers[i].first <= plan->buffers[i].last)
			order[count++] = &plan->buffers[i];
	qsort(order, (size_t) count, sizeof(*order), larger_first);
	plan->arena_bytes = 0;
	for (int i = 0; i < count; i++)
	{
		order[i]->offset = lowest_offset(order, i, order[i]);
		if (order[i]->offset + order[i]->bytes > plan->arena_bytes)
			plan->arena_bytes = order[i]->offset + order[i]->bytes;
	}
	free(order);
	plan->arena = vc_cpu_allocate(plan, plan->arena_bytes, error);
	return plan->arena != NULL ? VC_OK : VC_OUT_OF_MEMORY;
}

/* Where a buffer lies; -1 gives NULL. */
void *
vc_cpu_buffer_data(const vc_plan *plan, int buffer)
{
	return buffer < 0 ? NULL : plan->arena + plan->buffers[buffer].offset;
}

/* A value's activations. */
float *
vc_cpu_value_data(const vc_plan *plan, int value)
{
	return value < 0 ? NULL : vc_cpu_buffer_data(plan, plan->values[value].buffer);
}

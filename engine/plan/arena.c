/*
 * arena.c
 *		Placing buffers of limited life in one block of memory.
 */
#include "engine/plan/arena.h"

#include <stdbool.h>
#include <stdlib.h>

size_t
vc_round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

void
vc_buffer_init(vc_buffer *buffer, size_t bytes, size_t alignment)
{
	buffer->bytes = vc_round_up(bytes, alignment);
	buffer->first = 1;
	buffer->last = 0;
	buffer->offset = 0;
}

void
vc_buffer_use(vc_buffer *buffer, int tick)
{
	if (buffer->first > buffer->last)
		buffer->first = buffer->last = tick;
	if (tick < buffer->first)
		buffer->first = tick;
	if (tick > buffer->last)
		buffer->last = tick;
}

static int
larger_first(const void *a, const void *b)
{
	const vc_buffer *x = *(vc_buffer *const *) a;
	const vc_buffer *y = *(vc_buffer *const *) b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x < y ? -1 : 1;
}

/* The lowest offset at which `b` meets none of those placed before it. */
static size_t
lowest_offset(vc_buffer *const *placed, int count, const vc_buffer *b)
{
	size_t		offset = 0;
	bool		moved = true;

	while (moved)
	{
		moved = false;
		for (int i = 0; i < count; i++)
		{
			const vc_buffer *p = placed[i];

			if (p->first > b->last || p->last < b->first ||
				p->offset >= offset + b->bytes || p->offset + p->bytes <= offset)
				continue;
			offset = p->offset + p->bytes;
			moved = true;
		}
	}
	return offset;
}

vc_status
vc_arena_place(vc_buffer *buffers, int buffer_count, size_t *bytes, vc_error *error)
{
	vc_buffer **order = calloc((size_t) buffer_count + 1, sizeof(*order));
	int			count = 0;

	if (order == NULL)
		return vc_no_memory(error, sizeof(*order) * (size_t) buffer_count);
	for (int i = 0; i < buffer_count; i++)
		if (buffers[i].first <= buffers[i].last)
			order[count++] = &buffers[i];
	qsort(order, (size_t) count, sizeof(*order), larger_first);
	*bytes = 0;
	for (int i = 0; i < count; i++)
	{
		order[i]->offset = lowest_offset(order, i, order[i]);
		if (order[i]->offset + order[i]->bytes > *bytes)
			*bytes = order[i]->offset + order[i]->bytes;
	}
	free(order);
	return VC_OK;
}

/*
 * arena.h
 *		Buffers of limited life that share one block of memory.
 *
 * A plan counts its work in ticks and says at which of them each buffer must
 * hold its contents.  Buffers that do not live at one time may overlap.
 */
#ifndef VISCLF_ARENA_H
#define VISCLF_ARENA_H

#include <stddef.h>

#include "engine/support/status.h"

typedef struct vc_buffer
{
	size_t		bytes;			/* a multiple of the alignment */
	int			first;			/* ticks; first > last: never used */
	int			last;
	size_t		offset;			/* in the block */
} vc_buffer;

extern size_t vc_round_up(size_t bytes, size_t unit);

/* Makes an unused buffer of `bytes`, rounded up to `alignment`. */
extern void vc_buffer_init(vc_buffer *buffer, size_t bytes, size_t alignment);

/* Says that a buffer must hold its contents at a tick. */
extern void vc_buffer_use(vc_buffer *buffer, int tick);

/*
 * Gives every used buffer its offset; *bytes is what the block must hold.
 * Largest first, each at the lowest offset where no buffer lies that lives at
 * the same time.
 */
extern vc_status vc_arena_place(vc_buffer *buffers, int count, size_t *bytes, vc_error *error);

#endif							/* VISCLF_ARENA_H */

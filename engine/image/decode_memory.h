/*
 * decode_memory.h
 *		The memory that all threads of a process decode images in.
 *
 * It is counted before it is taken.  A thread takes all that its image needs
 * at once, so that those that wait for each other do end.
 */
#ifndef VISCLF_DECODE_MEMORY_H
#define VISCLF_DECODE_MEMORY_H

#include "engine/image/image.h"

/*
 * Waits until the threads together have no more than limits->memory with these
 * bytes.  Errors: VC_LIMIT_EXCEEDED where they alone are more, VC_CANCELED.
 */
extern vc_status vc_decode_memory_take(int64_t bytes, const vc_decode_limits *limits, vc_error *error);
extern void vc_decode_memory_give(int64_t bytes);

/* Bytes that are taken now. */
extern int64_t vc_decode_memory_taken(void);

#endif							/* VISCLF_DECODE_MEMORY_H */

/*
 * decode_memory.c
 *		The memory that all threads of a process decode images in.
 */
#include "engine/image/decode_memory.h"

#include <stdatomic.h>
#include <time.h>

#define WAIT_NANOSECONDS 5000000	/* between two looks; a large image takes longer */
#define MB (1024 * 1024)

static _Atomic int64_t taken;

/* Takes the bytes where there is room for them; what is alone always has it. */
static bool
try_to_take(int64_t bytes, int64_t limit)
{
	int64_t		before = atomic_load(&taken);

	do
	{
		if (before > 0 && before + bytes > limit)
			return false;
	} while (!atomic_compare_exchange_weak(&taken, &before, before + bytes));
	return true;
}

bool
vc_decode_interrupted(const vc_decode_limits *limits)
{
	return limits->interrupted != NULL && limits->interrupted(limits->argument);
}

vc_status
vc_decode_memory_take(int64_t bytes, const vc_decode_limits *limits, vc_error *error)
{
	struct timespec wait = {0, WAIT_NANOSECONDS};

	if (limits->memory > 0 && bytes > limits->memory)
	{
		vc_fail(error, VC_LIMIT_EXCEEDED, "decoding the image takes %lld MB, more than the limit of %lld MB",
				(long long) (bytes + MB - 1) / MB, (long long) limits->memory / MB);
		return vc_hint(error, VC_LIMIT_EXCEEDED,
					   "Save the image again as a baseline JPEG, or raise visclf.decode_memory.");
	}
	while (!try_to_take(bytes, limits->memory > 0 ? limits->memory : INT64_MAX - bytes))
	{
		if (vc_decode_interrupted(limits))
			return vc_fail(error, VC_CANCELED, "canceled");
		nanosleep(&wait, NULL);
	}
	return VC_OK;
}

void
vc_decode_memory_give(int64_t bytes)
{
	atomic_fetch_sub(&taken, bytes);
}

int64_t
vc_decode_memory_taken(void)
{
	return atomic_load(&taken);
}

/*
 * cuda_bf16.h
 *		bfloat16 in software: rounds to nearest even.
 */
#ifndef EMULATE_CUDA_BF16_H
#define EMULATE_CUDA_BF16_H

#include <stdint.h>
#include <string.h>

struct __nv_bfloat16
{
	uint16_t	bits;
};

static inline float
__bfloat162float(__nv_bfloat16 x)
{
	uint32_t	wide = (uint32_t) x.bits << 16;
	float		value;

	memcpy(&value, &wide, sizeof(value));
	return value;
}

static inline __nv_bfloat16
__float2bfloat16(float value)
{
	uint32_t	wide;

	memcpy(&wide, &value, sizeof(wide));
	if ((wide & 0x7FFFFFFF) > 0x7F800000)
		return {0x7FFF};
	return {(uint16_t) ((wide + 0x7FFF + ((wide >> 16) & 1)) >> 16)};
}

#endif							/* EMULATE_CUDA_BF16_H */

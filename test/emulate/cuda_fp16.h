/*
 * cuda_fp16.h
 *		float16 in software: rounds to nearest even, subnormal numbers too.
 */
#ifndef EMULATE_CUDA_FP16_H
#define EMULATE_CUDA_FP16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

struct __half
{
	uint16_t	bits;
};

static inline float
__half2float(__half x)
{
	int			exponent = (x.bits >> 10) & 31;
	uint32_t	wide;
	float		value;

	if (exponent == 0)
		value = (float) (x.bits & 1023) * 0x1p-24f;
	else
	{
		wide = exponent == 31 ? 0x7F800000u | (uint32_t) (x.bits & 1023) << 13
			: (uint32_t) (exponent + 112) << 23 | (uint32_t) (x.bits & 1023) << 13;
		memcpy(&value, &wide, sizeof(value));
	}
	return x.bits & 0x8000 ? -value : value;
}

static inline __half
__float2half(float value)
{
	uint32_t	wide;
	uint16_t	sign;
	float		magnitude = fabsf(value);

	memcpy(&wide, &value, sizeof(wide));
	sign = (uint16_t) (wide >> 16 & 0x8000);
	if (isnan(value))
		return {0x7FFF};
	if (magnitude >= 65520.0f)
		return {(uint16_t) (sign | 0x7C00)};
	if (magnitude < 0x1p-14f)
		return {(uint16_t) (sign | (uint16_t) nearbyintf(magnitude * 0x1p24f))};
	wide &= 0x7FFFFFFF;
	return {(uint16_t) (sign | ((wide - 0x38000000u + 0xFFF + ((wide >> 13) & 1)) >> 13))};
}

#endif							/* EMULATE_CUDA_FP16_H */

/*
 * safetensors_float.c
 *		Tensors' values as float32.
 */
#include "engine/weights/safetensors.h"

#include <string.h>

#include "engine/weights/json.h"

/* The little-endian number of `bytes` bytes at p. */
static inline uint64_t
load_word(const uint8_t *p, int bytes)
{
	uint64_t	value = 0;

	for (int i = bytes; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

static inline float
from_bits(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* IEEE half precision: 1 bit sign, 5 exponent, 10 fraction. */
static float
from_half(uint32_t half)
{
	uint32_t	sign = (half & 0x8000) << 16;
	uint32_t	exponent = half >> 10 & 0x1f;
	uint32_t	fraction = half & 0x3ff;

	if (exponent == 0)
	{
		float		value = (float) fraction * 0x1p-24f;

		return sign != 0 ? -value : value;
	}
	exponent = exponent == 0x1f ? 0xff : exponent + 127 - 15;
	return from_bits(sign | exponent << 23 | fraction << 13);
}

static float
from_double(uint64_t bits)
{
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return (float) value;
}

vc_status
vc_safetensors_to_float(const vc_tensor *tensor, float *out, vc_error *error)
{
	const uint8_t *data = tensor->data;
	char		shown[VC_SHOWN_SIZE];

	switch (tensor->dtype)
	{
		case VC_DTYPE_F32:
			for (int64_t i = 0; i < tensor->count; i++)
				out[i] = from_bits((uint32_t) load_word(data + i * 4, 4));
			return VC_OK;
		case VC_DTYPE_F16:
			for (int64_t i = 0; i < tensor->count; i++)
				out[i] = from_half((uint32_t) load_word(data + i * 2, 2));
			return VC_OK;
		case VC_DTYPE_BF16:
			for (int64_t i = 0; i < tensor->count; i++)
				out[i] = from_bits((uint32_t) load_word(data + i * 2, 2) << 16);
			return VC_OK;
		case VC_DTYPE_F64:
			for (int64_t i = 0; i < tensor->count; i++)
				out[i] = from_double(load_word(data + i * 8, 8));
			return VC_OK;
		case VC_DTYPE_OTHER:
			break;
	}
	vc_fail(error, VC_UNSUPPORTED, "tensor \"%s\" has dtype %s, not F32, F16, BF16 or F64",
			vc_show_name(tensor->name, shown), tensor->dtype_name);
	return vc_hint(error, VC_UNSUPPORTED, "Convert the model to float32 before it is saved.");
}

/*
 * input.cu
 *		From the bytes of images to normalised activations.
 */
#include "cuda/element.cuh"

/* One pixel: (byte / 255 - mean) / std in three channels, zero in the others. */
template <typename T> static __global__ void
input_kernel(const vc_cuda_state *state, const int64_t *rows, int64_t plane, int64_t pixels,
			 vc_cuda_colors colors, T *y)
{
	int64_t		pixel = thread_number();
	const uint8_t *byte;
	float		value[pack<T>::size] = {0};

	if (pixel >= pixels)
		return;
	byte = state->images + (rows[pixel / plane] * plane + pixel % plane) * 3;
#pragma unroll
	for (int c = 0; c < 3; c++)
		value[c] = (byte[c] * (1.0f / 255.0f) - colors.mean[c]) * colors.inverse_std[c];
	store_pack(y + pixel * pack<T>::size, value);
}

template <typename T> static cudaError_t
launch(const vc_cuda_state *state, const int64_t *rows, int64_t plane, int64_t pixels,
	   vc_cuda_colors colors, void *y, cudaStream_t stream)
{
	return VC_LAUNCH(VC_KERNEL(input_kernel<T>), blocks_for(pixels, 256), 256, stream,
					 state, rows, plane, pixels, colors, (T *) y);
}

cudaError_t
vc_cuda_launch_input(vc_cuda_type type, const vc_cuda_state *state, const int64_t *rows,
					 int count, int size, vc_cuda_colors colors, void *y, cudaStream_t stream)
{
	int64_t		plane = (int64_t) size * size;

	VC_FOR_TYPE(type, launch<T>(state, rows, plane, plane * count, colors, y, stream));
}

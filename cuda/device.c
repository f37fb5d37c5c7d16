/*
 * device.c
 *		The CUDA device's table of functions, and opening it.
 *
 * Closing frees everything except CUDA's context, which takes some hundred
 * megabytes until the process ends.  Resetting it would break cuDNN, which
 * has a CUDA runtime of its own.
 */
#include <stdlib.h>

#include "cuda/cuda.h"

static void
cuda_close(vc_device *device)
{
	if (device == NULL)
		return;
	vc_cuda_enter(device);
	if (device->stream != NULL)
		cudaStreamSynchronize(device->stream);
	vc_cuda_library_close(device->library);
	vc_cuda_upload_close(&device->upload);
	if (device->finished != NULL)
		cudaEventDestroy(device->finished);
	if (device->stream != NULL)
		cudaStreamDestroy(device->stream);
	vc_cuda_leave(device);
	free(device);
}

/* Makes streams, events and pinned memory. */
static cudaError_t
make_resources(vc_device *device)
{
	cudaError_t status = cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking);

	if (status == cudaSuccess)
		status = cudaEventCreateWithFlags(&device->finished, cudaEventDisableTiming);
	if (status == cudaSuccess)
		status = vc_cuda_upload_open(&device->upload);
	return status;
}

static vc_status
open_resources(vc_device *device, vc_error *error)
{
	struct cudaDeviceProp properties;
	cudaError_t status = cudaSetDevice(device->index);

	if (status == cudaSuccess)
		status = cudaGetDeviceProperties(&properties, device->index);
	if (status != cudaSuccess)
		return vc_cuda_failed(error, status, "opening the device");
	device->capability = 10 * properties.major + properties.minor;
	device->multiprocessors = properties.multiProcessorCount;
	status = make_resources(device);
	if (status != cudaSuccess)
		return vc_cuda_failed(error, status, "opening the device");
	return vc_cuda_library_open(device->stream, &device->library, error);
}

static vc_status
cuda_open(int index, int threads, vc_device **result, vc_error *error)
{
	vc_device_info info[16];
	vc_device  *device;
	int			count;
	vc_status	status;

	(void) threads;
	status = vc_cuda_survey(info, 16, &count, error);
	if (status != VC_OK)
		return status;
	if (index < 0 || index >= count)
		return vc_fail(error, VC_INVALID_ARGUMENT, "there is no CUDA device %d, only %d of them",
					   index, count);
	if (!info[index].usable)
		return vc_fail(error, VC_UNSUPPORTED, "%.60s: %.180s", info[index].name,
					   info[index].reason);
	if ((device = calloc(1, sizeof(*device))) == NULL)
		return vc_no_memory(error, sizeof(*device));
	device->index = index;
	vc_cuda_enter(device);
	status = open_resources(device, error);
	vc_cuda_leave(device);
	if (status != VC_OK)
	{
		cuda_close(device);
		return status;
	}
	*result = device;
	return VC_OK;
}

static const vc_device_api cuda_device = {
	.version = VC_DEVICE_API_VERSION,
	.kind = "cuda",
	.survey = vc_cuda_survey,
	.open = cuda_open,
	.close = cuda_close,
	.plan = vc_cuda_plan,
	.plan_free = vc_cuda_plan_free,
	.set_parameter = vc_cuda_set_parameter,
	.get_parameter = vc_cuda_get_parameter,
	.forward = vc_cuda_forward,
	.train_step = vc_cuda_train_step,
	.get_optimizer = vc_cuda_get_optimizer,
	.set_optimizer = vc_cuda_set_optimizer,
	.reset_optimizer = vc_cuda_reset_optimizer,
	.get_gradient = vc_cuda_get_gradient,
	.plan_memory = vc_cuda_plan_memory,
	.images_create = vc_cuda_images_create,
	.images_free = vc_cuda_images_free,
	.images_put = vc_cuda_images_put,
	.images_select = vc_cuda_select_images,
	.images_ahead = vc_cuda_images_ahead,
};

extern const vc_device_api *vc_cuda_device(void);

const vc_device_api *
vc_cuda_device(void)
{
	return &cuda_device;
}

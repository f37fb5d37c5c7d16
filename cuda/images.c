/*
 * images.c
 *		Images kept on the device, so that a step names rows and sends nothing.
 */
#include <stdlib.h>

#include "cuda/cuda.h"

/* Bytes left free for later: workspace, graphs, other programs. */
#define RESERVE ((size_t) 512 * 1024 * 1024)

vc_status
vc_cuda_images_create(vc_device *device, int64_t count, int64_t image_bytes,
					  vc_images **result, vc_error *error)
{
	size_t		bytes = (size_t) count * (size_t) image_bytes;
	vc_images  *images;
	size_t		available = 0;
	size_t		total = 0;
	cudaError_t status;

	if (count < 1 || image_bytes < 1)
		return vc_fail(error, VC_INVALID_ARGUMENT, "%lld images of %lld bytes cannot be kept",
					   (long long) count, (long long) image_bytes);
	if ((images = calloc(1, sizeof(*images))) == NULL)
		return vc_no_memory(error, sizeof(*images));
	images->device = device;
	images->count = count;
	images->image_bytes = image_bytes;
	vc_cuda_enter(device);
	status = cudaMemGetInfo(&available, &total);
	if (status == cudaSuccess && bytes + RESERVE > available)
		status = cudaErrorMemoryAllocation;
	if (status == cudaSuccess)
		status = cudaMalloc((void **) &images->data, bytes);
	if (status == cudaErrorMemoryAllocation)
		vc_cuda_no_memory(error, bytes + RESERVE, "keeping the images");
	else if (status != cudaSuccess)
		vc_cuda_failed(error, status, "keeping the images");
	vc_cuda_leave(device);
	if (status != cudaSuccess)
	{
		free(images);
		return status == cudaErrorMemoryAllocation ? VC_OUT_OF_MEMORY : VC_DEVICE_ERROR;
	}
	*result = images;
	return VC_OK;
}

void
vc_cuda_images_free(vc_images *images)
{
	if (images == NULL)
		return;
	vc_cuda_enter(images->device);
	cudaStreamSynchronize(images->device->stream);
	cudaFree(images->data);
	vc_cuda_leave(images->device);
	free(images);
}

vc_status
vc_cuda_images_put(vc_images *images, int64_t first, const uint8_t *data, int count,
				   vc_error *error)
{
	vc_status	status;

	if (first < 0 || count < 0 || first + count > images->count)
		return vc_fail(error, VC_INVALID_ARGUMENT, "images %lld to %lld are outside 0 to %lld",
					   (long long) first, (long long) first + count - 1,
					   (long long) images->count - 1);
	vc_cuda_enter(images->device);
	status = vc_cuda_upload_now(images->device, images->data + first * images->image_bytes, data,
								(size_t) images->image_bytes * (size_t) count, error);
	vc_cuda_leave(images->device);
	return status;
}

vc_status
vc_cuda_images_ahead(vc_plan *plan, const uint8_t *images, int count, vc_error *error)
{
	size_t		size = (size_t) plan->network->image_size;
	vc_status	status = vc_batch_check(&plan->options, count, 1, error);

	if (status != VC_OK)
		return status;
	vc_cuda_enter(plan->device);
	status = vc_cuda_upload_begin(&plan->device->upload, plan->images[1 - plan->brought], images,
								  size * size * 3 * (size_t) count, error);
	vc_cuda_leave(plan->device);
	plan->ahead = status == VC_OK ? images : NULL;
	plan->ahead_count = count;
	plan->ahead_number = plan->device->upload.number;
	return status;
}

vc_status
vc_cuda_select_images(vc_plan *plan, const vc_images *images, const int64_t *rows, int count,
					  vc_error *error)
{
	int64_t		size = plan->network->image_size;
	vc_status	status = vc_batch_check(&plan->options, count, 1, error);

	if (status != VC_OK)
		return status;
	if (images->image_bytes != size * size * 3)
		return vc_fail(error, VC_INVALID_ARGUMENT,
					   "images of %lld bytes are not of the network's size, %lld",
					   (long long) images->image_bytes, (long long) size);
	for (int i = 0; i < count; i++)
		if (rows[i] < 0 || rows[i] >= images->count)
			return vc_fail(error, VC_INVALID_ARGUMENT, "image %lld is outside 0 to %lld",
						   (long long) rows[i], (long long) images->count - 1);
	memcpy(plan->host.rows, rows, sizeof(int64_t) * (size_t) count);
	plan->selected = images;
	plan->selected_count = count;
	return VC_OK;
}

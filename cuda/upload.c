/*
 * upload.c
 *		Copies images from the host's memory to the device's.
 *
 * A few threads fill one of two pinned buffers while the other is copied, on
 * a stream of its own.  An upload goes on while a call waits for its results,
 * so that the images of the next call arrive while this one computes.  The
 * threads call nothing of CUDA.
 */
#include "engine/image/pool.h"
#include "engine/support/cores.h"
#include "cuda/cuda.h"

#define STAGING_BYTES	((size_t) 4 * 1024 * 1024)	/* of one of the two */
#define THREADS			4

cudaError_t
vc_cuda_upload_open(vc_cuda_upload *u)
{
	int			threads = vc_cores() < THREADS ? vc_cores() : THREADS;
	cudaError_t status = cudaStreamCreateWithFlags(&u->stream, cudaStreamNonBlocking);

	if (status == cudaSuccess)
		status = cudaEventCreateWithFlags(&u->arrived, cudaEventDisableTiming);
	for (int i = 0; i < 2 && status == cudaSuccess; i++)
	{
		status = cudaMallocHost((void **) &u->staging[i], STAGING_BYTES);
		if (status == cudaSuccess)
			status = cudaEventCreateWithFlags(&u->staged[i], cudaEventDisableTiming);
	}
	if (status == cudaSuccess && threads > 1)
		vc_pool_create(threads, &u->pool, NULL);	/* without it the caller copies */
	return status;
}

void
vc_cuda_upload_close(vc_cuda_upload *u)
{
	vc_pool_free(u->pool);
	if (u->stream != NULL)
		cudaStreamSynchronize(u->stream);
	for (int i = 0; i < 2; i++)
	{
		if (u->staged[i] != NULL)
			cudaEventDestroy(u->staged[i]);
		if (u->staging[i] != NULL)
			cudaFreeHost(u->staging[i]);
	}
	if (u->arrived != NULL)
		cudaEventDestroy(u->arrived);
	if (u->stream != NULL)
		cudaStreamDestroy(u->stream);
}

static void
copy_piece(void *job, const void *unused)
{
	const vc_cuda_piece *piece = job;

	(void) unused;
	memcpy(piece->to, piece->from, piece->bytes);
}

/* Begins to fill the next buffer. */
static void
fill_staging(vc_cuda_upload *u)
{
	size_t		left = u->bytes - u->at;
	size_t		share;

	u->filling = left < STAGING_BYTES ? left : STAGING_BYTES;
	share = (u->filling + VC_CUDA_PIECES - 1) / VC_CUDA_PIECES;
	for (size_t i = 0; i < VC_CUDA_PIECES; i++)
	{
		size_t		first = i * share < u->filling ? i * share : u->filling;
		size_t		end = first + share < u->filling ? first + share : u->filling;

		u->pieces[i] = (vc_cuda_piece) {u->staging[u->turn] + first, u->from + u->at + first,
		end - first};
		if (u->pool == NULL)
			copy_piece(&u->pieces[i], NULL);
	}
	if (u->pool != NULL)
		vc_pool_submit(u->pool, copy_piece, u->pieces, sizeof(vc_cuda_piece), VC_CUDA_PIECES, NULL);
}

/* Sends the filled buffer. */
static cudaError_t
send_filled(vc_cuda_upload *u)
{
	cudaError_t status = cudaMemcpyAsync(u->to + u->at, u->staging[u->turn], u->filling,
										 cudaMemcpyHostToDevice, u->stream);

	if (status == cudaSuccess)
		status = cudaEventRecord(u->staged[u->turn], u->stream);
	u->at += u->filling;
	u->filling = 0;
	u->turn ^= 1;
	if (status == cudaSuccess && u->at == u->bytes)
		status = cudaEventRecord(u->arrived, u->stream);
	if (u->at == u->bytes)
		u->bytes = 0;
	return status;
}

/*
 * Continues the upload as far as it can without waiting or, with `wait`, by
 * one part.  Does nothing if there is no upload.
 */
vc_status
vc_cuda_upload_go_on(vc_cuda_upload *u, bool wait, vc_error *error)
{
	cudaError_t status = cudaSuccess;

	if (u->bytes == 0)
		return VC_OK;
	if (u->filling > 0)
	{
		if (u->pool != NULL && !vc_pool_wait(u->pool, wait ? 1000 : 0))
			return VC_OK;
		status = send_filled(u);
	}
	else
	{
		status = wait ? cudaEventSynchronize(u->staged[u->turn]) : cudaEventQuery(u->staged[u->turn]);
		if (status == cudaSuccess)
			fill_staging(u);
		else if (status == cudaErrorNotReady)
		{
			cudaGetLastError();	/* that is not an error */
			return VC_OK;
		}
	}
	if (status == cudaSuccess)
		return VC_OK;
	vc_cuda_upload_stop(u);
	return vc_cuda_failed(error, status, "copying images");
}

/* Begins an upload, once the one before has ended. */
vc_status
vc_cuda_upload_begin(vc_cuda_upload *u, uint8_t *to, const uint8_t *from, size_t bytes,
					 vc_error *error)
{
	vc_status	status = VC_OK;

	while (u->bytes > 0 && status == VC_OK)
		status = vc_cuda_upload_go_on(u, true, error);
	if (status != VC_OK)
		return status;
	u->to = to;
	u->from = from;
	u->bytes = bytes;
	u->at = 0;
	u->number++;
	return vc_cuda_upload_go_on(u, false, error);
}

/* Reads the rest of `from`, and makes the device's stream wait until all has arrived. */
vc_status
vc_cuda_upload_end(vc_device *device, vc_error *error)
{
	vc_cuda_upload *u = &device->upload;
	vc_status	status = VC_OK;
	cudaError_t waits;

	while (u->bytes > 0 && status == VC_OK)
		status = vc_cuda_upload_go_on(u, true, error);
	if (status != VC_OK)
		return status;
	waits = cudaStreamWaitEvent(device->stream, u->arrived, 0);
	return waits == cudaSuccess ? VC_OK : vc_cuda_failed(error, waits, "waiting for images");
}

/* Drops the upload: afterwards nothing reads or writes its memory. */
void
vc_cuda_upload_stop(vc_cuda_upload *u)
{
	if (u->pool != NULL)
		vc_pool_cancel(u->pool);
	u->lost = u->number;
	u->bytes = u->filling = 0;
	cudaStreamSynchronize(u->stream);
}

/* Copies host memory to the device; returns when it no longer reads `from`. */
vc_status
vc_cuda_upload_now(vc_device *device, uint8_t *to, const uint8_t *from, size_t bytes, vc_error *error)
{
	vc_status	status = vc_cuda_upload_begin(&device->upload, to, from, bytes, error);

	return status == VC_OK ? vc_cuda_upload_end(device, error) : status;
}

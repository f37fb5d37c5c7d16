/*
 * probe.c
 *		Which GPUs there are, and why one cannot be used.
 */
#include <pthread.h>

#include "cuda.h"

/* "13.0" of 13000. */
static void
version_name(char *text, size_t size, int version)
{
	snprintf(text, size, "%d.%d", version / 1000, version % 1000 / 10);
}

/* Why there is not even a list of devices. */
static vc_status
no_list(vc_error *error, cudaError_t status)
{
	int			driver = 0;
	int			runtime = 0;
	char		driver_text[16],
				runtime_text[16];

	cudaDriverGetVersion(&driver);
	cudaRuntimeGetVersion(&runtime);
	version_name(driver_text, sizeof(driver_text), driver);
	version_name(runtime_text, sizeof(runtime_text), runtime);
	if (status == cudaErrorNoDevice)
		return vc_fail(error, VC_UNSUPPORTED,
					   "the NVIDIA driver finds no GPU (it is for CUDA %s)", driver_text);
	if (driver == 0)
		return vc_fail(error, VC_UNSUPPORTED, "there is no NVIDIA driver (libcuda.so.1)");
	if (status == cudaErrorInsufficientDriver)
		return vc_fail(error, VC_UNSUPPORTED,
					   "the NVIDIA driver is for CUDA %s, visclf was built with CUDA %s: install a newer driver",
					   driver_text, runtime_text);
	return vc_fail(error, VC_UNSUPPORTED, "CUDA finds no GPU: %s (driver for CUDA %s)",
				   cudaGetErrorString(status), driver_text);
}

/* Free and whole memory; opens the device, which costs it a little of both. */
static void
read_memory(int index, vc_device_info *info)
{
	size_t		available = 0;
	size_t		total = 0;
	cudaError_t status = cudaSetDevice(index);

	if (status == cudaSuccess)
		status = cudaMemGetInfo(&available, &total);
	if (status == cudaSuccess)
	{
		info->memory = (int64_t) total;
		info->memory_free = (int64_t) available;
		return;
	}
	info->usable = false;
	snprintf(info->reason, sizeof(info->reason), "it cannot be opened: %s",
			 cudaGetErrorString(status));
}

static void
describe(int index, vc_device_info *info)
{
	struct cudaDeviceProp properties;
	cudaError_t status = cudaGetDeviceProperties(&properties, index);
	int			driver = 0;
	char		driver_text[16];

	memset(info, 0, sizeof(*info));
	vc_cuda_library_name(info->library, sizeof(info->library));
	if (status != cudaSuccess)
	{
		snprintf(info->reason, sizeof(info->reason), "it cannot be asked: %s",
				 cudaGetErrorString(status));
		return;
	}
	cudaDriverGetVersion(&driver);
	version_name(driver_text, sizeof(driver_text), driver);
	snprintf(info->name, sizeof(info->name), "%.127s", properties.name);
	snprintf(info->detail, sizeof(info->detail),
			 "compute capability %d.%d, %d multiprocessors, driver for CUDA %s",
			 properties.major, properties.minor, properties.multiProcessorCount, driver_text);
	info->memory = (int64_t) properties.totalGlobalMem;
	info->usable = properties.major > VC_CUDA_LEAST_MAJOR ||
		(properties.major == VC_CUDA_LEAST_MAJOR && properties.minor >= VC_CUDA_LEAST_MINOR);
	if (info->usable)
		read_memory(index, info);
	else
		snprintf(info->reason, sizeof(info->reason),
				 "its compute capability %d.%d is below %d.%d, the least that visclf is built for",
				 properties.major, properties.minor, VC_CUDA_LEAST_MAJOR, VC_CUDA_LEAST_MINOR);
}

/* The device's probe(); see device.h. */
vc_status
vc_cuda_probe(vc_device_info *info, int max, int *count, vc_error *error)
{
	int			found = 0;
	sigset_t	all,
				before;
	cudaError_t status;

	*count = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = cudaGetDeviceCount(&found);
	if (status == cudaSuccess && found == 0)
		status = cudaErrorNoDevice;
	for (int i = 0; i < found && i < max && status == cudaSuccess; i++)
		describe((*count)++, &info[i]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status == cudaSuccess ? VC_OK : no_list(error, status);
}

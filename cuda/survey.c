/*
 * survey.c
 *		Which GPUs there are, and why one cannot be used.
 *
 * Nothing here makes a context, which takes some hundred megabytes of a card:
 * sessions ask which cards there are that never compute on one.
 */
#include <pthread.h>

#include "cuda/cuda.h"
#include "cuda/nvml.h"

/* "13.0" of 13000. */
static void
version_name(char *text, size_t size, int version)
{
	snprintf(text, size, "%d.%d", version / 1000, version % 1000 / 10);
}

/* Reports why there is no list of devices. */
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

/* Writes what keeps a card from being used; nothing if it can be used. */
static void
find_reason(int index, const struct cudaDeviceProp *properties, vc_device_info *info)
{
	vc_error	error = {0};
	int			mode = cudaComputeModeDefault;

	cudaDeviceGetAttribute(&mode, cudaDevAttrComputeMode, index);
	if (vc_cuda_library_name(info->library, sizeof(info->library), &error) != VC_OK)
		snprintf(info->reason, sizeof(info->reason), "%s", error.message);
	else if (properties->major < VC_CUDA_LEAST_MAJOR ||
			 (properties->major == VC_CUDA_LEAST_MAJOR && properties->minor < VC_CUDA_LEAST_MINOR))
		snprintf(info->reason, sizeof(info->reason),
				 "its compute capability %d.%d is below %d.%d, the least that visclf is built for",
				 properties->major, properties->minor, VC_CUDA_LEAST_MAJOR, VC_CUDA_LEAST_MINOR);
	else if (mode == cudaComputeModeProhibited)
		snprintf(info->reason, sizeof(info->reason),
				 "its compute mode is \"prohibited\": nvidia-smi --compute-mode=DEFAULT changes it");
}

static void
describe(int index, vc_cuda_nvml *nvml, vc_device_info *info)
{
	struct cudaDeviceProp properties;
	cudaError_t status = cudaGetDeviceProperties(&properties, index);
	int			driver = 0;
	char		driver_text[16];

	memset(info, 0, sizeof(*info));
	info->memory_free = -1;
	if (status != cudaSuccess)
	{
		snprintf(info->reason, sizeof(info->reason), "it cannot be queried: %s",
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
	info->memory_free = vc_cuda_nvml_free_memory(nvml, (const unsigned char *) properties.uuid.bytes);
	find_reason(index, &properties, info);
	info->usable = info->reason[0] == '\0';
}

/* All cards, as many as fit. */
static cudaError_t
describe_all(vc_device_info *info, int max, int *count)
{
	vc_cuda_nvml *nvml;
	int			found = 0;
	cudaError_t status = cudaGetDeviceCount(&found);

	if (status == cudaSuccess && found == 0)
		return cudaErrorNoDevice;
	if (status != cudaSuccess)
		return status;
	nvml = vc_cuda_nvml_open();
	while (*count < found && *count < max)
	{
		describe(*count, nvml, &info[*count]);
		(*count)++;
	}
	vc_cuda_nvml_close(nvml);
	return cudaSuccess;
}

/* The device's survey(); see device.h. */
vc_status
vc_cuda_survey(vc_device_info *info, int max, int *count, vc_error *error)
{
	sigset_t	all,
				before;
	vc_status	status;

	*count = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = vc_cuda_library_check(error);
	if (status == VC_OK)
	{
		cudaError_t listed = describe_all(info, max, count);

		if (listed != cudaSuccess)
			status = no_list(error, listed);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

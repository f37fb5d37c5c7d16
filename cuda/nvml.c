/*
 * nvml.c
 *		NVIDIA's management library, loaded if it is installed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <cuda_runtime_api.h>

#include "cuda/nvml.h"

/* The parts of NVIDIA's nvml.h that are used here. */
typedef struct memory
{
	unsigned long long total;
	unsigned long long free;
	unsigned long long used;
} memory;

struct vc_cuda_nvml
{
	void	   *library;
	int			(*init) (void);
	int			(*shutdown) (void);
	int			(*by_uuid) (const char *uuid, void **card);
	int			(*memory_info) (void *card, memory *info);
};

vc_cuda_nvml *
vc_cuda_nvml_open(void)
{
	vc_cuda_nvml *nvml = calloc(1, sizeof(*nvml));

	if (nvml == NULL)
		return NULL;
	nvml->library = dlopen(VC_CUDA_NVML_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (nvml->library != NULL)
	{
		*(void **) &nvml->init = dlsym(nvml->library, "nvmlInit_v2");
		*(void **) &nvml->shutdown = dlsym(nvml->library, "nvmlShutdown");
		*(void **) &nvml->by_uuid = dlsym(nvml->library, "nvmlDeviceGetHandleByUUID");
		*(void **) &nvml->memory_info = dlsym(nvml->library, "nvmlDeviceGetMemoryInfo");
		if (nvml->init != NULL && nvml->shutdown != NULL && nvml->by_uuid != NULL &&
			nvml->memory_info != NULL && nvml->init() == 0)
			return nvml;
		dlclose(nvml->library);
	}
	free(nvml);
	return NULL;
}

void
vc_cuda_nvml_close(vc_cuda_nvml *nvml)
{
	if (nvml == NULL)
		return;
	nvml->shutdown();
	dlclose(nvml->library);
	free(nvml);
}

/* Writes NVML's name "GPU-01020304-0506-..." of the UUID whose bytes CUDA gives. */
static void
uuid_name(const char *kind, const unsigned char uuid[16], char name[48])
{
	int			at = snprintf(name, 48, "%s-", kind);

	for (int i = 0; i < 16; i++)
		at += snprintf(name + at, 48 - (size_t) at, "%s%02x",
					   i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

int64_t
vc_cuda_nvml_free_memory(vc_cuda_nvml *nvml, const unsigned char uuid[16])
{
	static const char *const kinds[] = {"GPU", "MIG"};

	for (int i = 0; nvml != NULL && i < 2; i++)
	{
		char		name[48];
		void	   *card = NULL;
		memory		info = {0};

		uuid_name(kinds[i], uuid, name);
		if (nvml->by_uuid(name, &card) == 0 && nvml->memory_info(card, &info) == 0)
			return (int64_t) info.free;
	}
	return -1;
}

/*
 * load_device.c
 *		Finds a device by name for the tests and benchmarks.
 */
#include "test/unit/load_device.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/oracle.h"

/* Programs may be linked without the CPU's files. */
#pragma weak vc_cpu_device

typedef const vc_device_api *(*device_function) (void);

/* From a module: the one of an environment variable, or the usual one. */
static const vc_device_api *
load_cuda(const char *variable, const char *usual, vc_error *error)
{
	const char *path = getenv(variable);
	void	   *module;
	device_function function;

	if (path == NULL)
		path = usual;
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL)
	{
		vc_fail(error, VC_UNSUPPORTED, "%s", dlerror());
		return NULL;
	}
	*(void **) &function = dlsym(module, "vc_cuda_device");
	if (function == NULL)
	{
		vc_fail(error, VC_UNSUPPORTED, "%s has no vc_cuda_device", path);
		return NULL;
	}
	return function();
}

const vc_device_api *
load_device(const char *kind, vc_error *error)
{
	const vc_device_api *api = NULL;

	if (strcmp(kind, "oracle") == 0)
		api = vc_oracle_device();
	else if (strcmp(kind, "cpu") == 0 && vc_cpu_device != NULL)
		api = vc_cpu_device();
	else if (strcmp(kind, "cpu") == 0)
		vc_fail(error, VC_UNSUPPORTED, "this program was linked without the CPU's device");
	else if (strcmp(kind, "cuda") == 0)
		api = load_cuda("VISCLF_CUDA", "./visclf_cuda.so", error);
	else if (strcmp(kind, "cuda-emulated") == 0)
		api = load_cuda("VISCLF_CUDA_EMULATED", "build/visclf_cuda_emulated.so", error);
	else
		vc_fail(error, VC_INVALID_ARGUMENT, "device \"%s\" is none of oracle, cpu, cuda, cuda-emulated", kind);
	if (api == NULL)
		return NULL;
	if (api->version != VC_DEVICE_API_VERSION || strncmp(api->kind, kind, strlen(api->kind)) != 0)
	{
		vc_fail(error, VC_UNSUPPORTED, "device \"%s\" has version %u, %s has version %u",
				api->kind, api->version, kind, VC_DEVICE_API_VERSION);
		return NULL;
	}
	return api;
}

vc_device *
open_device(const vc_device_api *api, int threads, vc_error *error)
{
	vc_device_info info[8];
	vc_device  *device = NULL;
	int			count = 0;

	if (api->survey(info, 8, &count, error) != VC_OK)
		return NULL;
	for (int i = 0; i < count; i++)
	{
		if (info[i].usable)
			return api->open(i, threads, &device, error) == VC_OK ? device : NULL;
		vc_fail(error, VC_UNSUPPORTED, "%.60s: %.180s", info[i].name, info[i].reason);
	}
	if (count == 0)
		vc_fail(error, VC_UNSUPPORTED, "there is no %s device", api->kind);
	return NULL;
}

/*
 * device.c
 *		The CPU device's table of functions, and opening it.
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/support/cores.h"
#include "cpu/cpu.h"

/*
 * oneDNN caches 1,024 primitives by default, even those that nobody uses any
 * more.  Plans keep their own primitives, and those of int8 contain their
 * scales and are never asked for again, so few are enough.
 */
#define CACHED_PRIMITIVES 32

/* Reads the processor's name from the kernel. */
static void
processor_name(char *name, size_t size)
{
	FILE	   *file = fopen("/proc/cpuinfo", "r");
	char		line[256];

	snprintf(name, size, "CPU");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char	   *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || colon == NULL)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(name, size, "%s", colon + 1 + strspn(colon + 1, " "));
		break;
	}
	fclose(file);
}

/* The fastest loops that this machine can run; their blocks are those that oneDNN prefers. */
static const vc_cpu_kernels *
best_kernels(void)
{
#if defined(__x86_64__)
	if (vc_cpu_has_isa(dnnl_cpu_isa_avx512_core))
		return &vc_cpu_kernels_avx512;
	if (vc_cpu_has_isa(dnnl_cpu_isa_avx2))
		return &vc_cpu_kernels_avx2;
#endif
	return &vc_cpu_kernels_generic;
}

static const char *
isa_name(void)
{
	if (vc_cpu_has_isa(dnnl_cpu_isa_avx512_core_amx))
		return "AVX-512, AMX";
	if (vc_cpu_has_isa(dnnl_cpu_isa_avx512_core))
		return "AVX-512";
	if (vc_cpu_has_isa(dnnl_cpu_isa_avx2))
		return "AVX2";
	if (vc_cpu_has_isa(dnnl_cpu_isa_sse41))
		return "SSE4.1";
	return "generic";
}

static vc_status
cpu_survey(vc_device_info *info, int max, int *count, vc_error *error)
{
	const dnnl_version_t *version = dnnl_version();

	(void) error;
	*count = 0;
	if (max < 1)
		return VC_OK;
	memset(info, 0, sizeof(*info));
	processor_name(info->name, sizeof(info->name));
	snprintf(info->library, sizeof(info->library), "oneDNN %d.%d.%d (built with %d.%d.%d)",
			 version->major, version->minor, version->patch,
			 DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
	snprintf(info->detail, sizeof(info->detail), "%s", isa_name());
	info->threads = vc_cores();
	info->usable = version->major == DNNL_VERSION_MAJOR;
	if (!info->usable)
		snprintf(info->reason, sizeof(info->reason),
				 "built for oneDNN %d, but the library found is %d.%d; rebuild visclf",
				 DNNL_VERSION_MAJOR, version->major, version->minor);
	*count = 1;
	return VC_OK;
}

/* Makes the threads now, as many as there can be, so that the first call need not. */
static void
warm_threads(vc_device *device)
{
	volatile int started = 0;

	vc_cpu_enter(device);
	device->threads = vc_cpu_threads(device->threads);
	omp_set_num_threads(device->threads);
#pragma omp parallel
	{
#pragma omp atomic
		started++;
	}
	vc_cpu_leave(device);
}

static void
cpu_close(vc_device *device)
{
	if (device == NULL)
		return;
	dnnl_stream_destroy(device->stream);
	dnnl_engine_destroy(device->engine);
	free(device);
}

static vc_status
cpu_open(int index, int threads, vc_device **result, vc_error *error)
{
	vc_device  *device;
	dnnl_status_t status;

	if (index != 0)
		return vc_fail(error, VC_INVALID_ARGUMENT, "there is no CPU device %d, only 0", index);
	if (threads < 1)
		return vc_fail(error, VC_INVALID_ARGUMENT, "%d threads are fewer than 1", threads);
	if ((device = calloc(1, sizeof(*device))) == NULL)
		return vc_no_memory(error, sizeof(*device));
	device->threads = threads;
	device->kernels = best_kernels();
	device->block = device->kernels->block;
	dnnl_set_primitive_cache_capacity(CACHED_PRIMITIVES);
	status = vc_cpu_room();
	if (status == dnnl_success)
	{
		vc_cpu_touch_stack();
		status = dnnl_engine_create(&device->engine, dnnl_cpu, 0);
	}
	if (status == dnnl_success)
		status = dnnl_stream_create(&device->stream, device->engine, dnnl_stream_default_flags);
	if (status != dnnl_success)
	{
		cpu_close(device);
		return vc_cpu_dnnl_failed(error, status, "opening the CPU engine");
	}
	warm_threads(device);
	*result = device;
	return VC_OK;
}

static const vc_device_api cpu_device = {
	.version = VC_DEVICE_API_VERSION,
	.kind = "cpu",
	.shares_weights = true,
	.survey = cpu_survey,
	.open = cpu_open,
	.close = cpu_close,
	.plan = vc_cpu_plan,
	.plan_free = vc_cpu_plan_free,
	.set_parameter = vc_cpu_set_parameter,
	.get_parameter = vc_cpu_get_parameter,
	.forward = vc_cpu_forward,
	.train_step = vc_cpu_train_step,
	.get_optimizer = vc_cpu_get_optimizer,
	.set_optimizer = vc_cpu_set_optimizer,
	.reset_optimizer = vc_cpu_reset_optimizer,
	.get_gradient = vc_cpu_get_gradient,
	.plan_memory = vc_cpu_plan_memory,
	.calibrate = vc_cpu_calibrate,
};

const vc_device_api *
vc_cpu_device(void)
{
	return &cpu_device;
}

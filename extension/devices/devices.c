/*
 * devices.c
 *		Chooses and opens a device; lists devices.
 *
 * Each device is a module that is loaded at first use, so that a session that
 * computes nothing loads neither oneDNN nor CUDA. A missing module, library or
 * GPU is reported as a reason; it does not keep the extension from loading.
 */
#include "extension/devices/devices.h"

#include <dlfcn.h>
#include <unistd.h>

#include "access/parallel.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "extension/support/error.h"
#include "extension/support/settings.h"

PG_FUNCTION_INFO_V1(visclf_devices);

#define MAX_DEVICES 16

/* A device in a shared library of its own, loaded at first use. */
typedef struct DeviceModule
{
	const char *file;
	const char *entry;
	const char *variable;		/* environment variable with another path */
	bool		tried;
	bool		installed;		/* the file exists */
	const vc_device_api *api;	/* NULL if unusable, for the reason below */
	char		reason[256];
} DeviceModule;

static DeviceModule cpu_module = {"visclf_cpu", "vc_cpu_device", "VISCLF_CPU"};
static DeviceModule cuda_module = {"visclf_cuda", "vc_cuda_device", "VISCLF_CUDA"};

/*
 * Loads a library. The CPU's brings the OpenMP runtime, which reads its
 * environment when loaded. Waiting threads must sleep, not spin, because they
 * share the cores with decoding threads and other backends.
 */
static void *
open_library(const char *path)
{
	static const char *const policy = "OMP_WAIT_POLICY";
	bool		ours = getenv(policy) == NULL;
	void	   *library;

	if (ours)
		setenv(policy, "passive", 0);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (ours)
		unsetenv(policy);
	return library;
}

/*
 * Finds a module in the folder of this library, which need not be pkglib_path.
 */
static void
module_path(const DeviceModule *module, char *path, size_t room)
{
	char		folder[MAXPGPATH];
	Dl_info		self;

	if (getenv(module->variable) != NULL)
	{
		strlcpy(path, getenv(module->variable), room);
		return;
	}
	strlcpy(folder, pkglib_path, sizeof(folder));
	if (dladdr((const void *) module_path, &self) != 0 && strchr(self.dli_fname, '/') != NULL)
	{
		strlcpy(folder, self.dli_fname, sizeof(folder));
		get_parent_directory(folder);
	}
	snprintf(path, room, "%s/%s%s", folder, module->file, DLSUFFIX);
}

/* Returns the module's device, or NULL and the reason. */
static const vc_device_api *
module_device(DeviceModule *module, const char **reason)
{
	char		path[MAXPGPATH];
	void	   *library;
	const vc_device_api *(*entry) (void);

	*reason = module->reason;
	if (module->tried)
		return module->api;
	module->tried = true;
	module_path(module, path, sizeof(path));
	module->installed = access(path, R_OK) == 0;
	if (!module->installed)
		snprintf(module->reason, sizeof(module->reason),
				 "visclf was installed without the module %s", module->file);
	else if ((library = open_library(path)) == NULL)
		strlcpy(module->reason, dlerror(), sizeof(module->reason));
	else if ((entry = (const vc_device_api *(*) (void)) dlsym(library, module->entry)) == NULL)
		snprintf(module->reason, sizeof(module->reason),
				 "module %s has no entry point", module->file);
	else if (entry()->version != VC_DEVICE_API_VERSION)
		snprintf(module->reason, sizeof(module->reason),
				 "module %s has interface version %u, not %u; install both from one build",
				 module->file, entry()->version, VC_DEVICE_API_VERSION);
	else
		module->api = entry();
	return module->api;
}

/* Returns the CPU's device; throws if it is not available. */
static const vc_device_api *
cpu_device(void)
{
	const char *reason;
	const vc_device_api *api = module_device(&cpu_module, &reason);

	if (api == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the CPU device cannot be used: %s", reason),
				 errhint("Install oneDNN (Debian: libdnnl2) and visclf_cpu%s.", DLSUFFIX)));
	return api;
}

/* Finds the first usable GPU. Returns its number, or -1 and the reason. */
static int
survey_cuda(const vc_device_api *api, char *reason, Size reason_size)
{
	vc_device_info *info = palloc0(sizeof(*info) * MAX_DEVICES);
	int			found = -1;
	int			count = 0;
	vc_error	error;

	strlcpy(reason, "no GPU was found", reason_size);
	if (api->survey(info, MAX_DEVICES, &count, &error) != VC_OK)
		strlcpy(reason, error.message, reason_size);
	for (int i = 0; i < count && found < 0; i++)
	{
		if (info[i].usable)
			found = i;
		else
			strlcpy(reason, info[i].reason, reason_size);
	}
	pfree(info);
	return found;
}

/*
 * Returns the CUDA device and the number of a usable GPU, or NULL and the
 * reason. Surveys the GPUs once a process, because the planner asks for every
 * query.
 */
static const vc_device_api *
usable_cuda_device(int *index, const char **reason)
{
	static char why[sizeof(((vc_device_info *) 0)->reason)];
	static int	found = -1;
	static bool asked = false;
	const vc_device_api *api = module_device(&cuda_module, reason);

	if (api == NULL)
		return NULL;
	if (!asked)
		found = survey_cuda(api, why, sizeof(why));
	asked = true;
	*index = found;
	*reason = why;
	return found >= 0 ? api : NULL;
}

/* Returns the device that visclf.device selects; *index is its number. */
static const vc_device_api *
choose_device(int *index)
{
	static bool notice_given = false;
	const char *reason;
	const vc_device_api *cuda;

	if (setting_device == DEVICE_CPU)
	{
		*index = 0;
		return cpu_device();
	}
	cuda = usable_cuda_device(index, &reason);
	if (cuda != NULL)
		return cuda;
	*index = 0;
	if (setting_device == DEVICE_CUDA)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no CUDA device can be used: %s", reason),
				 errhint("Set visclf.device to auto or cpu. SELECT * FROM visclf.devices() gives details.")));
	if (!notice_given && !IsParallelWorker())
		ereport(cuda_module.installed ? NOTICE : DEBUG1,
				(errmsg("visclf computes on the CPU: %s", reason)));
	notice_given = true;
	return cpu_device();
}

bool
device_is_cpu(void)
{
	int			index;
	const char *reason;

	return setting_device == DEVICE_CPU ||
		(setting_device == DEVICE_AUTO && usable_cuda_device(&index, &reason) == NULL);
}

void
open_device(OpenDevice *opened)
{
	int			index;
	vc_error	error;

	opened->setting = setting_device;
	opened->threads = setting_compute_threads();
	opened->api = choose_device(&index);
	check_status(opened->api->open(index, opened->threads, &opened->device, &error), &error);
}

bool
device_is_current(const OpenDevice *opened)
{
	return opened->setting == setting_device &&
		opened->threads == setting_compute_threads();
}

bool
device_has_memory(const OpenDevice *opened)
{
	return opened->api->images_create != NULL;
}

static void
put_device(ReturnSetInfo *rsinfo, const char *kind, int index, const vc_device_info *info)
{
	Datum		values[10];
	bool		nulls[10] = {false};

	values[0] = CStringGetTextDatum(kind);
	values[1] = Int32GetDatum(index);
	values[2] = CStringGetTextDatum(info->name);
	values[3] = CStringGetTextDatum(info->library);
	values[4] = BoolGetDatum(info->usable);
	values[5] = CStringGetTextDatum(info->reason);
	values[6] = Int32GetDatum(info->threads);
	values[7] = Int64GetDatum(info->memory);
	values[8] = Int64GetDatum(info->memory_free);
	values[9] = CStringGetTextDatum(info->detail);
	nulls[2] = info->name[0] == '\0';
	nulls[3] = info->library[0] == '\0';
	nulls[5] = info->reason[0] == '\0';
	nulls[6] = info->threads == 0;
	nulls[7] = info->memory == 0;
	nulls[8] = info->memory == 0 || info->memory_free < 0;
	nulls[9] = info->detail[0] == '\0';
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Adds a row for each device of the module, or one with the reason why there is none. */
static void
put_module(ReturnSetInfo *rsinfo, const char *kind, DeviceModule *module)
{
	vc_device_info *info = palloc0(sizeof(*info) * MAX_DEVICES);
	const char *reason;
	const vc_device_api *api = module_device(module, &reason);
	int			count = 0;
	vc_error	error;

	if (api != NULL && api->survey(info, MAX_DEVICES, &count, &error) != VC_OK)
		reason = error.message;
	if (count == 0)
	{
		strlcpy(info[0].reason, reason, sizeof(info[0].reason));
		count = 1;
	}
	for (int i = 0; i < count; i++)
		put_device(rsinfo, kind, i, &info[i]);
}

/* visclf.devices() */
Datum
visclf_devices(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	put_module(rsinfo, "cpu", &cpu_module);
	put_module(rsinfo, "cuda", &cuda_module);
	return (Datum) 0;
}

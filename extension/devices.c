/*
 * devices.c
 *		Choosing and opening a device; what devices there are.
 *
 * The CUDA device is a module of its own, loaded at first use.  Where it, its
 * libraries or a GPU are missing, that is a reason to report, not an error.
 */
#include "devices.h"

#include <dlfcn.h>
#include <unistd.h>

#include "access/parallel.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "error.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(visclf_devices);

#define MAX_DEVICES 16

/* The CUDA device's table, or NULL and the reason why there is none. */
static const vc_device_api *
cuda_device(const char **reason)
{
	static bool tried = false;
	static const vc_device_api *api = NULL;
	static char why[256];

	if (!tried)
	{
		char		path[MAXPGPATH];
		void	   *module;
		const vc_device_api *(*entry) (void) = NULL;

		tried = true;
		snprintf(path, sizeof(path), "%s/visclf_cuda%s", pkglib_path, DLSUFFIX);
		if (access(path, R_OK) != 0)
			snprintf(why, sizeof(why), "visclf was installed without its CUDA module");
		else if ((module = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL)
			snprintf(why, sizeof(why), "CUDA module does not load: %s", dlerror());
		else if ((entry = (const vc_device_api *(*) (void)) dlsym(module, "vc_cuda_device")) == NULL)
			snprintf(why, sizeof(why), "CUDA module has no entry point");
		else if ((api = entry())->version != VC_DEVICE_API_VERSION)
		{
			snprintf(why, sizeof(why), "CUDA module has interface version %u, not %u",
					 api->version, VC_DEVICE_API_VERSION);
			api = NULL;
		}
	}
	*reason = why;
	return api;
}

/* Whether some GPU can be used; otherwise the reason. */
static const vc_device_api *
usable_cuda_device(const char **reason)
{
	static vc_device_info info[MAX_DEVICES];
	const vc_device_api *api = cuda_device(reason);
	int			count = 0;
	vc_error	error;

	if (api == NULL)
		return NULL;
	if (api->probe(info, MAX_DEVICES, &count, &error) != VC_OK)
	{
		*reason = pstrdup(error.message);
		return NULL;
	}
	*reason = "no GPU was found";
	for (int i = 0; i < count; i++)
	{
		if (info[i].usable)
			return api;
		*reason = info[i].reason;
	}
	return NULL;
}

/* What visclf.device asks for. */
static const vc_device_api *
choose_device(void)
{
	static bool told = false;
	const char *reason;
	const char *missing;
	const vc_device_api *cuda;

	if (setting_device == DEVICE_CPU)
		return vc_cpu_device();
	cuda = usable_cuda_device(&reason);
	if (cuda != NULL)
		return cuda;
	if (setting_device == DEVICE_CUDA)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no CUDA device can be used: %s", reason),
				 errhint("Set visclf.device to auto or cpu; SELECT * FROM visclf.devices() says more.")));
	if (!told && !IsParallelWorker())
		ereport(cuda_device(&missing) != NULL ? NOTICE : DEBUG1,
				(errmsg("visclf computes on the CPU: %s", reason)));
	told = true;
	return vc_cpu_device();
}

void
open_device(OpenDevice *opened)
{
	vc_error	error;

	opened->setting = setting_device;
	opened->threads = setting_compute_threads();
	opened->api = choose_device();
	vc_check(opened->api->open(0, opened->threads, &opened->device, &error), &error);
}

bool
device_is_current(const OpenDevice *opened)
{
	return opened->setting == setting_device &&
		opened->threads == setting_compute_threads();
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
	nulls[8] = info->memory == 0;
	nulls[9] = info->detail[0] == '\0';
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_devices(ReturnSetInfo *rsinfo, const vc_device_api *api)
{
	vc_device_info *info = palloc0(sizeof(*info) * MAX_DEVICES);
	int			count = 0;
	vc_error	error;

	if (api->probe(info, MAX_DEVICES, &count, &error) != VC_OK)
	{
		strlcpy(info[0].reason, error.message, sizeof(info[0].reason));
		count = 1;
	}
	for (int i = 0; i < count; i++)
		put_device(rsinfo, api->kind, i, &info[i]);
}

/* visclf.devices() */
Datum
visclf_devices(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *reason;
	const vc_device_api *cuda;

	InitMaterializedSRF(fcinfo, 0);
	put_devices(rsinfo, vc_cpu_device());
	cuda = cuda_device(&reason);
	if (cuda != NULL)
		put_devices(rsinfo, cuda);
	else
	{
		vc_device_info info = {0};

		strlcpy(info.reason, reason, sizeof(info.reason));
		put_device(rsinfo, "cuda", 0, &info);
	}
	return (Datum) 0;
}

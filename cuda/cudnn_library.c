/*
 * cudnn_library.c
 *		Checks that all of cuDNN is installed.
 *
 * libcudnn.so.9 only calls further libraries, which it loads when it first
 * needs them.  It ends the process if one is missing, and so do its engines
 * without cuBLAS.  So this file looks for all of them first: beside it, where
 * python3's packages put them, and where the loader looks.
 */
#define _GNU_SOURCE				/* dladdr */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cuda/cudnn_private.h"

/* The first one has all functions that we call. */
static const char *const libraries[] = {
	"libcudnn_graph.so.9", "libcudnn_heuristic.so.9", "libcudnn_engines_precompiled.so.9",
	"libcudnn_engines_runtime_compiled.so.9"
};

#define LIBRARIES (sizeof(libraries) / sizeof(libraries[0]))

/* The folder of libcudnn.so.9, with a slash; empty if it is not known. */
static void
cudnn_folder(char *folder, size_t size)
{
	Dl_info		info = {0};
	char	   *slash = NULL;

	folder[0] = '\0';
	if (dladdr((void *) cudnnGetVersion, &info) != 0 && info.dli_fname != NULL)
	{
		snprintf(folder, size, "%s", info.dli_fname);
		slash = strrchr(folder, '/');
	}
	if (slash != NULL)
		slash[1] = '\0';
	else
		folder[0] = '\0';
}

/*
 * True if a library exists or, with load, if it can be loaded; it then stays
 * loaded. toolkit is the folder where packages put it, relative to cuDNN's.
 */
static bool
is_there(const char *name, const char *toolkit, bool load)
{
	const char *beside[] = {"", "../../cublas/lib/", toolkit};
	char		folder[1024];
	char		path[1400];

	cudnn_folder(folder, sizeof(folder));
	for (size_t i = 0; folder[0] != '\0' && i < sizeof(beside) / sizeof(beside[0]); i++)
	{
		snprintf(path, sizeof(path), "%s%s%s", folder, beside[i], name);
		if (access(path, R_OK) == 0 && (!load || dlopen(path, RTLD_LAZY | RTLD_LOCAL) != NULL))
			return true;
	}
	return dlopen(name, RTLD_LAZY | RTLD_LOCAL) != NULL;
}

/* Fails, and says why, if a library is not there. */
static vc_status
require(const char *name, const char *toolkit, bool load, vc_error *error)
{
	const char *why;

	if (is_there(name, toolkit, load))
		return VC_OK;
	why = dlerror();
	vc_fail(error, VC_UNSUPPORTED, "cuDNN is not complete: %.200s", why != NULL ? why : name);
	return vc_hint(error, VC_UNSUPPORTED,
				   "Install all of cuDNN 9, and cuBLAS of the same CUDA, where the loader finds them.");
}

/* Checks for the cuBLAS of cuDNN's CUDA, once cuDNN's first library is loaded. */
static vc_status
require_blas(bool load, vc_error *error)
{
	int			major = (int) (cudnnGetCudartVersion() / 1000);
	char		name[64];
	char		toolkit[64];

	snprintf(name, sizeof(name), "libcublasLt.so.%d", major);
	snprintf(toolkit, sizeof(toolkit), "../../cu%d/lib/", major);
	return require(name, toolkit, load, error);
}

vc_status
vc_cuda_library_check(vc_error *error)
{
	vc_status	status = VC_OK;

	for (size_t i = 0; i < LIBRARIES && status == VC_OK; i++)
		status = require(libraries[i], "", false, error);
	return status;
}

vc_status
vc_cuda_library_name(char *name, size_t size, vc_error *error)
{
	vc_status	status = require(libraries[0], "", true, error);
	size_t		version;

	if (status != VC_OK)
		return status;
	version = cudnnGetVersion();
	snprintf(name, size, "cuDNN %zu.%zu.%zu", version / 10000, version / 100 % 100,
			 version % 100);
	return require_blas(false, error);
}

vc_status
vc_cudnn_load(vc_error *error)
{
	vc_status	status = VC_OK;

	for (size_t i = 0; i < LIBRARIES && status == VC_OK; i++)
		status = require(libraries[i], "", true, error);
	return status == VC_OK ? require_blas(true, error) : status;
}

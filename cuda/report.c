/*
 * report.c
 *		Reports of the device: failures of CUDA, and notes for the log.
 *
 * Three environment variables are for tests and for measuring speed.
 * VISCLF_CUDA_GRAPHS=0 runs every call directly.  VISCLF_CUDA_FUSE=0 keeps
 * cuDNN from fusing anything with a convolution.  VISCLF_CUDA_VERBOSE=1
 * writes to stderr which engines were tried for each convolution, and how
 * fast they were.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/report.h"

/* Reports which call of CUDA failed, and how. */
vc_status
vc_cuda_failed(vc_error *error, cudaError_t status, const char *what)
{
	if (status == cudaErrorMemoryAllocation)
		return vc_fail(error, VC_OUT_OF_MEMORY, "out of GPU memory: %s", what);
	vc_fail(error, VC_DEVICE_ERROR, "CUDA failed with %s (%s): %s",
			cudaGetErrorName(status), cudaGetErrorString(status), what);
	return vc_hint(error, VC_DEVICE_ERROR,
				   "After a failure inside a kernel this session can no longer use the GPU: reconnect, or set visclf.device to cpu.");
}

bool
vc_cuda_switch(const char *name, bool usual)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? usual : strcmp(value, "0") != 0;
}

bool
vc_cuda_verbose(void)
{
	return vc_cuda_switch("VISCLF_CUDA_VERBOSE", false);
}

void
vc_cuda_note(const char *format,...)
{
	va_list		arguments;

	fputs("visclf: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

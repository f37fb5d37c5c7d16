/*
 * report.h
 *		What the device says: failures of CUDA, and notes on what it does.
 */
#ifndef VISCLF_CUDA_REPORT_H
#define VISCLF_CUDA_REPORT_H

#include <stdbool.h>

#include <cuda_runtime_api.h>

#include "engine/support/status.h"

/* Fills *error with the call that failed; VC_OUT_OF_MEMORY or VC_DEVICE_ERROR. */
extern vc_status vc_cuda_failed(vc_error *error, cudaError_t status, const char *what);

/* A switch of the environment: off where it is "0", as usual where it is not set. */
extern bool vc_cuda_switch(const char *name, bool usual);

/* Whether VISCLF_CUDA_VERBOSE asks for notes. */
extern bool vc_cuda_verbose(void);

/* A line for stderr: a server's goes to its log. */
extern void vc_cuda_note(const char *format,...)
			__attribute__((format(printf, 1, 2)));

#endif							/* VISCLF_CUDA_REPORT_H */

/*
 * report.h
 *		Reports of the device: failures of CUDA, and notes for the log.
 */
#ifndef VISCLF_CUDA_REPORT_H
#define VISCLF_CUDA_REPORT_H

#include <stdbool.h>

#include <cuda_runtime_api.h>

#include "engine/support/status.h"

/* Fills *error with the call that failed; VC_OUT_OF_MEMORY or VC_DEVICE_ERROR. */
extern vc_status vc_cuda_failed(vc_error *error, cudaError_t status, const char *what);

/* Reads a switch from the environment: off if it is "0", `usual` if it is not set. */
extern bool vc_cuda_switch(const char *name, bool usual);

/* True if VISCLF_CUDA_VERBOSE asks for notes. */
extern bool vc_cuda_verbose(void);

/* Writes a line to stderr, which is a server's log. */
extern void vc_cuda_note(const char *format,...)
			__attribute__((format(printf, 1, 2)));

#endif							/* VISCLF_CUDA_REPORT_H */

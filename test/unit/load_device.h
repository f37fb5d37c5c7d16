/*
 * load_device.h
 *		Finds a device by name for the tests and benchmarks.
 */
#ifndef VISCLF_LOAD_DEVICE_H
#define VISCLF_LOAD_DEVICE_H

#include "engine/device.h"

/*
 * "oracle"; "cpu" where it is linked; "cuda" from the module that the
 * environment variable VISCLF_CUDA names, else ./visclf_cuda.so;
 * "cuda-emulated" from VISCLF_CUDA_EMULATED, else
 * build/visclf_cuda_emulated.so.  NULL, with the reason in *error, where it
 * cannot be had.
 */
extern const vc_device_api *load_device(const char *kind, vc_error *error);

/* Opens the first usable device of an api; NULL with the reason in *error. */
extern vc_device *open_device(const vc_device_api *api, int threads, vc_error *error);

#endif							/* VISCLF_LOAD_DEVICE_H */

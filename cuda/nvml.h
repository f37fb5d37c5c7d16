/*
 * nvml.h
 *		NVIDIA's management library. The CUDA runtime tells free memory
 *		only in a context, which takes some hundred megabytes of a card.
 */
#ifndef VISCLF_CUDA_NVML_H
#define VISCLF_CUDA_NVML_H

#include <stdint.h>

/* The tests' emulator has a library of its own. */
#ifndef VC_CUDA_NVML_LIBRARY
#define VC_CUDA_NVML_LIBRARY "libnvidia-ml.so.1"
#endif

typedef struct vc_cuda_nvml vc_cuda_nvml;

/* NULL if it is not installed; closing NULL is allowed. */
extern vc_cuda_nvml *vc_cuda_nvml_open(void);
extern void vc_cuda_nvml_close(vc_cuda_nvml *nvml);

/* Free bytes on the card, or part of a card, with a UUID; -1: not known. */
extern int64_t vc_cuda_nvml_free_memory(vc_cuda_nvml *nvml, const unsigned char uuid[16]);

#endif							/* VISCLF_CUDA_NVML_H */

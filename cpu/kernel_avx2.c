/*
 * kernel_avx2.c
 *		kernel.h's loops for AVX2.
 */
#if defined(__x86_64__)
#define VC_LANES 8
#define VC_TARGET __attribute__((target("arch=haswell")))
#define VC_KERNELS vc_cpu_kernels_avx2
#include "cpu/kernel_body.h"
#endif

/*
 * kernel_avx512.c
 *		kernel.h's loops for AVX-512.
 */
#if defined(__x86_64__)
#define VC_LANES 16
#define VC_TARGET __attribute__((target("arch=skylake-avx512")))
#define VC_KERNELS vc_cpu_kernels_avx512
#include "cpu/kernel_body.h"
#endif

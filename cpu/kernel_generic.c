/*
 * kernel_generic.c
 *		kernel.h's loops for any machine, with the compiler's default.
 */
#define VC_LANES 8
#define VC_TARGET
#define VC_KERNELS vc_cpu_kernels_generic
#include "cpu/kernel_body.h"

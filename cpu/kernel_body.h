/*
 * kernel_body.h
 *		The table of one instruction set's loops; see kernel.h.
 *
 * The including file defines VC_LANES, the floats of a vector; VC_TARGET, the
 * attribute that asks for the instruction set; and VC_KERNELS, the table's
 * name.  Every function needs VC_TARGET, because the compiler takes vectors
 * apart before it inlines functions.
 */
#include <math.h>
#include <string.h>

#include "cpu/kernel.h"

#define VC_BODY VC_TARGET static inline __attribute__((always_inline))

typedef float floats __attribute__((vector_size(VC_LANES * 4)));
typedef int32_t ints __attribute__((vector_size(VC_LANES * 4)));
typedef double doubles __attribute__((vector_size(VC_LANES * 8)));
typedef uint8_t bytes __attribute__((vector_size(VC_LANES)));

#define LOAD(p) (*(const floats *) (p))
#define STORE(p, v) (*(floats *) (p) = (v))
#define DOUBLES(v) __builtin_convertvector(v, doubles)

/* SELECT: a where the mask is set, else b.  WHERE: a where the mask is set, else 0. */
#define SELECT(mask, a, b) ((floats) (((ints) (a) & (mask)) | ((ints) (b) & ~(mask))))
#define WHERE(mask, a) ((floats) ((ints) (a) & (mask)))

/* The larger of a and 0; NaN stays NaN. */
#define RELU(a) WHERE(~((a) < 0.0f), a)

#include "cpu/kernel_flat_body.h"
#include "cpu/kernel_norm_body.h"
#include "cpu/kernel_pool_body.h"

const vc_cpu_kernels VC_KERNELS = {
	.block = VC_LANES,
	.normalize_image = normalize_image,
	.accumulate = accumulate,
	.add = add,
	.relu = relu,
	.relu_gradient = relu_gradient,
	.adam = adam,
	.moments = moments,
	.apply = apply,
	.apply_pool = apply_pool,
	.sums = sums,
	.input_gradient = input_gradient,
	.max_pool = max_pool,
	.scatter_row = scatter_row,
};

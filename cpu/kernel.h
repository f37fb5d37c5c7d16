/*
 * kernel.h
 *		The device's own loops, for each instruction set.
 *
 * kernel_avx512.c, kernel_avx2.c and kernel_generic.c are the same code, in
 * the files kernel_*_body.h, compiled for vectors of different lengths; a
 * block of channels is one vector.  Memory limits the speed of all loops, so
 * each reads and writes everything once.
 *
 * A plane is one block of one image: pixels x block floats.  Coefficients are
 * per channel, `block` of them.  Planes and coefficients are aligned to a
 * vector.
 */
#ifndef VISCLF_CPU_KERNEL_H
#define VISCLF_CPU_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/network/network.h"

/* Which elements of a gradient pass through the relu behind a batch norm. */
typedef enum vc_cpu_mask
{
	VC_CPU_MASK_NONE,			/* there is no relu, or the gradient is masked already */
	VC_CPU_MASK_INPUT,			/* where x * scale + shift > 0 */
	VC_CPU_MASK_OUTPUT			/* where the output is > 0 */
} vc_cpu_mask;

/* The gradient of a plane that batch norm wrote, and how to read it. */
typedef struct vc_cpu_plane
{
	const float *x;				/* the norm's input */
	const float *y;				/* its output, for VC_CPU_MASK_OUTPUT */
	float	   *gradient;		/* of the output */
	const float *more;			/* is added to it; or NULL */
	const float *mean;
	const float *scale;
	const float *shift;
	vc_cpu_mask mask;
} vc_cpu_plane;

/* The rates of Adam for one parameter. */
typedef struct vc_cpu_adam_rates
{
	float		keep;			/* 1 - rate * weight_decay */
	float		rate;			/* with the first average's correction */
	float		correction;		/* of the second: 1 / sqrt(1 - beta2^t) */
	float		beta1;
	float		beta2;
	float		epsilon;
} vc_cpu_adam_rates;

typedef struct vc_cpu_kernels
{
	int			block;

	/* pixels of 3 bytes -> three planes of floats, byte * scale + shift. */
	void		(*normalize_image) (const uint8_t *image, float *planes, int64_t pixels,
									const float *scale, const float *shift);

	/* Loops over any floats. */
	void		(*accumulate) (float *sum, const float *x, int64_t count);
	void		(*add) (const float *a, const float *b, float *sum, int64_t count);
	void		(*relu) (const float *x, float *y, int64_t count);
	void		(*relu_gradient) (const float *y, float *gradient, int64_t count);
	void		(*adam) (float *p, const float *g, float *m, float *v, int64_t count,
						 const vc_cpu_adam_rates *rates);

	/* Mean and sum of squared distances from it, of each channel. */
	void		(*moments) (const float *x, int64_t pixels, double *mean, double *squares);

	/* y = x * scale + shift (+ other), relu or not. */
	void		(*apply) (const float *x, const float *other, float *y, int64_t pixels,
						  const float *scale, const float *shift, bool relu);

	/*
	 * The same with relu and max pool. picked gets the x that became the
	 * output, and places its place in the window; both may be NULL.
	 */
	void		(*apply_pool) (const float *x, float *y, float *picked, uint8_t *places,
							   const vc_node *pool, int height, int width,
							   const float *scale, const float *shift);

	/*
	 * Sums of the masked gradient g and of g * (x - mean). g is written back
	 * if there is `more` or if the mask is the output's.
	 */
	void		(*sums) (const vc_cpu_plane *p, int64_t pixels, double *sum, double *product);

	/*
	 * dx = g * c[0] + (x - mean) * c[1] + c[2].  g is masked here unless sums
	 * wrote it back. dx may be g.
	 */
	void		(*input_gradient) (const vc_cpu_plane *p, float *dx, int64_t pixels,
								   const float *const c[3]);

	/* places may be NULL. */
	void		(*max_pool) (const float *x, float *y, uint8_t *places, const vc_node *pool,
							 int height, int width);

	/*
	 * Adds the gradient of each output in a row to dx, where the output's
	 * maximum came from; dx is the whole plane.
	 */
	void		(*scatter_row) (const float *gradient, const uint8_t *places, float *dx,
								const vc_node *pool, int row, int width);
} vc_cpu_kernels;

extern const vc_cpu_kernels vc_cpu_kernels_generic;
#if defined(__x86_64__)
extern const vc_cpu_kernels vc_cpu_kernels_avx2;
extern const vc_cpu_kernels vc_cpu_kernels_avx512;
#endif

#endif							/* VISCLF_CPU_KERNEL_H */

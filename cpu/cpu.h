/*
 * cpu.h
 *		What the files of the CPU device share.
 *
 * Activations are either plain (N, C, H, W; rows of features where H and W
 * are 1) or blocked as oneDNN's kernels want them: N, C / block, H, W, block,
 * with channels beyond the last zero.  A plan for int8 stores bytes, N, H, W,
 * C, instead of blocked floats.
 */
#ifndef VISCLF_CPU_H
#define VISCLF_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/plan/call.h"
#include "engine/plan/flow.h"
#include "engine/plan/parameters.h"
#include "cpu/dnnl_compat.h"
#include "cpu/kernel.h"

#define VC_CPU_ALIGNMENT	64		/* bytes: one cache line, one AVX-512 register */
#define VC_CPU_MAX_BLOCK	16

struct vc_device
{
	int			threads;
	const vc_cpu_kernels *kernels;	/* for this machine's instructions */
	int			block;			/* channels of a block: 16 or 8 */
	dnnl_engine_t engine;
	dnnl_stream_t stream;

	vc_call		call;
	int			caller_threads;	/* OpenMP's, while a call runs */
};

/* The formats of values. */
typedef enum vc_cpu_layout
{
	VC_CPU_PLAIN,
	VC_CPU_BLOCKED,
	VC_CPU_SIGNED,				/* N, H, W, C of 8 bits times the value's scale */
	VC_CPU_UNSIGNED
} vc_cpu_layout;

/* What a call asks of the steps. */
struct vc_run
{
	int			count;			/* images */
	bool		training;		/* batch statistics, dropout */
	const uint8_t *images;
	const vc_step *step;		/* NULL in forward() */
};

/* A parameter as the plan keeps it. */
typedef struct vc_cpu_parameter
{
	float	   *data;			/* in layout md, or plain if md is NULL */
	bool		borrowed;		/* data belongs to the caller; never written */
	float	   *gradient;		/* training: in the same layout */
	float	   *m;				/* Adam's averages */
	float	   *v;
	int64_t		floats;			/* of each, with padding */
	vc_md		md;				/* belongs to the step that reads it */
} vc_cpu_parameter;

struct vc_plan
{
	vc_device  *device;
	const vc_network *network;
	vc_plan_options options;
	bool		training;		/* its purpose */

	vc_flow		flow;			/* steps, values and their buffers */
	vc_parameters book;			/* which parameters are set, and trained last */
	vc_cpu_parameter *parameters;
	bool		stale;			/* parameters have changed since inference prepared them */

	char	   *arena;
	size_t		arena_bytes;
	void	   *scratch;		/* oneDNN's scratchpad, shared by the steps */
	size_t		scratch_bytes;
	void	   *weight_scratch; /* one convolution's weights in another layout */
	size_t		weight_scratch_bytes;
	void	   *partials;		/* batch norm's sums: 2 doubles of each image's channels */
	size_t		partials_bytes;
	int64_t		bytes;			/* all that is allocated, for plan_memory */
};

/* True for the formats of 8 bits. */
static inline bool
vc_cpu_is_int8(int format)
{
	return format == VC_CPU_SIGNED || format == VC_CPU_UNSIGNED;
}

/* Floats in a chunk: threads share the floats of a batch in chunks. */
#define VC_CPU_CHUNK 16384

/* Number of floats in a chunk; the last has fewer. */
static inline int64_t
vc_cpu_chunk_length(int64_t chunk, int64_t count)
{
	return count - chunk * VC_CPU_CHUNK < VC_CPU_CHUNK ? count - chunk * VC_CPU_CHUNK : VC_CPU_CHUNK;
}

/* dnnl.c */
extern vc_status vc_cpu_dnnl_failed(vc_error *error, dnnl_status_t status, const char *what);
extern vc_status vc_cpu_md_failed(vc_error *error);
extern bool vc_cpu_has_isa(dnnl_cpu_isa_t want);
extern dnnl_status_t vc_cpu_room(void);
extern void vc_cpu_touch_stack(void);
extern dnnl_status_t vc_cpu_new_primitive(dnnl_primitive_t *primitive,
										  const_dnnl_primitive_desc_t desc);
extern vc_status vc_cpu_reorder(vc_plan *plan, vc_md from, const void *source,
								vc_md to, void *destination, vc_error *error);

/* call.c */
extern void vc_cpu_enter(vc_device *device);
extern void vc_cpu_leave(vc_device *device);
extern vc_status vc_cpu_poll(vc_plan *plan, vc_error *error);

/* threads.c */
extern int	vc_cpu_threads(int wanted);

/* memory.c */
extern void *vc_cpu_allocate(vc_plan *plan, size_t bytes, vc_error *error);
extern void vc_cpu_release(vc_plan *plan, void *memory, size_t bytes);
extern vc_status vc_cpu_reserve(vc_plan *plan, void **memory, size_t *have,
								size_t bytes, vc_error *error);

/* values.c */
extern void *vc_cpu_buffer_data(const vc_plan *plan, int buffer);
extern float *vc_cpu_value_data(const vc_plan *plan, int value);
extern float *vc_cpu_gradient(vc_plan *plan, int value, int count);
extern void vc_cpu_contribute(vc_plan *plan, int value,
							  vc_contribution contribution, int count);

/* plan.c */
extern vc_status vc_cpu_plan(vc_device *device, const vc_network *network,
							 const vc_plan_options *options, vc_plan **plan,
							 vc_error *error);
extern void vc_cpu_plan_free(vc_plan *plan);
extern int64_t vc_cpu_plan_memory(const vc_plan *plan);

/* step.c */
extern vc_status vc_cpu_build_steps(vc_plan *plan, vc_error *error);

/* run.c */
extern vc_status vc_cpu_prepare(vc_plan *plan, const vc_run *run, vc_error *error);
extern vc_status vc_cpu_forward(vc_plan *plan, const uint8_t *images, int count,
								float *logits, float *features, vc_error *error);
extern vc_status vc_cpu_train_step(vc_plan *plan, const uint8_t *images,
								   const vc_targets *targets, int count,
								   const vc_step *step, float *loss,
								   float *logits, vc_error *error);

/* parameter.c */
extern vc_status vc_cpu_parameters_create(vc_plan *plan, vc_error *error);
extern void vc_cpu_parameters_free(vc_plan *plan);
extern vc_status vc_cpu_set_parameter(vc_plan *plan, int index, const float *data, vc_error *error);
extern vc_status vc_cpu_get_parameter(vc_plan *plan, int index, float *data, vc_error *error);
extern vc_status vc_cpu_get_optimizer(vc_plan *plan, int index, float *m, float *v, vc_error *error);
extern vc_status vc_cpu_set_optimizer(vc_plan *plan, int index, const float *m,
									  const float *v, vc_error *error);
extern vc_status vc_cpu_reset_optimizer(vc_plan *plan, vc_error *error);
extern vc_status vc_cpu_get_gradient(vc_plan *plan, int index, float *data, vc_error *error);

/* The operations: convolution.c, normalization.c, elementwise.c, pooling.c, linear.c, int8.c */
extern const vc_operation vc_cpu_convolution_operation;
extern const vc_operation vc_cpu_norm_operation;
extern const vc_operation vc_cpu_input_operation;
extern const vc_operation vc_cpu_relu_operation;
extern const vc_operation vc_cpu_add_operation;
extern const vc_operation vc_cpu_dropout_operation;
extern const vc_operation vc_cpu_convert_operation;
extern const vc_operation vc_cpu_max_pool_operation;
extern const vc_operation vc_cpu_global_pool_operation;
extern const vc_operation vc_cpu_linear_operation;
extern const vc_operation vc_cpu_int8_input_operation;
extern const vc_operation vc_cpu_int8_max_pool_operation;
extern const vc_operation vc_cpu_int8_global_pool_operation;

/* int8.c */
extern vc_status vc_cpu_int8_set_scales(vc_plan *plan, vc_error *error);

/* calibrate.c */
extern vc_status vc_cpu_calibrate(vc_plan *plan, const uint8_t *images, int count,
								  float *ranges, vc_error *error);

/* loss.c, adam.c */
extern float vc_cpu_loss(const float *logits, const vc_targets *targets, int count,
						 int classes, float *gradient);
extern void vc_cpu_adam(vc_plan *plan, const vc_step *step);

#endif							/* VISCLF_CPU_H */

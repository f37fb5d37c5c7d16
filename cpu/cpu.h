/*
 * cpu.h
 *		What the files of the CPU device share.
 *
 * A plan is a list of steps.  Each step computes one value (the activations
 * of a node, or of the last node of a fused group) from one or two others,
 * and in training runs backward too.  Values and their gradients live in
 * buffers, whose life is counted in ticks: forward step i is tick i, the loss
 * is tick S, backward step i is tick 2 S - i.  Buffers that do not live at
 * one time share memory.
 *
 * Activations are either plain (N, C, H, W; rows of features where H and W
 * are 1) or blocked as oneDNN's kernels want them: N, C / block, H, W, block,
 * with channels beyond the last zero.  A plan for int8 has bytes, N, H, W, C, in
 * place of the blocked ones.
 */
#ifndef VISCLF_CPU_H
#define VISCLF_CPU_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/plan/arena.h"
#include "engine/device.h"
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

	/* While a call runs, which may make others: what the caller had. */
	int			calls;
	int			caller_threads;
	sigset_t	caller_signals;
};

typedef enum vc_cpu_layout
{
	VC_CPU_PLAIN,
	VC_CPU_BLOCKED,
	VC_CPU_SIGNED,				/* N, H, W, C of 8 bits times the value's scale */
	VC_CPU_UNSIGNED
} vc_cpu_layout;

typedef struct vc_cpu_value
{
	int			channels;		/* of one image */
	int			height;
	int			width;
	vc_cpu_layout layout;
	int64_t		image_floats;	/* with the last block's padding; of 8 bits: bytes */
	float		scale;			/* of 8 bits: what 1 stands for */
	int			buffer;			/* -1: not kept (inside a fused group) */
	int			gradient[2];	/* buffers whose sum is the gradient; or -1 */
	bool		trains;			/* some trained parameter is below it */
} vc_cpu_value;

/* Where a step writes the gradient of one of its inputs. */
typedef struct vc_cpu_contribution
{
	int			buffer;			/* -1: nobody wants it */
	bool		add;			/* afterwards add it to the value's gradient[0] */
} vc_cpu_contribution;

typedef struct vc_cpu_convolution vc_cpu_convolution;
typedef struct vc_cpu_norm vc_cpu_norm;
typedef struct vc_cpu_step vc_cpu_step;

/* What a call asks of the steps. */
typedef struct vc_cpu_run
{
	int			count;			/* images */
	bool		training;		/* batch statistics, dropout */
	const uint8_t *images;
	const vc_step *step;		/* NULL in forward() */
} vc_cpu_run;

typedef vc_status (*vc_cpu_function) (vc_plan *plan, vc_cpu_step *step,
									  const vc_cpu_run *run, vc_error *error);

typedef struct vc_cpu_operation
{
	vc_cpu_function forward;
	vc_cpu_function backward;	/* NULL: the input has no gradient */
} vc_cpu_operation;

struct vc_cpu_step
{
	const vc_cpu_operation *operation;
	int			index;			/* its node: the parameters' owner */
	int			end;			/* the node whose output it computes */
	const vc_node *node;
	int			input;			/* values; -1 where there is none */
	int			other;			/* second operand of an addition */
	int			output;
	const vc_node *norm;		/* inference: batch norm folded into a convolution */
	const vc_node *pool;		/* max pool taken into a batch norm's step */
	bool		relu;
	bool		keeps_input;	/* backward reads the input's activations */
	bool		keeps_output;	/* backward reads the output's */
	int			extra[2];		/* buffers of its own, forward to backward; or -1 */
	vc_cpu_contribution to_input;
	vc_cpu_contribution to_other;
	vc_cpu_convolution *convolution;
	vc_cpu_norm *state;
};

/* A parameter as the plan keeps it. */
typedef struct vc_cpu_parameter
{
	float	   *data;			/* in layout md where that is not NULL, else plain */
	bool		borrowed;		/* data is the caller's, and not written */
	float	   *gradient;		/* training: in the same layout */
	float	   *m;				/* Adam's averages */
	float	   *v;
	int64_t		floats;			/* of each, with padding */
	vc_md		md;
	bool		set;
} vc_cpu_parameter;

struct vc_plan
{
	vc_device  *device;
	const vc_network *network;
	vc_plan_options options;
	bool		training;		/* its purpose */

	int			step_count;
	vc_cpu_step *steps;
	int			value_count;	/* nodes, then conversions */
	vc_cpu_value *values;
	int			features;		/* values to hand out, both plain */
	int			logits;
	int			buffer_count;
	vc_buffer  *buffers;

	vc_cpu_parameter *parameters;
	bool		stale;			/* parameters changed since inference prepared them */
	int			frozen_groups;	/* of the last step; -1 before it */

	char	   *arena;
	size_t		arena_bytes;
	void	   *scratch;		/* oneDNN's scratchpad, shared by the steps */
	size_t		scratch_bytes;
	void	   *weight_scratch; /* one convolution's weights in another layout */
	size_t		weight_scratch_bytes;
	double	   *partials;		/* batch norm's sums: 2 of each image's channels */
	int64_t		bytes;			/* everything allocated, for plan_memory */
};

/* Loops over the floats of a batch run in chunks, which threads take. */
#define VC_CPU_CHUNK 16384

/* The floats of a chunk; fewer in the last. */
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
extern int	vc_cpu_buffer_new(vc_plan *plan, size_t bytes);
extern void vc_cpu_buffer_use(vc_plan *plan, int buffer, int tick);
extern vc_status vc_cpu_memory_plan(vc_plan *plan, vc_error *error);

/* values.c */
extern bool vc_cpu_trains(const vc_plan *plan, int parameter, int frozen_groups);
extern void *vc_cpu_buffer_data(const vc_plan *plan, int buffer);
extern float *vc_cpu_value_data(const vc_plan *plan, int value);
extern void vc_cpu_accumulate(const vc_plan *plan, float *sum, const float *x, int64_t count);
extern float *vc_cpu_gradient(vc_plan *plan, int value, int count);
extern void vc_cpu_contribute(vc_plan *plan, int value,
							  vc_cpu_contribution contribution, int count);

/* plan.c */
extern vc_status vc_cpu_plan(vc_device *device, const vc_network *network,
							 const vc_plan_options *options, vc_plan **plan,
							 vc_error *error);
extern void vc_cpu_plan_free(vc_plan *plan);
extern int64_t vc_cpu_plan_memory(const vc_plan *plan);
extern void vc_cpu_mark_trained(vc_plan *plan, int frozen_groups);

/* step.c */
extern vc_status vc_cpu_build_steps(vc_plan *plan, vc_error *error);

/* run.c */
extern vc_status vc_cpu_prepare(vc_plan *plan, const vc_cpu_run *run, vc_error *error);
extern vc_status vc_cpu_forward(vc_plan *plan, const uint8_t *images, int count,
								float *logits, float *features, vc_error *error);
extern vc_status vc_cpu_train_step(vc_plan *plan, const uint8_t *images,
								   const vc_targets *targets, int count,
								   const vc_step *step, float *loss,
								   float *logits, vc_error *error);

/* parameter.c */
extern vc_status vc_cpu_parameters_create(vc_plan *plan, vc_error *error);
extern void vc_cpu_parameters_free(vc_plan *plan);
extern vc_status vc_cpu_parameters_check(const vc_plan *plan, vc_error *error);
extern vc_status vc_cpu_parameters_ready(vc_plan *plan, vc_error *error);
extern vc_status vc_cpu_set_parameter(vc_plan *plan, int index, const float *data, vc_error *error);
extern vc_status vc_cpu_get_parameter(vc_plan *plan, int index, float *data, vc_error *error);
extern vc_status vc_cpu_get_optimizer(vc_plan *plan, int index, float *m, float *v, vc_error *error);
extern vc_status vc_cpu_set_optimizer(vc_plan *plan, int index, const float *m,
									  const float *v, vc_error *error);
extern vc_status vc_cpu_reset_optimizer(vc_plan *plan, vc_error *error);
extern vc_status vc_cpu_get_gradient(vc_plan *plan, int index, float *data, vc_error *error);

/* convolution.c */
extern const vc_cpu_operation vc_cpu_convolution_operation;
extern vc_status vc_cpu_convolution_create(vc_plan *plan, vc_cpu_step *step, vc_error *error);
extern vc_status vc_cpu_convolution_ready(vc_plan *plan, vc_cpu_step *step, int count,
										  bool training, vc_error *error);
extern vc_status vc_cpu_convolution_fold(vc_plan *plan, vc_cpu_step *step, vc_error *error);
extern void vc_cpu_convolution_free(vc_cpu_convolution *convolution);
extern vc_md vc_cpu_convolution_weights(const vc_cpu_convolution *convolution);

/* normalization.c */
extern const vc_cpu_operation vc_cpu_norm_operation;
extern vc_status vc_cpu_norm_create(vc_plan *plan, vc_cpu_step *step, vc_error *error);
extern void vc_cpu_norm_free(vc_cpu_norm *norm);

/* elementwise.c */
extern const vc_cpu_operation vc_cpu_input_operation;
extern const vc_cpu_operation vc_cpu_relu_operation;
extern const vc_cpu_operation vc_cpu_add_operation;
extern const vc_cpu_operation vc_cpu_dropout_operation;
extern const vc_cpu_operation vc_cpu_convert_operation;

/* int8.c */
extern const vc_cpu_operation vc_cpu_int8_input_operation;
extern const vc_cpu_operation vc_cpu_int8_max_pool_operation;
extern const vc_cpu_operation vc_cpu_int8_global_pool_operation;
extern bool vc_cpu_is_int8(vc_cpu_layout layout);
extern vc_status vc_cpu_int8_set_scales(vc_plan *plan, vc_error *error);

/* calibrate.c */
extern vc_status vc_cpu_calibrate(vc_plan *plan, const uint8_t *images, int count,
								  float *ranges, vc_error *error);

/* pooling.c */
extern const vc_cpu_operation vc_cpu_max_pool_operation;
extern const vc_cpu_operation vc_cpu_global_pool_operation;

/* linear.c, loss.c, adam.c */
extern const vc_cpu_operation vc_cpu_linear_operation;
extern float vc_cpu_loss(const float *logits, const vc_targets *targets, int count,
						 int classes, float *gradient);
extern void vc_cpu_adam(vc_plan *plan, const vc_step *step);

#endif							/* VISCLF_CPU_H */

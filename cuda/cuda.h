/*
 * cuda.h
 *		What the host files of the CUDA device share.
 *
 * A plan is a list of steps.  Each step computes one value (the activations
 * of a node, or of the last node of a fused group) from one or two others,
 * and in training runs backward too.  Values and their gradients live in
 * buffers, whose life is counted in ticks: forward step i is tick i, the loss
 * is tick S, backward step i is tick 2 S - i.
 *
 * All of a plan's device memory is one allocation (and cuDNN's workspace
 * another), cut up by memory.c, so that its size is known before any of it is
 * asked for.  One stream does all work.  What a call brings (step, rates,
 * labels, which images) goes to the device in one block, the request, and
 * what it gives comes back in another, so that a whole call can be captured
 * as a CUDA graph and replayed.
 */
#ifndef VISCLF_CUDA_H
#define VISCLF_CUDA_H

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/plan/arena.h"
#include "engine/device.h"
#include "cuda/convolution.h"
#include "cuda/kernel.h"
#include "cuda/report.h"

#define VC_CUDA_ALIGNMENT	256		/* bytes; what cudaMalloc gives */
#define VC_CUDA_GRAPHS		16		/* replays that a plan keeps */
#define VC_CUDA_LEAST_MAJOR	7		/* compute capability that kernels are built for */
#define VC_CUDA_LEAST_MINOR	5

#define VC_CUDA_PIECES	8		/* that threads cut a pinned buffer into */

typedef struct vc_cuda_piece
{
	uint8_t    *to;
	const uint8_t *from;
	size_t		bytes;
} vc_cuda_piece;

/* See upload.c. */
typedef struct vc_cuda_upload
{
	cudaStream_t stream;
	cudaEvent_t arrived;		/* all of the last one */
	uint8_t    *staging[2];		/* pinned memory, by turns */
	cudaEvent_t staged[2];		/* the copy out of it is done */
	struct vc_pool *pool;		/* NULL: none */
	vc_cuda_piece pieces[VC_CUDA_PIECES];

	/* Uploads are numbered; those up to lost may not have arrived whole. */
	int64_t		number;			/* of the last one begun */
	int64_t		lost;

	/* What is under way: bytes are 0 where nothing is. */
	uint8_t    *to;
	const uint8_t *from;
	size_t		bytes;
	size_t		at;				/* sent so far */
	size_t		filling;		/* of staging[turn]; 0: it is not being filled */
	int			turn;
} vc_cuda_upload;

struct vc_device
{
	int			index;
	int			capability;		/* 10 * major + minor */
	int			multiprocessors;
	cudaStream_t stream;
	vc_cuda_library *library;

	cudaEvent_t finished;		/* a call's work is done */
	vc_cuda_upload upload;

	/* While a call runs: what the caller had. */
	int			calls;
	sigset_t	caller_signals;
};

typedef struct vc_cuda_value
{
	vc_cuda_type type;
	int			channels;		/* of one image */
	int			padded;			/* channels in memory */
	int			height;
	int			width;
	int64_t		image_elements;
	int			buffer;
	int			gradient[2];	/* buffers whose sum is the gradient; or -1 */
	bool		trains;			/* some trained parameter is below it */
} vc_cuda_value;

/* Where a step writes the gradient of one of its inputs. */
typedef struct vc_cuda_contribution
{
	int			buffer;			/* -1: nobody wants it */
	bool		add;			/* afterwards add it to the value's gradient[0] */
} vc_cuda_contribution;

typedef struct vc_cuda_step vc_cuda_step;

/* What a call asks of the steps; also what tells one captured graph from another. */
typedef struct vc_cuda_run
{
	int			count;			/* images */
	int			training;		/* batch statistics, dropout, backward */
	int			frozen_groups;
	int			members;		/* targets are members, not labels */
	int			weighted;		/* members have class weights */
} vc_cuda_run;

typedef vc_status (*vc_cuda_function) (vc_plan *plan, vc_cuda_step *step,
									   const vc_cuda_run *run, vc_error *error);

typedef struct vc_cuda_operation
{
	vc_cuda_function forward;
	vc_cuda_function backward;	/* NULL: the input has no gradient */
} vc_cuda_operation;

struct vc_cuda_step
{
	const vc_cuda_operation *operation;
	int			index;			/* its node: the parameters' owner */
	const vc_node *node;
	const vc_node *norm;		/* inference: batch norm folded into a convolution */
	int			input;			/* values; -1 where there is none */
	int			other;			/* second operand of an addition */
	int			output;
	bool		relu;
	bool		keeps_input;	/* backward reads the input's activations */
	bool		keeps_output;	/* backward reads the output's */
	int			winner;			/* buffer: which pixel a pool took; -1 */
	vc_cuda_contribution to_input;
	vc_cuda_contribution to_other;
	float	   *saved;			/* batch norm: see vc_cuda_norm */
	float	   *terms;
	void	   *folded;			/* inference: weights with batch norm in them */
	float	   *folded_bias;
	vc_cuda_engine *engines[VC_CUDA_DIRECTIONS];	/* at the batch size made ready */
	bool		fused;			/* the forward engine does bias, addition, relu */
};

/*
 * A parameter as the plan keeps it: [outputs][area][channels], both padded.
 * A vector is one output of its channels.
 */
typedef struct vc_cuda_parameter
{
	int			outputs;
	int			padded_outputs;
	int			area;			/* pixels of a convolution's kernel */
	int			channels;
	int			padded_channels;
	int64_t		elements;		/* with padding */
	vc_cuda_type type;			/* of copy and gradient */
	float	   *value;
	void	   *copy;			/* in half precision, for convolutions; or NULL */
	void	   *gradient;		/* training */
	float	   *m;				/* Adam's averages */
	float	   *v;
	bool		set;
} vc_cuda_parameter;

/* A request or a result: the same cut of pinned and of device memory. */
typedef struct vc_cuda_request
{
	vc_cuda_state *state;
	int64_t    *rows;			/* [max_batch]: images, from state->images on */
	float	   *shares;			/* [max_batch] */
	int32_t    *labels;			/* [max_batch] */
	float	   *class_weights;	/* [classes] */
	uint8_t    *members;		/* [max_batch][classes] */
} vc_cuda_request;

/* Images kept on the device; see device.h. */
struct vc_images
{
	vc_device  *device;
	int64_t		count;
	int64_t		image_bytes;
	uint8_t    *data;
};

typedef struct vc_cuda_graph
{
	vc_cuda_run run;
	cudaGraphExec_t graph;		/* NULL: seen once, not captured yet */
	bool		failed;			/* it cannot be captured */
	int64_t		last_use;
} vc_cuda_graph;

struct vc_plan
{
	vc_device  *device;
	const vc_network *network;
	vc_plan_options options;
	bool		training;		/* its purpose */
	vc_cuda_type type;			/* of convolutions and what is between them */
	bool		rounds;			/* float32 rounded to TF32 */

	int			step_count;
	vc_cuda_step *steps;
	int			value_count;
	vc_cuda_value *values;
	int			features;		/* values to hand out */
	int			logits;
	int			buffer_count;
	vc_buffer  *buffers;
	size_t		arena_bytes;
	vc_cuda_parameter *parameters;
	bool		stale;			/* parameters changed since inference folded them */
	int			frozen_groups;	/* of the last step; -1 before it */
	float		loss_scale;
	float		gradient_scale; /* of the gradients that are there */
	int			good_steps;		/* since the scale last changed */
	int			ready_count;	/* images that the engines are for; 0: none */
	bool		ready_training;

	/* Device memory, one allocation; the layout's base is NULL in the first pass. */
	char	   *memory;
	size_t		memory_bytes;
	char	   *arena;
	uint8_t    *images[2];		/* [max_batch], those that a call brings */
	int			brought;		/* which of the two are the last call's */
	const uint8_t *ahead;		/* host images that go to the other; NULL: none */
	int			ahead_count;
	int64_t		ahead_number;	/* of the upload */
	double	   *partials;
	double	   *losses;			/* [max_batch] */
	vc_cuda_request request;
	vc_cuda_tensor *tensors;
	vc_cuda_chunk *chunks;
	int			chunk_count;
	size_t		request_bytes;	/* up to class_weights */
	size_t		whole_request_bytes;

	/* Pinned memory, one allocation. */
	char	   *pinned;
	size_t		pinned_bytes;
	vc_cuda_request host;
	vc_cuda_state *result;
	float	   *host_logits;	/* [max_batch][padded] */
	float	   *host_features;

	void	   *workspace;
	size_t		workspace_bytes;

	const vc_images *selected;	/* rows of the next call, see device.h */
	int			selected_count;

	vc_cuda_graph graphs[VC_CUDA_GRAPHS];
	bool		graphs_told;	/* that one failed */
	int64_t		calls;
};

/* device.c */
extern void vc_cuda_enter(vc_device *device);
extern void vc_cuda_leave(vc_device *device);
extern vc_status vc_cuda_poll(vc_plan *plan, vc_error *error);

/* upload.c */
extern cudaError_t vc_cuda_upload_open(vc_cuda_upload *upload);
extern void vc_cuda_upload_close(vc_cuda_upload *upload);
extern vc_status vc_cuda_upload_begin(vc_cuda_upload *upload, uint8_t *to, const uint8_t *from,
									  size_t bytes, vc_error *error);
extern vc_status vc_cuda_upload_go_on(vc_cuda_upload *upload, bool wait, vc_error *error);
extern vc_status vc_cuda_upload_end(vc_device *device, vc_error *error);
extern void vc_cuda_upload_stop(vc_cuda_upload *upload);
extern vc_status vc_cuda_upload_now(vc_device *device, uint8_t *to, const uint8_t *from,
									size_t bytes, vc_error *error);

/* probe.c */
extern vc_status vc_cuda_survey(vc_device_info *info, int max, int *count, vc_error *error);

/* plan.c */
extern vc_status vc_cuda_plan(vc_device *device, const vc_network *network,
							  const vc_plan_options *options, vc_plan **plan, vc_error *error);
extern void vc_cuda_plan_free(vc_plan *plan);
extern int64_t vc_cuda_plan_memory(const vc_plan *plan);
extern void vc_cuda_mark_trained(vc_plan *plan, int frozen_groups);

/* step.c */
extern vc_status vc_cuda_build_steps(vc_plan *plan, vc_error *error);
extern void vc_cuda_buffer_use(vc_plan *plan, int buffer, int tick);
extern int	vc_cuda_buffer_new(vc_plan *plan, size_t bytes);

/* memory.c */
extern vc_status vc_cuda_allocate(vc_plan *plan, vc_error *error);
extern vc_status vc_cuda_reserve_workspace(vc_plan *plan, size_t bytes, vc_error *error);
extern void vc_cuda_release(vc_plan *plan);
extern vc_status vc_cuda_no_memory(vc_error *error, size_t bytes, const char *what);
extern size_t vc_cuda_value_bytes(const vc_plan *plan, int value, int count);
extern void *vc_cuda_buffer_data(const vc_plan *plan, int buffer);
extern void *vc_cuda_value_data(const vc_plan *plan, int value);
extern size_t vc_cuda_type_bytes(vc_cuda_type type);

/* parameter.c, parameter_shape.c */
extern vc_status vc_cuda_describe_parameters(vc_plan *plan, vc_error *error);
extern vc_status vc_cuda_parameters_start(vc_plan *plan, vc_error *error);
extern vc_status vc_cuda_parameters_set(const vc_plan *plan, vc_error *error);
extern vc_status vc_cuda_set_parameter(vc_plan *plan, int index, const float *data, vc_error *error);
extern vc_status vc_cuda_get_parameter(vc_plan *plan, int index, float *data, vc_error *error);
extern vc_status vc_cuda_get_optimizer(vc_plan *plan, int index, float *m, float *v, vc_error *error);
extern vc_status vc_cuda_set_optimizer(vc_plan *plan, int index, const float *m,
									   const float *v, vc_error *error);
extern vc_status vc_cuda_reset_optimizer(vc_plan *plan, vc_error *error);
extern vc_status vc_cuda_get_gradient(vc_plan *plan, int index, float *data, vc_error *error);

/* request.c */
extern void vc_cuda_request_layout(vc_plan *plan, char *base, vc_cuda_request *request);
extern vc_status vc_cuda_request_images(vc_plan *plan, const uint8_t *images, int count,
										vc_error *error);
extern void vc_cuda_request_step(vc_plan *plan, const vc_targets *targets, int count,
								 const vc_step *step);

/* images.c */
extern vc_status vc_cuda_images_create(vc_device *device, int64_t count, int64_t image_bytes,
									   vc_images **images, vc_error *error);
extern void vc_cuda_images_free(vc_images *images);
extern vc_status vc_cuda_images_put(vc_images *images, int64_t first, const uint8_t *data,
									int count, vc_error *error);
extern vc_status vc_cuda_images_ahead(vc_plan *plan, const uint8_t *images, int count,
									  vc_error *error);
extern vc_status vc_cuda_select_images(vc_plan *plan, const vc_images *images,
									   const int64_t *rows, int count, vc_error *error);

/* run.c */
extern vc_status vc_cuda_forward(vc_plan *plan, const uint8_t *images, int count,
								 float *logits, float *features, vc_error *error);
extern vc_status vc_cuda_train_step(vc_plan *plan, const uint8_t *images,
									const vc_targets *targets, int count,
									const vc_step *step, float *loss,
									float *logits, vc_error *error);
extern vc_status vc_cuda_ready(vc_plan *plan, const vc_cuda_run *run, vc_error *error);
extern vc_status vc_cuda_enqueue(vc_plan *plan, const vc_cuda_run *run, vc_error *error);

/* backward.c: what steps share while going backward */
extern vc_status vc_cuda_gradient(vc_plan *plan, int value, int count, const void **gradient,
								  vc_error *error);
extern vc_status vc_cuda_contribute(vc_plan *plan, int value, vc_cuda_contribution contribution,
									int count, vc_error *error);
extern void *vc_cuda_wanted(const vc_plan *plan, int value, vc_cuda_contribution contribution);

/* graph.c */
extern vc_status vc_cuda_graph_run(vc_plan *plan, const vc_cuda_run *run, bool *done,
								   vc_error *error);
extern void vc_cuda_graphs_drop(vc_plan *plan);

/* step_*.c */
extern const vc_cuda_operation vc_cuda_input_operation;
extern const vc_cuda_operation vc_cuda_convolution_operation;
extern const vc_cuda_operation vc_cuda_norm_operation;
extern const vc_cuda_operation vc_cuda_relu_operation;
extern const vc_cuda_operation vc_cuda_add_operation;
extern const vc_cuda_operation vc_cuda_dropout_operation;
extern const vc_cuda_operation vc_cuda_max_pool_operation;
extern const vc_cuda_operation vc_cuda_global_pool_operation;
extern const vc_cuda_operation vc_cuda_linear_operation;
extern vc_status vc_cuda_convolution_ready(vc_plan *plan, vc_cuda_step *step,
										   const vc_cuda_run *run, vc_error *error);
extern vc_status vc_cuda_convolution_fold(vc_plan *plan, vc_cuda_step *step, vc_error *error);
extern vc_cuda_norm vc_cuda_norm_of(const vc_plan *plan, const vc_cuda_step *step,
									const vc_node *node, int count);

#endif							/* VISCLF_CUDA_H */

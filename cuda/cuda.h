/*
 * cuda.h
 *		What the host files of the CUDA device share.
 *
 * All of a plan's device memory is one allocation (and cuDNN's workspace
 * another), which memory.c divides, so that its size is known before it is
 * allocated.  One stream does all work.  The input of a call (step, rates,
 * labels, which images) goes to the device in one block, the request, and its
 * results come back in another.  So a whole call can be captured as a CUDA
 * graph and replayed.
 */
#ifndef VISCLF_CUDA_H
#define VISCLF_CUDA_H

#include <stdio.h>
#include <string.h>

#include "engine/plan/call.h"
#include "engine/plan/flow.h"
#include "engine/plan/parameters.h"
#include "cuda/convolution.h"
#include "cuda/kernel.h"
#include "cuda/report.h"

#define VC_CUDA_ALIGNMENT	256		/* bytes; what cudaMalloc gives */
#define VC_CUDA_GRAPHS		16		/* replays that a plan keeps */
#define VC_CUDA_LEAST_MAJOR	7		/* compute capability that kernels are built for */
#define VC_CUDA_LEAST_MINOR	5

#define VC_CUDA_PIECES	8		/* of a pinned buffer, for threads */

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

	/* Uploads are numbered; those up to `lost` may be incomplete. */
	int64_t		number;			/* of the last one begun */
	int64_t		lost;

	/* The upload that is under way; bytes is 0 if there is none. */
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

	vc_call		call;
};

/* What a call asks of the steps; it also identifies a captured graph. */
struct vc_run
{
	int			count;			/* images */
	int			training;		/* batch statistics, dropout, backward */
	int			frozen_groups;
	int			members;		/* targets are members, not labels */
	int			weighted;		/* members have class weights */
};

/* The state of a batch norm or of a convolution. */
typedef struct vc_cuda_kept
{
	float	   *saved;			/* of a batch norm: see vc_cuda_norm */
	float	   *terms;
	void	   *folded;			/* inference: weights with batch norm in them */
	float	   *folded_bias;
	vc_cuda_engine *engines[VC_CUDA_DIRECTIONS];	/* at the batch size made ready */
	bool		fused;			/* the forward engine does bias, addition, relu */
} vc_cuda_kept;

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
} vc_cuda_parameter;

/* A request or a result; pinned memory and device memory are divided in the same way. */
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
	vc_run run;
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

	vc_flow		flow;			/* steps, values and their buffers; formats are vc_cuda_type */
	size_t		arena_bytes;
	vc_parameters book;			/* which parameters are set, and trained last */
	vc_cuda_parameter *parameters;
	bool		stale;			/* parameters have changed since inference folded them */
	float		loss_scale;
	float		gradient_scale; /* of the last step's gradients */
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
	double	   *partials;		/* batch norm's sums */
	size_t		partials_bytes;
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
	bool		graphs_told;	/* a failed one has been reported */
	int64_t		calls;
};

/* call.c */
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

/* step.c */
extern vc_status vc_cuda_build_steps(vc_plan *plan, vc_error *error);

/* memory.c */
extern vc_status vc_cuda_allocate(vc_plan *plan, vc_error *error);
extern void vc_cuda_release(vc_plan *plan);
extern vc_status vc_cuda_no_memory(vc_error *error, size_t bytes, const char *what);

/* workspace.c */
extern vc_status vc_cuda_reserve_workspace(vc_plan *plan, size_t bytes, vc_error *error);

/* parameter.c, parameter_shape.c */
extern vc_status vc_cuda_describe_parameters(vc_plan *plan, vc_error *error);
extern vc_status vc_cuda_parameters_start(vc_plan *plan, vc_error *error);
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

/* enqueue.c */
extern vc_status vc_cuda_ready(vc_plan *plan, const vc_run *run, vc_error *error);
extern vc_status vc_cuda_enqueue(vc_plan *plan, const vc_run *run, vc_error *error);

/* values.c */
extern size_t vc_cuda_type_bytes(vc_cuda_type type);
extern size_t vc_cuda_value_bytes(const vc_plan *plan, int value, int count);
extern void *vc_cuda_buffer_data(const vc_plan *plan, int buffer);
extern void *vc_cuda_value_data(const vc_plan *plan, int value);
extern vc_status vc_cuda_gradient(vc_plan *plan, int value, int count, const void **gradient,
								  vc_error *error);
extern vc_status vc_cuda_contribute(vc_plan *plan, int value, vc_contribution contribution,
									int count, vc_error *error);
extern void *vc_cuda_wanted(const vc_plan *plan, int value, vc_contribution contribution);

/* graph.c */
extern vc_status vc_cuda_graph_run(vc_plan *plan, const vc_run *run, bool *done,
								   vc_error *error);
extern void vc_cuda_graphs_drop(vc_plan *plan);

/* step_*.c */
extern const vc_operation vc_cuda_input_operation;
extern const vc_operation vc_cuda_convolution_operation;
extern const vc_operation vc_cuda_norm_operation;
extern const vc_operation vc_cuda_relu_operation;
extern const vc_operation vc_cuda_add_operation;
extern const vc_operation vc_cuda_dropout_operation;
extern const vc_operation vc_cuda_max_pool_operation;
extern const vc_operation vc_cuda_global_pool_operation;
extern const vc_operation vc_cuda_linear_operation;

/* step_norm.c: makes a step's state; describes a batch norm for the kernels. */
extern vc_status vc_cuda_keep(vc_plan *plan, vc_plan_step *step, vc_error *error);
extern vc_cuda_norm vc_cuda_norm_of(const vc_plan *plan, const vc_plan_step *step,
									const vc_node *node, int count);

#endif							/* VISCLF_CUDA_H */

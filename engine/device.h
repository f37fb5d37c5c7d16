/*
 * device.h
 *		What a device (CPU, GPU, the tests' oracle) must offer.
 *
 * A device takes a whole network and makes a plan of it once, so that it may
 * choose layouts and algorithms, fuse nodes and reserve memory.  All calls on
 * one plan come from one thread, the one that opened the device.  Pointers to
 * images, labels, logits and parameters are host memory, float32 in
 * torchvision's layout, whatever the device keeps inside.
 */
#ifndef VISCLF_DEVICE_H
#define VISCLF_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/network/network.h"
#include "engine/support/status.h"
#include "engine/weights/store.h"

#define VC_DEVICE_API_VERSION 6

typedef struct vc_device vc_device;		/* each device defines its own */
typedef struct vc_plan vc_plan;
typedef struct vc_images vc_images;

typedef enum vc_purpose
{
	VC_INFERENCE,				/* running statistics, no dropout, may fuse */
	VC_TRAINING					/* forward() is allowed too */
} vc_purpose;

typedef enum vc_precision
{
	VC_PRECISION_AUTO,			/* the fastest that keeps the labels */
	VC_FLOAT32,

	/*
	 * Of convolutions and what is between them; sums, batch norm's
	 * statistics, the head, the weights that are kept and Adam are float32.
	 * A device refuses what it lacks: VC_UNSUPPORTED.
	 */
	VC_TF32,					/* float32 stored, 10 bits of mantissa multiplied */
	VC_BFLOAT16,
	VC_FLOAT16,					/* trained with the loss scaled */

	/*
	 * Inference only: convolutions and what is between them in 8-bit integers,
	 * by the ranges that calibrate() found.
	 */
	VC_INT8
} vc_precision;

/* How convolutions are computed. */
typedef enum vc_algorithm
{
	VC_ALGORITHM_AUTO,			/* measured once a shape; may be Winograd */
	VC_ALGORITHM_DIRECT			/* the most exact; for comparisons */
} vc_algorithm;

typedef struct vc_plan_options
{
	vc_purpose	purpose;
	vc_precision precision;
	vc_algorithm algorithm;
	int			max_batch;		/* >= 1; >= 2 for training */
	const float *ranges;		/* [node_count], see calibrate(): VC_INT8 needs them, and
								 * VC_PRECISION_AUTO may take int8 with them; NULL: none */

	/*
	 * Inference on a device that shares_weights; NULL elsewhere.
	 * parameters[parameter_count] are the values of each (NULL: a
	 * constant's).  They must stay as they are while the plan exists, and
	 * set_parameter must not be called for them.  The store, which may be
	 * NULL, keeps what the plan makes of them, for other plans with the same
	 * network, parameters and ranges, also in other processes; it must
	 * outlive the plan.
	 */
	const float *const *parameters;
	vc_store   *store;

	/*
	 * Polled between nodes, at least about once a second.  True makes the
	 * running call return VC_CANCELED; the plan may then only be freed.
	 * NULL never stops.
	 */
	bool		(*interrupted) (void *argument);
	void	   *interrupt_argument;
} vc_plan_options;

/*
 * Training targets of a batch.  Labels give each image one class: the loss is
 * the mean cross entropy of the softmax, weighted by each image's class like
 * torch's cross_entropy(weight).  Members give it any number of classes: the
 * loss is the mean, over images and classes, of the binary cross entropy of
 * the sigmoids, with class_weights as torch's pos_weight.
 */
typedef struct vc_targets
{
	const int32_t *labels;		/* [count], 0-based; or NULL, and */
	const uint8_t *members;		/* [count][classes], 1 if the image has it, else 0 */
	const float *class_weights; /* [classes], above 0; NULL: all 1 */
} vc_targets;

/* The numbers of one training step. */
typedef struct vc_step
{
	float		rate[VC_GROUPS];	/* learning rate of each layer group */
	float		momentum;		/* Adam's beta1 */
	float		square_momentum;	/* Adam's beta2 */
	float		epsilon;
	float		weight_decay;	/* decoupled; not on biases and batch norm */
	int			frozen_groups;	/* of groups below it only batch norm trains */
	int64_t		step;			/* 1, 2, ... since the optimiser's reset */
	uint64_t	seed;			/* dropout's, see vc_dropout_keep */
} vc_step;

typedef struct vc_device_info
{
	char		name[128];		/* "Intel Xeon ...", "NVIDIA H200" */
	char		library[64];	/* "oneDNN 2.6.0" */
	bool		usable;
	char		reason[256];	/* if not usable: why, and what to do */
	int			threads;		/* CPU: threads it would use; else 0 */
	int64_t		memory;			/* bytes of device memory; 0 for the host's */
	int64_t		memory_free;	/* -1: not known */
	char		detail[128];	/* instruction set, compute capability, driver */
} vc_device_info;

typedef struct vc_device_api
{
	uint32_t	version;		/* VC_DEVICE_API_VERSION */
	const char *kind;			/* "cpu", "cuda", "oracle" */

	bool		shares_weights; /* knows vc_plan_options.parameters and store */

	/* Fills at most max entries, unusable ones too; *count says how many. */
	vc_status	(*survey) (vc_device_info *info, int max, int *count, vc_error *error);

	/* threads: CPU threads to compute with, >= 1; a GPU ignores it. */
	vc_status	(*open) (int index, int threads, vc_device **device, vc_error *error);
	void		(*close) (vc_device *device);

	/*
	 * The network must outlive the plan.  Constants (VC_CONSTANT) are set by
	 * the plan itself; every other parameter must be set before the first
	 * forward or step.
	 */
	vc_status	(*plan) (vc_device *device, const vc_network *network,
						 const vc_plan_options *options, vc_plan **plan,
						 vc_error *error);
	void		(*plan_free) (vc_plan *plan);

	vc_status	(*set_parameter) (vc_plan *plan, int index, const float *data,
								  vc_error *error);
	vc_status	(*get_parameter) (vc_plan *plan, int index, float *data,
								  vc_error *error);

	/*
	 * images[count][size][size][3] uint8 RGB -> logits[count][classes], and
	 * features[count][network->features] where not NULL.  Inference rules
	 * (running statistics, no dropout) for either purpose.
	 */
	vc_status	(*forward) (vc_plan *plan, const uint8_t *images, int count,
							float *logits, float *features, vc_error *error);

	/*
	 * One step of Adam on the loss of targets (see there).  Batch norm uses
	 * and updates batch statistics, frozen groups too.
	 * logits[count][classes] (NULL allowed) are those the loss was computed
	 * from.  Training plans only.
	 *
	 * With g the gradient and t the step, for each trained parameter p:
	 *   p *= 1 - rate * weight_decay          (weights of convolution, linear)
	 *   m  = momentum * m + (1 - momentum) * g
	 *   v  = square_momentum * v + (1 - square_momentum) * g * g
	 *   p -= rate / (1 - momentum^t) * m / (sqrt(v / (1 - square_momentum^t)) + epsilon)
	 */
	vc_status	(*train_step) (vc_plan *plan, const uint8_t *images,
							   const vc_targets *targets, int count,
							   const vc_step *step, float *loss,
							   float *logits, vc_error *error);

	/* Adam's two averages of one trainable parameter, each [count]. */
	vc_status	(*get_optimizer) (vc_plan *plan, int index, float *m, float *v,
								  vc_error *error);
	vc_status	(*set_optimizer) (vc_plan *plan, int index, const float *m,
								  const float *v, vc_error *error);

	/* Zeroes the averages of every parameter, as at the start. */
	vc_status	(*reset_optimizer) (vc_plan *plan, vc_error *error);

	/*
	 * The last step's gradient of the loss, [count]; for tests.  Parameters
	 * that were frozen in that step are an error.
	 */
	vc_status	(*get_gradient) (vc_plan *plan, int index, float *data,
								 vc_error *error);

	/* Bytes the plan holds, host and device together. */
	int64_t		(*plan_memory) (const vc_plan *plan);

	/*
	 * Runs a float32 inference plan on count images and raises ranges[i] to the
	 * largest absolute value of node i's output, where that is larger.  Ranges
	 * of nodes that the plan does not compute apart stay as they are.  NULL in
	 * devices without VC_INT8.
	 */
	vc_status	(*calibrate) (vc_plan *plan, const uint8_t *images, int count,
							  float *ranges, vc_error *error);

	/*
	 * Images kept on the device, if it has memory of its own; all four are
	 * NULL in other devices. create makes room for count images of
	 * image_bytes each, VC_OUT_OF_MEMORY where that does not fit; put fills
	 * some of them. select names the images of the plan's next forward or
	 * train_step, whose images are then NULL: rows[count] index into images,
	 * which must outlive the call and are of the network's size.  A plan's
	 * memory is taken at plan(): make it before the images.
	 */
	vc_status	(*images_create) (vc_device *device, int64_t count, int64_t image_bytes,
								  vc_images **images, vc_error *error);
	void		(*images_free) (vc_images *images);
	vc_status	(*images_put) (vc_images *images, int64_t first, const uint8_t *data,
							   int count, vc_error *error);
	vc_status	(*images_select) (vc_plan *plan, const vc_images *images,
								  const int64_t *rows, int count, vc_error *error);

	/*
	 * Begins to send images while the plan's next call computes on others; the
	 * first call after it that is given this pointer and count finds them
	 * there.  They must be whole now, and stay as they are until that call or
	 * plan_free.  One batch at a time.  NULL in devices without memory of
	 * their own.
	 */
	vc_status	(*images_ahead) (vc_plan *plan, const uint8_t *images, int count,
								 vc_error *error);
} vc_device_api;

/*
 * What calls begin with; VC_INVALID_ARGUMENT if they cannot work.  The batch
 * of a plan; how many images a call brings, `least` or more; all that a
 * train_step brings.
 */
extern vc_status vc_options_check(const vc_plan_options *options, vc_error *error);
extern vc_status vc_batch_check(const vc_plan_options *options, int count, int least,
								vc_error *error);
extern vc_status vc_train_check(const vc_plan_options *options, const vc_network *network,
								const vc_targets *targets, int count, const vc_step *step,
								vc_error *error);

/* True where a step with so many frozen groups changes a parameter. */
extern bool vc_parameter_trains(const vc_parameter *parameter, int frozen_groups);

/*
 * Checks the targets of a batch.  Errors: VC_INVALID_ARGUMENT for labels
 * outside the classes, members other than 0 and 1, weights not above 0, both
 * kinds of targets or none.
 */
extern vc_status vc_targets_check(const vc_targets *targets, int count, int classes,
								  vc_error *error);

extern const vc_device_api *vc_cpu_device(void);

#endif							/* VISCLF_DEVICE_H */

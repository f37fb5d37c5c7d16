/*
 * oracle_plan.h
 *		What the oracle's files share.
 *
 * Activations and their gradients are [image][channel][row][column].
 */
#ifndef VISCLF_ORACLE_PLAN_H
#define VISCLF_ORACLE_PLAN_H

#include "engine/plan/parameters.h"
#include "test/unit/oracle.h"

typedef struct oracle_parameter
{
	double	   *value;
	double	   *gradient;		/* these three: training plans only */
	double	   *m;
	double	   *v;
} oracle_parameter;

struct vc_plan
{
	const vc_network *network;
	vc_plan_options options;
	int64_t		memory;			/* bytes */
	vc_parameters book;
	oracle_parameter *parameters;
	double	  **output;			/* of each node, for max_batch images */
	double	  **gradient;		/* of the loss by output; training only */
	double	   *patches;		/* one image's, for the largest convolution */
	double	   *patch_gradients;	/* training only */

	/* The pass that is running, or ran last. */
	int			count;			/* images */
	bool		training;
	vc_step		step;			/* where training */
};

/* Numbers in one image's output of a node. */
static inline int64_t
oracle_size(const vc_node *node)
{
	return (int64_t) node->channels * node->height * node->width;
}

/* One image's output, or its gradient. */
static inline double *
oracle_image(const vc_plan *plan, double *const *tensors, int node, int image)
{
	return tensors[node] + image * oracle_size(&plan->network->nodes[node]);
}

/*
 * oracle_convolution.c, oracle_pooling.c, oracle_pointwise.c: forward fills
 * a node's output; backward adds to the gradients of its inputs and
 * parameters.
 */
extern void oracle_input(vc_plan *plan, const uint8_t *images);
extern void oracle_forward(vc_plan *plan, int node);
extern void oracle_backward(vc_plan *plan, int node);

typedef void (*oracle_function) (vc_plan *plan, int node);

extern void oracle_convolution_forward(vc_plan *plan, int node);
extern void oracle_convolution_backward(vc_plan *plan, int node);
extern void oracle_linear_forward(vc_plan *plan, int node);
extern void oracle_linear_backward(vc_plan *plan, int node);
extern void oracle_max_pool_forward(vc_plan *plan, int node);
extern void oracle_max_pool_backward(vc_plan *plan, int node);
extern void oracle_average_pool_forward(vc_plan *plan, int node);
extern void oracle_average_pool_backward(vc_plan *plan, int node);
extern void oracle_concat_pool_forward(vc_plan *plan, int node);
extern void oracle_concat_pool_backward(vc_plan *plan, int node);
extern void oracle_batch_norm_forward(vc_plan *plan, int node);
extern void oracle_batch_norm_backward(vc_plan *plan, int node);
extern void oracle_relu_forward(vc_plan *plan, int node);
extern void oracle_relu_backward(vc_plan *plan, int node);
extern void oracle_add_forward(vc_plan *plan, int node);
extern void oracle_add_backward(vc_plan *plan, int node);
extern void oracle_dropout_forward(vc_plan *plan, int node);
extern void oracle_dropout_backward(vc_plan *plan, int node);

/* Mean and biased variance of one channel of a node's input over the batch. */
extern void oracle_batch_statistics(const vc_plan *plan, int node, int channel,
									double *mean, double *variance);

/* oracle_step.c: what the device's forward and train_step point to. */
extern vc_status oracle_run_forward(vc_plan *plan, const uint8_t *images, int count,
									float *logits, float *features, vc_error *error);
extern vc_status oracle_run_step(vc_plan *plan, const uint8_t *images,
								 const vc_targets *targets, int count,
								 const vc_step *step, float *loss,
								 float *logits, vc_error *error);

#endif							/* VISCLF_ORACLE_PLAN_H */

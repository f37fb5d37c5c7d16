/*
 * flow.h
 *		A plan as a list of steps on values, and the buffers that these need.
 *
 * Each step computes one value (the activations of a node, or of the last
 * node of a fused group) from one or two others, and in training runs backward
 * too.  A device adds the steps and values in the order of execution, says
 * with an operation how it computes each, and has the lives of the buffers
 * worked out here.
 *
 * Values and their gradients live in buffers, whose life is counted in ticks:
 * forward step i is tick i, the loss is tick S, backward step i is tick
 * 2 S - i.  Buffers that do not live at one time share memory.
 */
#ifndef VISCLF_FLOW_H
#define VISCLF_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/device.h"
#include "engine/plan/arena.h"

typedef struct vc_value
{
	int			format;			/* how the device stores its elements */
	int			channels;		/* of one image */
	int			padded;			/* channels in memory */
	int			height;
	int			width;
	int64_t		image_elements; /* with padding */
	float		scale;			/* of 8-bit formats: what 1 stands for */
	int			buffer;
	int			gradient[2];	/* buffers whose sum is the gradient; or -1 */
	bool		trains;			/* some trained parameter is below it */
} vc_value;

/* Where a step writes the gradient of one of its inputs. */
typedef struct vc_contribution
{
	int			buffer;			/* -1: nobody wants it */
	bool		add;			/* afterwards add it to the value's gradient[0] */
} vc_contribution;

typedef struct vc_plan_step vc_plan_step;
typedef struct vc_run vc_run;	/* what a call asks; each device defines its own */

typedef vc_status (*vc_step_function) (vc_plan *plan, vc_plan_step *step, vc_error *error);
typedef vc_status (*vc_run_function) (vc_plan *plan, vc_plan_step *step, const vc_run *run,
									  vc_error *error);

/* How a device computes one kind of step.  Functions may be NULL unless said otherwise. */
typedef struct vc_operation
{
	bool		keeps_input;	/* backward reads the input's activations */
	bool		keeps_output;	/* backward reads the output's */
	bool		in_place;		/* the input's gradient may replace the output's */
	bool		other_in_place; /* the second operand's may, where there is one */

	vc_step_function create;	/* makes step->state, before memory is laid out */
	vc_run_function ready;		/* before a run: what its batch size needs */
	vc_step_function fold;		/* before a run of inference: prepares parameters */
	vc_run_function forward;	/* not NULL */
	vc_run_function backward;	/* NULL: the input has no gradient */
	void		(*free) (void *state);
} vc_operation;

struct vc_plan_step
{
	const vc_operation *operation;
	const vc_node *node;
	int			index;			/* the node's, which owns the parameters; or -1 */
	int			end;			/* the node whose output it computes */
	int			input;			/* values; -1 where there is none */
	int			other;			/* second operand of an addition */
	int			output;
	const vc_node *norm;		/* inference: batch norm folded into a convolution */
	const vc_node *pool;		/* max pool taken into a batch norm's step */
	bool		relu;
	int			extra[2];		/* buffers of its own, forward to backward; or -1 */
	vc_contribution to_input;
	vc_contribution to_other;
	void	   *state;			/* the operation's */
};

typedef struct vc_flow
{
	int			step_count;
	vc_plan_step *steps;
	int			value_count;
	vc_value   *values;
	int			features;		/* values to hand out */
	int			logits;
	int			buffer_count;
	vc_buffer  *buffers;
	size_t		alignment;		/* of buffers */
} vc_flow;

/* Makes room for the steps of a network, and as many that convert values. */
extern vc_status vc_flow_create(vc_flow *flow, const vc_network *network, size_t alignment,
								vc_error *error);

/* Frees all, the steps' states too. */
extern void vc_flow_free(vc_flow *flow);

/* A new buffer that no tick uses yet. */
extern int	vc_flow_add_buffer(vc_flow *flow, size_t bytes);

/* A new value of a node's shape, without padding; the device fills in the rest. */
extern vc_value *vc_flow_add_value(vc_flow *flow, const vc_node *node);

/* A new step that computes a node, without the parts of a group. */
extern vc_plan_step *vc_flow_add_step(vc_flow *flow, const vc_operation *operation,
									  const vc_node *node);

/*
 * Works out the lives of all buffers and, for training, makes those of
 * gradients.  What is handed out lives until the tick `end`.
 */
extern void vc_flow_lives(vc_flow *flow, const vc_network *network, bool training, int end);

/* Marks the values below which something trains: those that need gradients. */
extern void vc_flow_mark_trained(vc_flow *flow, const vc_network *network, int frozen_groups);

/* True where a step with so many frozen groups changes a parameter; -1 is none. */
extern bool vc_flow_trains(const vc_network *network, int parameter, int frozen_groups);

/* True where a step is to write the gradient of a value, which may be -1. */
extern bool vc_flow_wants(const vc_flow *flow, int value, vc_contribution contribution);

/*
 * Each calls a function of all steps that have it, until one fails.  Between
 * steps they ask poll, which may be NULL.
 */
extern vc_status vc_flow_create_states(vc_flow *flow, vc_plan *plan, vc_error *error);
extern vc_status vc_flow_ready(vc_flow *flow, vc_plan *plan, const vc_run *run, vc_error *error);
extern vc_status vc_flow_fold(vc_flow *flow, vc_plan *plan, vc_error *error);

typedef vc_status (*vc_poll_function) (vc_plan *plan, vc_error *error);

extern vc_status vc_flow_forward(vc_flow *flow, vc_plan *plan, const vc_run *run,
								 vc_poll_function poll, vc_error *error);
extern vc_status vc_flow_backward(vc_flow *flow, vc_plan *plan, const vc_run *run,
								  vc_poll_function poll, vc_error *error);

#endif							/* VISCLF_FLOW_H */

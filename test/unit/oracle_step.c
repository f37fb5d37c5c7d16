/*
 * oracle_step.c
 *		The oracle's passes over a whole network, and Adam.
 */
#include <math.h>
#include <string.h>

#include "test/unit/oracle_plan.h"

static const struct
{
	oracle_function forward;
	oracle_function backward;
}			functions[] =
{
	[VC_CONVOLUTION] = {oracle_convolution_forward, oracle_convolution_backward},
	[VC_BATCH_NORM] = {oracle_batch_norm_forward, oracle_batch_norm_backward},
	[VC_RELU] = {oracle_relu_forward, oracle_relu_backward},
	[VC_ADD] = {oracle_add_forward, oracle_add_backward},
	[VC_MAX_POOL] = {oracle_max_pool_forward, oracle_max_pool_backward},
	[VC_AVERAGE_POOL] = {oracle_average_pool_forward, oracle_average_pool_backward},
	[VC_CONCAT_POOL] = {oracle_concat_pool_forward, oracle_concat_pool_backward},
	[VC_DROPOUT] = {oracle_dropout_forward, oracle_dropout_backward},
	[VC_LINEAR] = {oracle_linear_forward, oracle_linear_backward},
};

static bool
interrupted(const vc_plan *plan)
{
	return plan->options.interrupted != NULL &&
		plan->options.interrupted(plan->options.interrupt_argument);
}

static vc_status
forward_pass(vc_plan *plan, const uint8_t *images, vc_error *error)
{
	oracle_input(plan, images);
	for (int i = 1; i < plan->network->node_count; i++)
	{
		if (interrupted(plan))
			return vc_fail(error, VC_CANCELED, "canceled before node %d", i);
		functions[plan->network->nodes[i].op].forward(plan, i);
	}
	return VC_OK;
}

static void
copy_output(const vc_plan *plan, int node, float *out)
{
	for (int64_t i = 0; i < plan->count * oracle_size(&plan->network->nodes[node]); i++)
		out[i] = (float) plan->output[node][i];
}

vc_status
oracle_run_forward(vc_plan *plan, const uint8_t *images, int count,
				   float *logits, float *features, vc_error *error)
{
	vc_status	status = vc_batch_check(&plan->options, count, 1, error);

	if (status != VC_OK)
		return status;
	plan->count = count;
	plan->training = false;
	status = forward_pass(plan, images, error);
	if (status != VC_OK)
		return status;
	copy_output(plan, plan->network->node_count - 1, logits);
	if (features != NULL)
		copy_output(plan, plan->network->feature_node, features);
	return VC_OK;
}

/* One image's cross entropy; gradient, where set, gets share times its own. */
static double
cross_entropy(const double *x, int classes, int label, double share, double *gradient)
{
	double		largest = x[0];
	double		sum = 0;

	for (int k = 1; k < classes; k++)
		largest = fmax(largest, x[k]);
	for (int k = 0; k < classes; k++)
		sum += exp(x[k] - largest);
	for (int k = 0; gradient != NULL && k < classes; k++)
		gradient[k] = share * (exp(x[k] - largest) / sum - (k == label));
	return log(sum) + largest - x[label];
}

/* -log of the sigmoid of x. */
static double
minus_log_sigmoid(double x)
{
	return x > 0 ? log1p(exp(-x)) : log1p(exp(x)) - x;
}

/* The same for one image that carries any number of classes; members[classes]. */
static double
binary_cross_entropy(const double *x, int classes, const uint8_t *members,
					 const float *weights, double share, double *gradient)
{
	double		loss = 0;

	for (int k = 0; k < classes; k++)
	{
		double		weight = members[k] && weights != NULL ? weights[k] : 1;

		loss += weight * minus_log_sigmoid(members[k] ? x[k] : -x[k]);
		if (gradient != NULL)
			gradient[k] = share * weight * (exp(-minus_log_sigmoid(x[k])) - members[k]);
	}
	return loss;
}

/* The batch's loss, and its gradient by the logits where gradient is set. */
static double
batch_loss(const vc_plan *plan, const vc_targets *targets, double *gradient)
{
	int			last = plan->network->node_count - 1;
	int			classes = plan->network->classes;
	const float *weights = targets->class_weights;
	double		total = 0;
	double		loss = 0;

	for (int n = 0; n < plan->count; n++)
		total += targets->labels == NULL ? classes :
			weights == NULL ? 1 : weights[targets->labels[n]];
	for (int n = 0; n < plan->count; n++)
	{
		const double *x = oracle_image(plan, plan->output, last, n);
		double	   *g = gradient == NULL ? NULL : gradient + n * classes;
		double		weight;

		if (targets->labels == NULL)
		{
			loss += binary_cross_entropy(x, classes, targets->members + n * classes, weights,
										 1 / total, g) / total;
			continue;
		}
		weight = weights == NULL ? 1 : weights[targets->labels[n]];
		loss += weight / total * cross_entropy(x, classes, targets->labels[n], weight / total, g);
	}
	return loss;
}

static vc_status
backward_pass(vc_plan *plan, const vc_targets *targets, vc_error *error)
{
	const vc_network *network = plan->network;

	for (int i = 0; i < network->parameter_count; i++)
		memset(plan->parameters[i].gradient, 0, sizeof(double) * network->parameters[i].count);
	for (int i = 0; i < network->node_count; i++)
		memset(plan->gradient[i], 0,
			   sizeof(double) * plan->count * oracle_size(&network->nodes[i]));

	batch_loss(plan, targets, plan->gradient[network->node_count - 1]);
	for (int i = network->node_count - 1; i > 0; i--)
	{
		if (interrupted(plan))
			return vc_fail(error, VC_CANCELED, "canceled before the gradient of node %d", i);
		functions[network->nodes[i].op].backward(plan, i);
	}
	return VC_OK;
}

/* Moves the running statistics; the variance kept is the unbiased one. */
static void
update_statistics(vc_plan *plan)
{
	for (int i = 0; i < plan->network->node_count; i++)
	{
		const vc_node *node = &plan->network->nodes[i];
		double		n = (double) plan->count * node->height * node->width;

		for (int c = 0; node->op == VC_BATCH_NORM && c < node->channels; c++)
		{
			double	   *kept_mean = &plan->parameters[node->mean].value[c];
			double	   *kept_variance = &plan->parameters[node->variance].value[c];
			double		mean, variance;

			oracle_batch_statistics(plan, i, c, &mean, &variance);
			*kept_mean = (float) (*kept_mean + VC_NORM_MOMENTUM * (mean - *kept_mean));
			*kept_variance = (float) (*kept_variance + VC_NORM_MOMENTUM *
									  (variance * n / (n - 1) - *kept_variance));
		}
	}
}

static bool
trained_in(const vc_parameter *p, const vc_step *step)
{
	return vc_parameter_trainable(p) &&
		(p->group >= step->frozen_groups ||
		 p->role == VC_NORM_WEIGHT || p->role == VC_NORM_BIAS);
}

/* Adam's formulas as device.h states them. */
static void
update_parameter(const vc_parameter *p, oracle_parameter *q, const vc_step *s)
{
	double		rate = s->rate[p->group];
	double		decay = p->role == VC_WEIGHT ? rate * s->weight_decay : 0;
	double		m_share = 1 - pow(s->momentum, (double) s->step);
	double		v_share = 1 - pow(s->square_momentum, (double) s->step);

	for (int64_t i = 0; i < p->count; i++)
	{
		double		g = q->gradient[i];
		double		value = q->value[i] * (1 - decay);
		double		m = s->momentum * q->m[i] + (1 - (double) s->momentum) * g;
		double		v = s->square_momentum * q->v[i] + (1 - (double) s->square_momentum) * g * g;

		value -= rate / m_share * m / (sqrt(v / v_share) + s->epsilon);
		q->value[i] = (float) value;
		q->m[i] = (float) m;
		q->v[i] = (float) v;
	}
}

/* Checks a training batch and runs it forward. */
static vc_status
begin_step(vc_plan *plan, const uint8_t *images, const vc_targets *targets, int count,
		   const vc_step *step, vc_error *error)
{
	vc_status	status = vc_train_check(&plan->options, plan->network, targets, count, step, error);

	if (status != VC_OK)
		return status;
	plan->count = count;
	plan->training = true;
	plan->step = *step;
	return forward_pass(plan, images, error);
}

vc_status
oracle_run_step(vc_plan *plan, const uint8_t *images, const vc_targets *targets, int count,
				const vc_step *step, float *loss, float *logits, vc_error *error)
{
	const vc_network *network = plan->network;
	vc_status	status = begin_step(plan, images, targets, count, step, error);

	if (status == VC_OK)
		status = backward_pass(plan, targets, error);
	if (status != VC_OK)
		return status;
	for (int i = 0; i < network->parameter_count; i++)
		if (trained_in(&network->parameters[i], step))
			update_parameter(&network->parameters[i], &plan->parameters[i], step);
	plan->book.frozen_groups = step->frozen_groups;
	update_statistics(plan);
	*loss = (float) batch_loss(plan, targets, NULL);
	if (logits != NULL)
		copy_output(plan, network->node_count - 1, logits);
	return VC_OK;
}

vc_status
vc_oracle_loss(vc_plan *plan, const uint8_t *images, const vc_targets *targets, int count,
			   const vc_step *step, double *loss, vc_error *error)
{
	vc_status	status = begin_step(plan, images, targets, count, step, error);

	if (status == VC_OK)
		*loss = batch_loss(plan, targets, NULL);
	return status;
}

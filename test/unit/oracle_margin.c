/*
 * oracle_margin.c
 *		How near the last training pass came to a jump of its gradient.
 *
 * Numbers that are exactly equal are no danger: they come from equal inputs
 * (a dead channel, zeros behind a relu), which every device sees as equal.
 */
#include <math.h>

#include "test/unit/oracle_plan.h"

/* The root mean square of a node's output over the batch. */
static double
scale_of(const vc_plan *plan, int node)
{
	int64_t		n = plan->count * oracle_size(&plan->network->nodes[node]);
	double		sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += plan->output[node][i] * plan->output[node][i];
	return sqrt(sum / n) + 1e-300;
}

static double
relu_margin(const vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const double *x = plan->output[out->input[0]];
	double		least = INFINITY;

	for (int64_t i = 0; i < plan->count * oracle_size(out); i++)
		if (x[i] != 0)
			least = fmin(least, fabs(x[i]));
	return least / scale_of(plan, out->input[0]);
}

/* The largest number's lead within rows y0..y1-1 and columns x0..x1-1. */
static double
lead(const double *x, int width, int y0, int y1, int x0, int x1)
{
	double		best = -INFINITY;
	double		second = -INFINITY;

	for (int row = y0; row < y1; row++)
		for (int col = x0; col < x1; col++)
		{
			double		value = x[row * width + col];

			if (value > best)
			{
				second = best;
				best = value;
			}
			else if (value > second && value < best)
				second = value;
		}
	return best - second;
}

static int
clamp(int i, int end)
{
	return i < 0 ? 0 : i > end ? end : i;
}

static double
max_pool_margin(const vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const vc_node *in = &plan->network->nodes[out->input[0]];
	double		least = INFINITY;

	for (int64_t p = 0; p < (int64_t) plan->count * in->channels; p++)
		for (int i = 0; i < out->height * out->width; i++)
		{
			int			row = i / out->width * out->stride - out->padding;
			int			col = i % out->width * out->stride - out->padding;

			least = fmin(least, lead(plan->output[out->input[0]] + p * in->height * in->width,
									 in->width, clamp(row, in->height),
									 clamp(row + out->kernel, in->height),
									 clamp(col, in->width),
									 clamp(col + out->kernel, in->width)));
		}
	return least / scale_of(plan, out->input[0]);
}

static double
concat_pool_margin(const vc_plan *plan, int node)
{
	const vc_node *in = &plan->network->nodes[plan->network->nodes[node].input[0]];
	int			input = plan->network->nodes[node].input[0];
	double		least = INFINITY;

	for (int64_t p = 0; p < (int64_t) plan->count * in->channels; p++)
		least = fmin(least, lead(plan->output[input] + p * in->height * in->width,
								 in->width, 0, in->height, 0, in->width));
	return least / scale_of(plan, input);
}

double
vc_oracle_margin(const vc_plan *plan)
{
	double		least = INFINITY;

	for (int i = 0; i < plan->network->node_count; i++)
	{
		if (plan->network->nodes[i].op == VC_RELU)
			least = fmin(least, relu_margin(plan, i));
		else if (plan->network->nodes[i].op == VC_MAX_POOL)
			least = fmin(least, max_pool_margin(plan, i));
		else if (plan->network->nodes[i].op == VC_CONCAT_POOL)
			least = fmin(least, concat_pool_margin(plan, i));
	}
	return least;
}

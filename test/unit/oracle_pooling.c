/*
 * oracle_pooling.c
 *		The oracle's max, average and concat pools.
 */
#include "test/unit/oracle_plan.h"

/*
 * The place in a plane of the largest input that an output of a max pool
 * sees: the first in scan order where several are.
 */
static int
window_maximum(const vc_node *in, const vc_node *out, int row, int col, const double *x)
{
	int			best = -1;

	for (int ky = 0; ky < out->kernel; ky++)
		for (int kx = 0; kx < out->kernel; kx++)
		{
			int			y = row * out->stride + ky - out->padding;
			int			i = col * out->stride + kx - out->padding;

			if (y < 0 || y >= in->height || i < 0 || i >= in->width)
				continue;
			i += y * in->width;
			if (best < 0 || x[i] > x[best])
				best = i;
		}
	return best;
}

/* Walks all outputs of a max pool: forward where gx is NULL, else backward. */
static void
max_pool_plane(const vc_node *in, const vc_node *out, const double *x,
			   double *gx, double *y, const double *gy)
{
	for (int row = 0; row < out->height; row++)
		for (int col = 0; col < out->width; col++)
		{
			int			o = row * out->width + col;
			int			i = window_maximum(in, out, row, col, x);

			if (gx == NULL)
				y[o] = x[i];
			else
				gx[i] += gy[o];
		}
}

void
oracle_max_pool_forward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const vc_node *in = &plan->network->nodes[out->input[0]];

	for (int64_t p = 0; p < (int64_t) plan->count * out->channels; p++)
		max_pool_plane(in, out,
					   plan->output[out->input[0]] + p * in->height * in->width, NULL,
					   plan->output[node] + p * out->height * out->width, NULL);
}

void
oracle_max_pool_backward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const vc_node *in = &plan->network->nodes[out->input[0]];
	int64_t		plane = (int64_t) in->height * in->width;

	for (int64_t p = 0; p < (int64_t) plan->count * out->channels; p++)
		max_pool_plane(in, out,
					   plan->output[out->input[0]] + p * plane,
					   plan->gradient[out->input[0]] + p * plane,
					   NULL, plan->gradient[node] + p * out->height * out->width);
}

/* Where the largest number of a plane is, the first of several. */
static int64_t
plane_maximum(const double *x, int64_t plane)
{
	int64_t		best = 0;

	for (int64_t i = 1; i < plane; i++)
		if (x[i] > x[best])
			best = i;
	return best;
}

static double
plane_mean(const double *x, int64_t plane)
{
	double		sum = 0;

	for (int64_t i = 0; i < plane; i++)
		sum += x[i];
	return sum / plane;
}

void
oracle_average_pool_forward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const vc_node *in = &plan->network->nodes[out->input[0]];
	int64_t		plane = (int64_t) in->height * in->width;

	for (int64_t p = 0; p < (int64_t) plan->count * out->channels; p++)
		plan->output[node][p] = plane_mean(plan->output[out->input[0]] + p * plane, plane);
}

void
oracle_average_pool_backward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const vc_node *in = &plan->network->nodes[out->input[0]];
	int64_t		plane = (int64_t) in->height * in->width;

	for (int64_t p = 0; p < (int64_t) plan->count * out->channels; p++)
		for (int64_t i = 0; i < plane; i++)
			plan->gradient[out->input[0]][p * plane + i] += plan->gradient[node][p] / plane;
}

/* Outputs 0..C-1 are the channels' maxima, C..2C-1 their means. */
void
oracle_concat_pool_forward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const vc_node *in = &plan->network->nodes[out->input[0]];
	int64_t		plane = (int64_t) in->height * in->width;

	for (int n = 0; n < plan->count; n++)
	{
		const double *x = oracle_image(plan, plan->output, out->input[0], n);
		double	   *y = oracle_image(plan, plan->output, node, n);

		for (int c = 0; c < in->channels; c++, x += plane)
		{
			y[c] = x[plane_maximum(x, plane)];
			y[in->channels + c] = plane_mean(x, plane);
		}
	}
}

void
oracle_concat_pool_backward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const vc_node *in = &plan->network->nodes[out->input[0]];
	int64_t		plane = (int64_t) in->height * in->width;

	for (int n = 0; n < plan->count; n++)
	{
		const double *x = oracle_image(plan, plan->output, out->input[0], n);
		double	   *gx = oracle_image(plan, plan->gradient, out->input[0], n);
		const double *gy = oracle_image(plan, plan->gradient, node, n);

		for (int c = 0; c < in->channels; c++, x += plane, gx += plane)
		{
			gx[plane_maximum(x, plane)] += gy[c];
			for (int64_t i = 0; i < plane; i++)
				gx[i] += gy[in->channels + c] / plane;
		}
	}
}

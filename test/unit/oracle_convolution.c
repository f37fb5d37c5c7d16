/*
 * oracle_convolution.c
 *		The oracle's convolution and linear nodes.
 */
#include <string.h>

#include "test/unit/oracle_plan.h"


/*
 * Copies what each output pixel sees into patches[pixel][channel][ky][kx],
 * zero where that is padding.
 */
static void
gather(const vc_node *in, const vc_node *out, const double *x, double *patches)
{
	for (int row = 0; row < out->height; row++)
		for (int col = 0; col < out->width; col++)
			for (int c = 0; c < in->channels; c++)
				for (int ky = 0; ky < out->kernel; ky++)
					for (int kx = 0; kx < out->kernel; kx++)
					{
						int			y = row * out->stride + ky - out->padding;
						int			i = col * out->stride + kx - out->padding;
						bool		inside = y >= 0 && y < in->height && i >= 0 && i < in->width;

						*patches++ = inside ? x[(c * in->height + y) * in->width + i] : 0;
					}
}

/* Adds the gradients of patches to those of the pixels they are copies of. */
static void
scatter(const vc_node *in, const vc_node *out, const double *patches, double *gx)
{
	for (int row = 0; row < out->height; row++)
		for (int col = 0; col < out->width; col++)
			for (int c = 0; c < in->channels; c++)
				for (int ky = 0; ky < out->kernel; ky++)
					for (int kx = 0; kx < out->kernel; kx++, patches++)
					{
						int			y = row * out->stride + ky - out->padding;
						int			i = col * out->stride + kx - out->padding;

						if (y >= 0 && y < in->height && i >= 0 && i < in->width)
							gx[(c * in->height + y) * in->width + i] += *patches;
					}
}

/* Four sums at once, only because that is faster. */
static double
dot(const double *a, const double *b, int64_t count)
{
	double		sum[4] = {0};
	int64_t		i = 0;

	for (; i + 4 <= count; i += 4)
		for (int k = 0; k < 4; k++)
			sum[k] += a[i + k] * b[i + k];
	for (; i < count; i++)
		sum[0] += a[i] * b[i];
	return sum[0] + sum[1] + sum[2] + sum[3];
}

/* y += factor * x */
static void
add_scaled(double *restrict y, double factor, const double *restrict x, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		y[i] += factor * x[i];
}

/* y[o][pixel] = weight[o] . patch[pixel] */
void
oracle_convolution_forward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const vc_node *in = &plan->network->nodes[out->input[0]];
	const double *weight = plan->parameters[out->weight].value;
	int64_t		seen = (int64_t) in->channels * out->kernel * out->kernel;
	int			plane = out->height * out->width;

	for (int n = 0; n < plan->count; n++)
	{
		double	   *y = oracle_image(plan, plan->output, node, n);

		gather(in, out, oracle_image(plan, plan->output, out->input[0], n), plan->patches);
		for (int o = 0; o < out->channels; o++)
			for (int i = 0; i < plane; i++)
				y[o * plane + i] = dot(weight + o * seen, plan->patches + i * seen, seen);
	}
}

/*
 * The gradient of weight[o] sums gy[o][pixel] patch[pixel], that of
 * patch[pixel] sums gy[o][pixel] weight[o].
 */
void
oracle_convolution_backward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const vc_node *in = &plan->network->nodes[out->input[0]];
	const double *weight = plan->parameters[out->weight].value;
	double	   *gw = plan->parameters[out->weight].gradient;
	int64_t		seen = (int64_t) in->channels * out->kernel * out->kernel;
	int			plane = out->height * out->width;

	for (int n = 0; n < plan->count; n++)
	{
		const double *gy = oracle_image(plan, plan->gradient, node, n);

		gather(in, out, oracle_image(plan, plan->output, out->input[0], n), plan->patches);
		memset(plan->patch_gradients, 0, sizeof(double) * plane * seen);
		for (int o = 0; o < out->channels; o++)
			for (int i = 0; i < plane; i++)
			{
				add_scaled(gw + o * seen, gy[o * plane + i], plan->patches + i * seen, seen);
				add_scaled(plan->patch_gradients + i * seen, gy[o * plane + i],
						   weight + o * seen, seen);
			}
		scatter(in, out, plan->patch_gradients,
				oracle_image(plan, plan->gradient, out->input[0], n));
	}
}

void
oracle_linear_forward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	int64_t		inputs = oracle_size(&plan->network->nodes[out->input[0]]);
	const double *weight = plan->parameters[out->weight].value;

	for (int n = 0; n < plan->count; n++)
	{
		const double *x = oracle_image(plan, plan->output, out->input[0], n);
		double	   *y = oracle_image(plan, plan->output, node, n);

		for (int o = 0; o < out->channels; o++)
		{
			y[o] = out->bias < 0 ? 0 : plan->parameters[out->bias].value[o];
			for (int64_t i = 0; i < inputs; i++)
				y[o] += weight[o * inputs + i] * x[i];
		}
	}
}

void
oracle_linear_backward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	int64_t		inputs = oracle_size(&plan->network->nodes[out->input[0]]);
	const double *weight = plan->parameters[out->weight].value;
	double	   *gw = plan->parameters[out->weight].gradient;

	for (int n = 0; n < plan->count; n++)
	{
		const double *x = oracle_image(plan, plan->output, out->input[0], n);
		double	   *gx = oracle_image(plan, plan->gradient, out->input[0], n);
		const double *gy = oracle_image(plan, plan->gradient, node, n);

		for (int o = 0; o < out->channels; o++)
		{
			if (out->bias >= 0)
				plan->parameters[out->bias].gradient[o] += gy[o];
			for (int64_t i = 0; i < inputs; i++)
			{
				gw[o * inputs + i] += gy[o] * x[i];
				gx[i] += gy[o] * weight[o * inputs + i];
			}
		}
	}
}

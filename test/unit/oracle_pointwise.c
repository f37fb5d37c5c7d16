/*
 * oracle_pointwise.c
 *		The oracle's input, batch norm, relu, add and dropout.
 */
#include <math.h>

#include "test/unit/oracle_plan.h"
#include "engine/support/random.h"

/* Turns [count][size][size][3] bytes into normalised planes. */
void
oracle_input(vc_plan *plan, const uint8_t *images)
{
	const vc_network *network = plan->network;
	int64_t		plane = (int64_t) network->image_size * network->image_size;

	for (int n = 0; n < plan->count; n++)
		for (int c = 0; c < 3; c++)
			for (int64_t i = 0; i < plane; i++)
				plan->output[0][(n * 3 + c) * plane + i] =
					(images[(n * plane + i) * 3 + c] / 255.0 - network->mean[c]) / network->std[c];
}

void
oracle_batch_statistics(const vc_plan *plan, int node, int channel,
						double *mean, double *variance)
{
	const vc_node *out = &plan->network->nodes[node];
	int64_t		plane = (int64_t) out->height * out->width;
	double		n = (double) plan->count * plane;

	*mean = *variance = 0;
	for (int image = 0; image < plan->count; image++)
	{
		const double *x = oracle_image(plan, plan->output, out->input[0], image) + channel * plane;

		for (int64_t i = 0; i < plane; i++)
			*mean += x[i] / n;
	}
	for (int image = 0; image < plan->count; image++)
	{
		const double *x = oracle_image(plan, plan->output, out->input[0], image) + channel * plane;

		for (int64_t i = 0; i < plane; i++)
			*variance += (x[i] - *mean) * (x[i] - *mean) / n;
	}
}

void
oracle_batch_norm_forward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	int64_t		plane = (int64_t) out->height * out->width;

	for (int c = 0; c < out->channels; c++)
	{
		double		weight = plan->parameters[out->weight].value[c];
		double		bias = plan->parameters[out->bias].value[c];
		double		mean = plan->parameters[out->mean].value[c];
		double		variance = plan->parameters[out->variance].value[c];

		if (plan->training)
			oracle_batch_statistics(plan, node, c, &mean, &variance);
		for (int n = 0; n < plan->count; n++)
		{
			const double *x = oracle_image(plan, plan->output, out->input[0], n) + c * plane;
			double	   *y = oracle_image(plan, plan->output, node, n) + c * plane;

			for (int64_t i = 0; i < plane; i++)
				y[i] = (x[i] - mean) / sqrt(variance + VC_NORM_EPSILON) * weight + bias;
		}
	}
}

/*
 * With z the normalised input and G the means over the batch and plane:
 * gx = weight / deviation * (gy - G(gy) - z * G(gy * z)).
 */
static void
batch_norm_backward_channel(vc_plan *plan, int node, int c)
{
	const vc_node *out = &plan->network->nodes[node];
	int64_t		plane = (int64_t) out->height * out->width;
	double		total = (double) plan->count * plane;
	double		weight = plan->parameters[out->weight].value[c];
	double		mean, variance, deviation;
	double		sum = 0;		/* of gy */
	double		product = 0;	/* of gy * z */

	oracle_batch_statistics(plan, node, c, &mean, &variance);
	deviation = sqrt(variance + VC_NORM_EPSILON);
	for (int n = 0; n < plan->count; n++)
	{
		const double *x = oracle_image(plan, plan->output, out->input[0], n) + c * plane;
		const double *gy = oracle_image(plan, plan->gradient, node, n) + c * plane;

		for (int64_t i = 0; i < plane; i++)
		{
			sum += gy[i];
			product += gy[i] * (x[i] - mean) / deviation;
		}
	}
	plan->parameters[out->weight].gradient[c] += product;
	plan->parameters[out->bias].gradient[c] += sum;
	for (int n = 0; n < plan->count; n++)
	{
		const double *x = oracle_image(plan, plan->output, out->input[0], n) + c * plane;
		const double *gy = oracle_image(plan, plan->gradient, node, n) + c * plane;
		double	   *gx = oracle_image(plan, plan->gradient, out->input[0], n) + c * plane;

		for (int64_t i = 0; i < plane; i++)
			gx[i] += weight / deviation *
				(gy[i] - sum / total - (x[i] - mean) / deviation * product / total);
	}
}

void
oracle_batch_norm_backward(vc_plan *plan, int node)
{
	for (int c = 0; c < plan->network->nodes[node].channels; c++)
		batch_norm_backward_channel(plan, node, c);
}

void
oracle_relu_forward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const double *x = plan->output[out->input[0]];

	for (int64_t i = 0; i < plan->count * oracle_size(out); i++)
		plan->output[node][i] = x[i] > 0 ? x[i] : 0;
}

void
oracle_relu_backward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	const double *x = plan->output[out->input[0]];

	for (int64_t i = 0; i < plan->count * oracle_size(out); i++)
		if (x[i] > 0)
			plan->gradient[out->input[0]][i] += plan->gradient[node][i];
}

void
oracle_add_forward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];

	for (int64_t i = 0; i < plan->count * oracle_size(out); i++)
		plan->output[node][i] = plan->output[out->input[0]][i] + plan->output[out->input[1]][i];
}

void
oracle_add_backward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];

	for (int side = 0; side < 2; side++)
		for (int64_t i = 0; i < plan->count * oracle_size(out); i++)
			plan->gradient[out->input[side]][i] += plan->gradient[node][i];
}

/* What dropout multiplies a feature by. */
static double
dropout_factor(const vc_plan *plan, int node, int row, int column)
{
	double		rate = plan->network->nodes[node].rate;

	if (!plan->training)
		return 1;
	if (!vc_dropout_keep(plan->step.seed, plan->step.step, node, row, column, (float) rate))
		return 0;
	return 1 / (1 - rate);
}

void
oracle_dropout_forward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	int			size = (int) oracle_size(out);

	for (int n = 0; n < plan->count; n++)
		for (int i = 0; i < size; i++)
			oracle_image(plan, plan->output, node, n)[i] = dropout_factor(plan, node, n, i) *
				oracle_image(plan, plan->output, out->input[0], n)[i];
}

void
oracle_dropout_backward(vc_plan *plan, int node)
{
	const vc_node *out = &plan->network->nodes[node];
	int			size = (int) oracle_size(out);

	for (int n = 0; n < plan->count; n++)
		for (int i = 0; i < size; i++)
			oracle_image(plan, plan->gradient, out->input[0], n)[i] +=
				dropout_factor(plan, node, n, i) * oracle_image(plan, plan->gradient, node, n)[i];
}

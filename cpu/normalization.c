/*
 * normalization.c
 *		Batch norm, together with the addition, relu and max pool behind
 *		it.
 *
 * Training reads a convolution's output twice going forward (statistics,
 * result) and twice going backward (sums, gradient), and nothing else: the
 * relu's mask is computed again from these.  Sums are computed for each plane
 * and added up in a fixed order, so that results do not depend on the number
 * of threads.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"

/* Per channel, padded to whole blocks with zeros. */
typedef struct vc_cpu_norm
{
	int			padded;			/* channels */
	float	   *mean;
	float	   *scale;			/* weight / sqrt(variance + epsilon) */
	float	   *shift;			/* bias - mean * scale */
	float	   *inverse;		/* 1 / sqrt(variance + epsilon) */
	float	   *coefficients[4];	/* see set_coefficients; [3] is c2 - c1 * mean */
	float	   *memory;
} vc_cpu_norm;

static vc_status
norm_create(vc_plan *plan, vc_plan_step *step, vc_error *error)
{
	int			block = VC_CPU_MAX_BLOCK;
	int			padded = (step->node->channels + block - 1) / block * block;
	vc_cpu_norm *norm = calloc(1, sizeof(*norm));

	if (norm == NULL)
		return vc_no_memory(error, sizeof(*norm));
	step->state = norm;
	norm->padded = padded;
	norm->memory = vc_cpu_allocate(plan, sizeof(float) * 8 * (size_t) padded, error);
	if (norm->memory == NULL)
		return VC_OUT_OF_MEMORY;
	memset(norm->memory, 0, sizeof(float) * 8 * (size_t) padded);
	norm->mean = norm->memory;
	norm->scale = norm->memory + padded;
	norm->shift = norm->memory + 2 * padded;
	norm->inverse = norm->memory + 3 * padded;
	for (int i = 0; i < 4; i++)
		norm->coefficients[i] = norm->memory + (4 + i) * padded;
	if (!plan->training)
		return VC_OK;
	return vc_cpu_reserve(plan, &plan->partials, &plan->partials_bytes,
						  sizeof(double) * 2 * (size_t) padded * (size_t) plan->options.max_batch,
						  error);
}

static void
norm_free(void *state)
{
	vc_cpu_norm *norm = state;

	if (norm == NULL)
		return;
	free(norm->memory);
	free(norm);
}

/* Computes a channel's scale and shift from its mean and variance. */
static void
set_channel(const vc_plan *plan, const vc_plan_step *step, int channel, double mean, double variance)
{
	vc_cpu_norm *norm = step->state;
	double		inverse = 1.0 / sqrt(variance + VC_NORM_EPSILON);
	double		scale = plan->parameters[step->node->weight].data[channel] * inverse;

	norm->mean[channel] = (float) mean;
	norm->inverse[channel] = (float) inverse;
	norm->scale[channel] = (float) scale;
	norm->shift[channel] = (float) (plan->parameters[step->node->bias].data[channel] - mean * scale);
}

static void
use_running_statistics(const vc_plan *plan, const vc_plan_step *step)
{
	for (int c = 0; c < step->node->channels; c++)
		set_channel(plan, step, c, plan->parameters[step->node->mean].data[c],
					plan->parameters[step->node->variance].data[c]);
}

/* Takes a batch's statistics of one channel, and adds them to the running ones. */
static void
use_batch_statistics(const vc_plan *plan, const vc_plan_step *step, int channel,
					 double mean, double squares, double count)
{
	float	   *running_mean = &plan->parameters[step->node->mean].data[channel];
	float	   *running_variance = &plan->parameters[step->node->variance].data[channel];

	set_channel(plan, step, channel, mean, squares / count);
	*running_mean += VC_NORM_MOMENTUM * ((float) mean - *running_mean);
	*running_variance += VC_NORM_MOMENTUM * ((float) (squares / (count - 1)) - *running_variance);
}

/* Computes the statistics of each plane, then of each channel. */
static void
blocked_statistics(const vc_plan *plan, const vc_plan_step *step, int count)
{
	const vc_value *in = &plan->flow.values[step->input];
	int			block = plan->device->block;
	int64_t		pixels = (int64_t) in->height * in->width;
	int64_t		plane = pixels * block;
	int64_t		blocks = in->image_elements / plane;
	int64_t		stride = blocks * block;
	const float *x = vc_cpu_value_data(plan, step->input);
	double	   *means = plan->partials;
	double	   *squares = means + stride * count;

#pragma omp parallel for
	for (int64_t i = 0; i < blocks * count; i++)
		plan->device->kernels->moments(x + i * plane, pixels, means + i * block, squares + i * block);
	for (int c = 0; c < in->channels; c++)
	{
		double		mean = 0;
		double		total = 0;

		for (int i = 0; i < count; i++)
			mean += means[i * stride + c] / count;
		for (int i = 0; i < count; i++)
		{
			double		d = means[i * stride + c] - mean;

			total += squares[i * stride + c] + d * d * (double) pixels;
		}
		use_batch_statistics(plan, step, c, mean, total, (double) pixels * count);
	}
}

static void
blocked_apply(const vc_plan *plan, const vc_plan_step *step, const vc_run *run)
{
	const vc_cpu_kernels *kernels = plan->device->kernels;
	const vc_cpu_norm *norm = step->state;
	const vc_value *in = &plan->flow.values[step->input];
	int			block = plan->device->block;
	int64_t		pixels = (int64_t) in->height * in->width;
	int64_t		plane = pixels * block;
	int64_t		blocks = in->image_elements / plane;
	int64_t		out_plane = plan->flow.values[step->output].image_elements / blocks;
	const float *x = vc_cpu_value_data(plan, step->input);
	const float *other = vc_cpu_value_data(plan, step->other);
	float	   *y = vc_cpu_value_data(plan, step->output);
	uint8_t    *places = vc_cpu_buffer_data(plan, step->extra[0]);
	float	   *picked = vc_cpu_buffer_data(plan, step->extra[1]);

#pragma omp parallel for
	for (int64_t i = 0; i < blocks * run->count; i++)
	{
		const float *scale = norm->scale + i % blocks * block;
		const float *shift = norm->shift + i % blocks * block;

		if (step->pool == NULL)
			kernels->apply(x + i * plane, other == NULL ? NULL : other + i * plane,
						   y + i * plane, pixels, scale, shift, step->relu);
		else
			kernels->apply_pool(x + i * plane, y + i * out_plane,
								run->training ? picked + i * out_plane : NULL,
								run->training ? places + i * out_plane : NULL,
								step->pool, in->height, in->width, scale, shift);
	}
}

/* The same for rows of features, x[count][channels]. */
static void
plain_statistics(const vc_plan *plan, const vc_plan_step *step, int count)
{
	int			channels = step->node->channels;
	const float *x = vc_cpu_value_data(plan, step->input);

#pragma omp parallel for
	for (int c = 0; c < channels; c++)
	{
		double		mean = 0;
		double		squares = 0;

		for (int i = 0; i < count; i++)
			mean += x[(int64_t) i * channels + c] / (double) count;
		for (int i = 0; i < count; i++)
		{
			double		d = x[(int64_t) i * channels + c] - mean;

			squares += d * d;
		}
		use_batch_statistics(plan, step, c, mean, squares, count);
	}
}

static void
plain_apply(const vc_plan *plan, const vc_plan_step *step, int count)
{
	int			channels = step->node->channels;
	const vc_cpu_norm *norm = step->state;
	const float *x = vc_cpu_value_data(plan, step->input);
	float	   *y = vc_cpu_value_data(plan, step->output);

#pragma omp parallel for
	for (int i = 0; i < count; i++)
		for (int c = 0; c < channels; c++)
			y[(int64_t) i * channels + c] = x[(int64_t) i * channels + c] * norm->scale[c] + norm->shift[c];
}

static vc_status
norm_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	bool		blocked = plan->flow.values[step->input].format == VC_CPU_BLOCKED;

	(void) error;
	if (!run->training)
		use_running_statistics(plan, step);
	else if (blocked)
		blocked_statistics(plan, step, run->count);
	else
		plain_statistics(plan, step, run->count);
	if (blocked)
		blocked_apply(plan, step, run);
	else
		plain_apply(plan, step, run->count);
	return VC_OK;
}

/*
 * From the sums of g and g * (x - mean), computes the parameters' gradients
 * and the coefficients of dx = c0 g + c1 (x - mean) + c2.
 */
static void
set_coefficients(const vc_plan *plan, const vc_plan_step *step, int channel,
				 double sum, double product, double count)
{
	vc_cpu_norm *norm = step->state;
	double		inverse = norm->inverse[channel];
	double		scale = plan->parameters[step->node->weight].data[channel] * inverse;

	plan->parameters[step->node->weight].gradient[channel] = (float) (product * inverse);
	plan->parameters[step->node->bias].gradient[channel] = (float) sum;
	norm->coefficients[0][channel] = (float) scale;
	norm->coefficients[1][channel] = (float) (-scale * inverse * inverse * product / count);
	norm->coefficients[2][channel] = (float) (-scale * sum / count);
}

/* How a plane's gradient is read; `plane` floats lie between two of them. */
static vc_cpu_plane
plane_gradient(const vc_plan *plan, const vc_plan_step *step, int64_t index,
			   int64_t plane, int64_t blocks)
{
	const vc_value *out = &plan->flow.values[step->output];
	const vc_cpu_norm *norm = step->state;
	int64_t		channel = index % blocks * plan->device->block;
	const float *x = step->pool != NULL ? vc_cpu_buffer_data(plan, step->extra[1]) :
		vc_cpu_value_data(plan, step->input);
	float	   *gradient = vc_cpu_buffer_data(plan, out->gradient[0]);
	const float *more = vc_cpu_buffer_data(plan, out->gradient[1]);
	const float *y = vc_cpu_value_data(plan, step->output);

	return (vc_cpu_plane) {
		.x = x + index * plane,
		.y = y + index * plane,
		.gradient = gradient + index * plane,
		.more = more == NULL ? NULL : more + index * plane,
		.mean = norm->mean + channel,
		.scale = norm->scale + channel,
		.shift = norm->shift + channel,
		.mask = !step->relu ? VC_CPU_MASK_NONE :
			step->other >= 0 ? VC_CPU_MASK_OUTPUT : VC_CPU_MASK_INPUT
	};
}

static void
blocked_sums(const vc_plan *plan, const vc_plan_step *step, int count)
{
	const vc_value *in = &plan->flow.values[step->input];
	const vc_value *out = &plan->flow.values[step->output];
	int			block = plan->device->block;
	int64_t		pixels = (int64_t) out->height * out->width;
	int64_t		blocks = out->image_elements / (pixels * block);
	int64_t		stride = blocks * block;
	double	   *sums = plan->partials;
	double	   *products = sums + stride * count;

#pragma omp parallel for
	for (int64_t i = 0; i < blocks * count; i++)
	{
		vc_cpu_plane p = plane_gradient(plan, step, i, pixels * block, blocks);

		plan->device->kernels->sums(&p, pixels, sums + i * block, products + i * block);
	}
	for (int c = 0; c < in->channels; c++)
	{
		double		sum = 0;
		double		product = 0;

		for (int i = 0; i < count; i++)
		{
			sum += sums[i * stride + c];
			product += products[i * stride + c];
		}
		set_coefficients(plan, step, c, sum, product,
						 (double) in->height * in->width * count);
	}
}

/* Computes dx of a plane before the pool: its own part, then the pool's gradients. */
static void
pooled_plane(const vc_plan *plan, const vc_plan_step *step, vc_cpu_plane *p,
			 const float *x, const uint8_t *places, float *dx, const float *const c[4])
{
	static const float zeros[VC_CPU_MAX_BLOCK] __attribute__((aligned(VC_CPU_ALIGNMENT))) = {0};
	const vc_value *in = &plan->flow.values[step->input];
	const vc_cpu_kernels *kernels = plan->device->kernels;
	const vc_node *pool = step->pool;
	int64_t		row = (int64_t) pool->width * plan->device->block;
	const float *const scale_only[3] = {c[0], zeros, zeros};

	kernels->input_gradient(p, p->gradient, (int64_t) pool->height * pool->width, scale_only);
	kernels->apply(x, NULL, dx, (int64_t) in->height * in->width, c[1], c[3], false);
	for (int oh = 0; oh < pool->height; oh++)
		kernels->scatter_row(p->gradient + oh * row, places + oh * row, dx, pool, oh, in->width);
}

static void
blocked_input_gradient(const vc_plan *plan, const vc_plan_step *step, int count)
{
	const vc_value *in = &plan->flow.values[step->input];
	vc_cpu_norm *norm = step->state;
	int			block = plan->device->block;
	int64_t		pixels = (int64_t) in->height * in->width;
	int64_t		plane = pixels * block;
	int64_t		blocks = in->image_elements / plane;
	int64_t		out_plane = plan->flow.values[step->output].image_elements / blocks;
	const float *x = vc_cpu_value_data(plan, step->input);
	const uint8_t *places = vc_cpu_buffer_data(plan, step->extra[0]);
	float	   *dx = vc_cpu_buffer_data(plan, step->to_input.buffer);

	for (int c = 0; c < norm->padded; c++)
		norm->coefficients[3][c] = norm->coefficients[2][c] -
			norm->coefficients[1][c] * norm->mean[c];
#pragma omp parallel for
	for (int64_t i = 0; i < blocks * count; i++)
	{
		vc_cpu_plane p = plane_gradient(plan, step, i, out_plane, blocks);
		const float *c[4];

		for (int k = 0; k < 4; k++)
			c[k] = norm->coefficients[k] + i % blocks * block;
		if (step->pool == NULL)
			plan->device->kernels->input_gradient(&p, dx + i * plane, pixels, c);
		else
			pooled_plane(plan, step, &p, x + i * plane, places + i * out_plane, dx + i * plane, c);
	}
}

/* Rows of features: sums, parameters' gradients, and dx in place of g. */
static void
plain_backward(vc_plan *plan, const vc_plan_step *step, int count)
{
	int			channels = step->node->channels;
	const vc_cpu_norm *norm = step->state;
	const float *x = vc_cpu_value_data(plan, step->input);
	float	   *g = vc_cpu_gradient(plan, step->output, count);

#pragma omp parallel for
	for (int c = 0; c < channels; c++)
	{
		double		sum = 0;
		double		product = 0;

		for (int i = 0; i < count; i++)
		{
			int64_t		at = (int64_t) i * channels + c;

			sum += g[at];
			product += (double) g[at] * (x[at] - norm->mean[c]);
		}
		set_coefficients(plan, step, c, sum, product, count);
		for (int i = 0; i < count; i++)
		{
			int64_t		at = (int64_t) i * channels + c;

			g[at] = g[at] * norm->coefficients[0][c] +
				(x[at] - norm->mean[c]) * norm->coefficients[1][c] + norm->coefficients[2][c];
		}
	}
}

static vc_status
norm_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	bool		wanted = vc_flow_wants(&plan->flow, step->input, step->to_input);

	(void) error;
	if (plan->flow.values[step->input].format == VC_CPU_PLAIN)
		plain_backward(plan, step, run->count);
	else
	{
		blocked_sums(plan, step, run->count);
		if (wanted)
			blocked_input_gradient(plan, step, run->count);
	}
	if (wanted)
		vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	if (vc_flow_wants(&plan->flow, step->other, step->to_other))
		vc_cpu_contribute(plan, step->other, step->to_other, run->count);
	return VC_OK;
}

const vc_operation vc_cpu_norm_operation = {
	.keeps_input = true,
	.in_place = true,
	.other_in_place = true,
	.create = norm_create,
	.forward = norm_forward,
	.backward = norm_backward,
	.free = norm_free,
};

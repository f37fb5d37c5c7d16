/*
 * int8.c
 *		Inference in 8-bit integers: scales, and the steps that are not
 *		oneDNN's.
 *
 * A value's bytes times its scale are the numbers of float32, up to half a
 * scale.  Behind a relu bytes are unsigned: 0 to 255 stand for 0 to the range
 * that calibration found.  Other bytes are signed, -127 to 127.  Images
 * become signed bytes by the range of normalised pixels.  Convolutions have
 * 8-bit weights, with a scale for each output channel, and 32-bit sums.  An
 * addition and a relu behind a convolution are computed before the sum
 * becomes a byte again.
 */
#include <math.h>
#include <string.h>

#include "cpu/cpu.h"

#define MOST_SIGNED		127
#define MOST_UNSIGNED	255

/* The largest absolute value of a normalised pixel. */
static float
input_range(const vc_network *n)
{
	float		range = 0;

	for (int c = 0; c < 3; c++)
		range = fmaxf(range, fmaxf(fabsf(n->mean[c]), fabsf(1 - n->mean[c])) / n->std[c]);
	return range;
}

static vc_status
check_ranges(const vc_plan *plan, vc_error *error)
{
	const float *ranges = plan->options.ranges;

	if (ranges == NULL)
		return vc_fail(error, VC_INVALID_ARGUMENT, "a plan for int8 needs the ranges of its activations");
	for (int i = 0; i < plan->network->node_count; i++)
		if (!(ranges[i] >= 0 && isfinite(ranges[i])))
			return vc_fail(error, VC_INVALID_ARGUMENT, "range %g of node %d is not positive and finite",
						   ranges[i], i);
	return VC_OK;
}

/* Gives every 8-bit value its scale, once the steps are built. */
vc_status
vc_cpu_int8_set_scales(vc_plan *plan, vc_error *error)
{
	vc_status	status = check_ranges(plan, error);

	for (int i = 0; i < plan->flow.step_count && status == VC_OK; i++)
	{
		const vc_plan_step *s = &plan->flow.steps[i];
		vc_value *out = &plan->flow.values[s->output];
		float		range = plan->options.ranges[s->end];

		if (!vc_cpu_is_int8(out->format))
			continue;
		if (s->node->op == VC_INPUT)
			out->scale = input_range(plan->network) / MOST_SIGNED;
		else if (s->node->op == VC_MAX_POOL && out->format == VC_CPU_UNSIGNED)
			out->scale = plan->flow.values[s->input].scale;
		else if (s->node->op == VC_CONVOLUTION)
			out->scale = fmaxf(range, 1e-6f) /
				(out->format == VC_CPU_UNSIGNED ? MOST_UNSIGNED : MOST_SIGNED);
		else
			status = vc_fail(error, VC_UNSUPPORTED, "node %d has no form in int8", s->index);
	}
	return status;
}

static vc_status
int8_input_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_network *n = plan->network;
	const vc_value *out = &plan->flow.values[step->output];
	int8_t	   *bytes = (int8_t *) vc_cpu_value_data(plan, step->output);
	int8_t		table[3][256];

	(void) error;
	for (int c = 0; c < 3; c++)
		for (int i = 0; i < 256; i++)
			table[c][i] = (int8_t) lrintf((i / 255.0f - n->mean[c]) / n->std[c] / out->scale);
#pragma omp parallel for
	for (int i = 0; i < run->count; i++)
	{
		const uint8_t *from = run->images + i * out->image_elements;
		int8_t	   *to = bytes + i * out->image_elements;

		for (int64_t k = 0; k < out->image_elements; k += 3)
			for (int c = 0; c < 3; c++)
				to[k + c] = table[c][from[k + c]];
	}
	return VC_OK;
}

static void
take_larger(uint8_t *restrict most, const uint8_t *restrict x, int channels)
{
	for (int c = 0; c < channels; c++)
		most[c] = x[c] > most[c] ? x[c] : most[c];
}

/* Computes one pixel of a max pool, all channels. */
static void
int8_max_pool_pixel(const vc_node *node, const vc_value *in, const uint8_t *image, int row,
					int column, uint8_t *out)
{
	memset(out, 0, (size_t) in->channels);
	for (int y = row * node->stride - node->padding, i = 0; i < node->kernel; i++, y++)
		for (int x = column * node->stride - node->padding, k = 0; k < node->kernel; k++, x++)
			if (y >= 0 && y < in->height && x >= 0 && x < in->width)
				take_larger(out, image + ((int64_t) y * in->width + x) * in->channels, in->channels);
}

static vc_status
int8_max_pool_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_value *in = &plan->flow.values[step->input];
	const vc_value *out = &plan->flow.values[step->output];
	const uint8_t *x = (const uint8_t *) vc_cpu_value_data(plan, step->input);
	uint8_t    *y = (uint8_t *) vc_cpu_value_data(plan, step->output);

	(void) error;
#pragma omp parallel for collapse(2)
	for (int i = 0; i < run->count; i++)
		for (int row = 0; row < out->height; row++)
			for (int column = 0; column < out->width; column++)
				int8_max_pool_pixel(step->node, in, x + i * in->image_elements, row, column,
									y + i * out->image_elements +
									((int64_t) row * out->width + column) * out->channels);
	return VC_OK;
}

/* Computes maxima (NULL: none) and means of one image's channels, as floats. */
static void
int8_global_pool_image(const vc_value *in, const uint8_t *x, float *maxima, float *means)
{
	int64_t		pixels = (int64_t) in->height * in->width;

	for (int c = 0; c < in->channels; c++)
	{
		uint64_t	sum = 0;
		uint8_t		most = 0;

		for (int64_t i = 0; i < pixels; i++)
		{
			uint8_t		value = x[i * in->channels + c];

			sum += value;
			most = value > most ? value : most;
		}
		means[c] = (float) sum * in->scale / (float) pixels;
		if (maxima != NULL)
			maxima[c] = most * in->scale;
	}
}

static vc_status
int8_global_pool_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_value *in = &plan->flow.values[step->input];
	bool		concat = step->node->op == VC_CONCAT_POOL;
	const uint8_t *x = (const uint8_t *) vc_cpu_value_data(plan, step->input);
	float	   *y = vc_cpu_value_data(plan, step->output);

	(void) error;
#pragma omp parallel for
	for (int i = 0; i < run->count; i++)
	{
		float	   *row = y + (int64_t) i * step->node->channels;

		int8_global_pool_image(in, x + i * in->image_elements, concat ? row : NULL,
							   concat ? row + in->channels : row);
	}
	return VC_OK;
}

const vc_operation vc_cpu_int8_input_operation = {.forward = int8_input_forward};
const vc_operation vc_cpu_int8_max_pool_operation = {.forward = int8_max_pool_forward};
const vc_operation vc_cpu_int8_global_pool_operation = {.forward = int8_global_pool_forward};

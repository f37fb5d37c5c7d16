/*
 * pooling.c
 *		Max pool, and the global pools before the head.
 *
 * Inputs are blocked.  A max pool's output is blocked; in training it keeps
 * the place of each maximum in its window, row by row, in one byte.  Global
 * pools' outputs are plain.
 */
#include <string.h>

#include "cpu/cpu.h"

static vc_status
max_pool_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_value *in = &plan->flow.values[step->input];
	const vc_value *out = &plan->flow.values[step->output];
	int			block = plan->device->block;
	int64_t		in_plane = (int64_t) in->height * in->width * block;
	int64_t		out_plane = (int64_t) out->height * out->width * block;
	int64_t		planes = out->image_elements / out_plane * run->count;
	const float *x = vc_cpu_value_data(plan, step->input);
	float	   *y = vc_cpu_value_data(plan, step->output);
	uint8_t    *places = run->training ? vc_cpu_buffer_data(plan, step->extra[0]) : NULL;

	(void) error;
#pragma omp parallel for
	for (int64_t i = 0; i < planes; i++)
		plan->device->kernels->max_pool(x + i * in_plane, y + i * out_plane,
										places == NULL ? NULL : places + i * out_plane,
										step->node, in->height, in->width);
	return VC_OK;
}

static vc_status
max_pool_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_value *in = &plan->flow.values[step->input];
	const vc_value *out = &plan->flow.values[step->output];
	int			block = plan->device->block;
	int64_t		in_plane = (int64_t) in->height * in->width * block;
	int64_t		out_plane = (int64_t) out->height * out->width * block;
	int64_t		row = (int64_t) out->width * block;
	int64_t		planes = out->image_elements / out_plane * run->count;
	const float *gradient = vc_cpu_gradient(plan, step->output, run->count);
	const uint8_t *places = vc_cpu_buffer_data(plan, step->extra[0]);
	float	   *dx = vc_cpu_buffer_data(plan, step->to_input.buffer);

	(void) error;
#pragma omp parallel for
	for (int64_t i = 0; i < planes; i++)
	{
		memset(dx + i * in_plane, 0, sizeof(float) * (size_t) in_plane);
		for (int oh = 0; oh < out->height; oh++)
			plan->device->kernels->scatter_row(gradient + i * out_plane + oh * row,
											   places + i * out_plane + oh * row,
											   dx + i * in_plane, step->node, oh, in->width);
	}
	vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	return VC_OK;
}

/* Computes one image's block: maxima, their places, and means of `lanes` channels. */
static void
global_pool_plane(const float *x, int64_t pixels, int block, int lanes,
				  float *maxima, int32_t *places, float *means)
{
	float		best[VC_CPU_MAX_BLOCK];
	double		sum[VC_CPU_MAX_BLOCK] = {0};
	int32_t		place[VC_CPU_MAX_BLOCK] = {0};

	memcpy(best, x, sizeof(float) * (size_t) block);
	for (int64_t i = 0; i < pixels; i++)
		for (int l = 0; l < block; l++)
		{
			float		v = x[i * block + l];

			sum[l] += v;
			place[l] = v > best[l] || v != v ? (int32_t) i : place[l];
			best[l] = v > best[l] || v != v ? v : best[l];
		}
	for (int l = 0; l < lanes; l++)
	{
		means[l] = (float) (sum[l] / (double) pixels);
		if (maxima != NULL)
			maxima[l] = best[l];
		if (places != NULL)
			places[l] = place[l];
	}
}

static vc_status
global_pool_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_value *in = &plan->flow.values[step->input];
	bool		concat = step->node->op == VC_CONCAT_POOL;
	int			block = plan->device->block;
	int			channels = in->channels;
	int			blocks = (channels + block - 1) / block;
	int64_t		pixels = (int64_t) in->height * in->width;
	const float *x = vc_cpu_value_data(plan, step->input);
	float	   *y = vc_cpu_value_data(plan, step->output);
	int32_t    *places = concat ? vc_cpu_buffer_data(plan, step->extra[0]) : NULL;

	(void) error;
#pragma omp parallel for collapse(2)
	for (int i = 0; i < run->count; i++)
		for (int b = 0; b < blocks; b++)
		{
			float	   *row = y + (int64_t) i * step->node->channels + b * block;
			int			lanes = channels - b * block < block ? channels - b * block : block;

			global_pool_plane(x + ((int64_t) i * blocks + b) * pixels * block, pixels, block,
							  lanes, concat ? row : NULL,
							  places == NULL ? NULL : places + (int64_t) i * channels + b * block,
							  concat ? row + channels : row);
		}
	return VC_OK;
}

/*
 * Computes one image's block of the gradient: every pixel gets an even share
 * of the mean's, and the maximum gets its own.
 */
static void
global_pool_gradient(float *dx, int64_t pixels, int block, int lanes,
					 const float *to_maxima, const int32_t *places, const float *to_means)
{
	float		share[VC_CPU_MAX_BLOCK] = {0};

	for (int l = 0; l < lanes; l++)
		share[l] = to_means[l] / (float) pixels;
	for (int64_t i = 0; i < pixels; i++)
		memcpy(dx + i * block, share, sizeof(float) * (size_t) block);
	if (to_maxima != NULL)
		for (int l = 0; l < lanes; l++)
			dx[(int64_t) places[l] * block + l] += to_maxima[l];
}

static vc_status
global_pool_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_value *in = &plan->flow.values[step->input];
	bool		concat = step->node->op == VC_CONCAT_POOL;
	int			block = plan->device->block;
	int			channels = in->channels;
	int			blocks = (channels + block - 1) / block;
	int64_t		pixels = (int64_t) in->height * in->width;
	const float *gradient = vc_cpu_gradient(plan, step->output, run->count);
	const int32_t *places = vc_cpu_buffer_data(plan, step->extra[0]);
	float	   *dx = vc_cpu_buffer_data(plan, step->to_input.buffer);

	(void) error;
#pragma omp parallel for collapse(2)
	for (int i = 0; i < run->count; i++)
		for (int b = 0; b < blocks; b++)
		{
			const float *row = gradient + (int64_t) i * step->node->channels + b * block;
			int			lanes = channels - b * block < block ? channels - b * block : block;

			global_pool_gradient(dx + ((int64_t) i * blocks + b) * pixels * block, pixels, block,
								 lanes, concat ? row : NULL,
								 concat ? places + (int64_t) i * channels + b * block : NULL,
								 concat ? row + channels : row);
		}
	vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	return VC_OK;
}

const vc_operation vc_cpu_max_pool_operation = {
	.forward = max_pool_forward,
	.backward = max_pool_backward,
};

const vc_operation vc_cpu_global_pool_operation = {
	.forward = global_pool_forward,
	.backward = global_pool_backward,
};

/*
 * elementwise.c
 *		Normalising images, relu, addition, dropout, changes of layout.
 *
 * Relu and addition work in any layout: they run over all floats of a batch
 * in chunks.
 */
#include <string.h>

#include "engine/support/random.h"
#include "cpu/cpu.h"

static vc_status
input_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const vc_network *n = plan->network;
	int64_t		pixels = (int64_t) step->node->height * step->node->width;
	float	   *out = vc_cpu_value_data(plan, step->output);
	float		scale[3];
	float		shift[3];

	(void) error;
	for (int c = 0; c < 3; c++)
	{
		scale[c] = (float) (1.0 / (255.0 * n->std[c]));
		shift[c] = (float) (-(double) n->mean[c] / n->std[c]);
	}
#pragma omp parallel for
	for (int i = 0; i < run->count; i++)
		plan->device->kernels->normalize_image(run->images + i * pixels * 3, out + i * pixels * 3,
											   pixels, scale, shift);
	return VC_OK;
}

static vc_status
relu_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	int64_t		count = plan->flow.values[step->output].image_elements * run->count;
	const float *x = vc_cpu_value_data(plan, step->input);
	float	   *y = vc_cpu_value_data(plan, step->output);

	(void) error;
#pragma omp parallel for
	for (int64_t c = 0; c < (count + VC_CPU_CHUNK - 1) / VC_CPU_CHUNK; c++)
		plan->device->kernels->relu(x + c * VC_CPU_CHUNK, y + c * VC_CPU_CHUNK,
									vc_cpu_chunk_length(c, count));
	return VC_OK;
}

static vc_status
relu_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	int64_t		count = plan->flow.values[step->output].image_elements * run->count;
	const float *y = vc_cpu_value_data(plan, step->output);
	float	   *gradient = vc_cpu_gradient(plan, step->output, run->count);

	(void) error;
#pragma omp parallel for
	for (int64_t c = 0; c < (count + VC_CPU_CHUNK - 1) / VC_CPU_CHUNK; c++)
		plan->device->kernels->relu_gradient(y + c * VC_CPU_CHUNK, gradient + c * VC_CPU_CHUNK,
											 vc_cpu_chunk_length(c, count));
	vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	return VC_OK;
}

static vc_status
add_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	int64_t		count = plan->flow.values[step->output].image_elements * run->count;
	const float *a = vc_cpu_value_data(plan, step->input);
	const float *b = vc_cpu_value_data(plan, step->other);
	float	   *sum = vc_cpu_value_data(plan, step->output);

	(void) error;
#pragma omp parallel for
	for (int64_t c = 0; c < (count + VC_CPU_CHUNK - 1) / VC_CPU_CHUNK; c++)
		plan->device->kernels->add(a + c * VC_CPU_CHUNK, b + c * VC_CPU_CHUNK, sum + c * VC_CPU_CHUNK,
								   vc_cpu_chunk_length(c, count));
	return VC_OK;
}

/* The left operand takes over the gradient's memory, the right gets a copy. */
static vc_status
add_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	int64_t		count = plan->flow.values[step->output].image_elements * run->count;
	const float *gradient = vc_cpu_gradient(plan, step->output, run->count);

	(void) error;
	if (vc_flow_wants(&plan->flow, step->other, step->to_other))
	{
		memcpy(vc_cpu_buffer_data(plan, step->to_other.buffer), gradient,
			   sizeof(float) * (size_t) count);
		vc_cpu_contribute(plan, step->other, step->to_other, run->count);
	}
	if (vc_flow_wants(&plan->flow, step->input, step->to_input))
		vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	return VC_OK;
}

/* Computes one row of dropout, forward or backward: x times 0 or 1 / (1 - rate). */
static void
dropout_row(const vc_plan_step *step, const vc_step *s, int row, const float *x,
			float *y, int64_t columns)
{
	float		rate = step->node->rate;
	float		scale = 1.0f / (1.0f - rate);

	for (int64_t c = 0; c < columns; c++)
		y[c] = vc_dropout_keep(s->seed, s->step, step->index, row, (int) c, rate) ?
			x[c] * scale : 0.0f;
}

static vc_status
dropout_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	int64_t		columns = plan->flow.values[step->output].image_elements;
	const float *x = vc_cpu_value_data(plan, step->input);
	float	   *y = vc_cpu_value_data(plan, step->output);

	(void) error;
	if (!run->training)
	{
		memcpy(y, x, sizeof(float) * (size_t) (columns * run->count));
		return VC_OK;
	}
#pragma omp parallel for
	for (int i = 0; i < run->count; i++)
		dropout_row(step, run->step, i, x + i * columns, y + i * columns, columns);
	return VC_OK;
}

static vc_status
dropout_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	int64_t		columns = plan->flow.values[step->output].image_elements;
	float	   *gradient = vc_cpu_gradient(plan, step->output, run->count);

	(void) error;
#pragma omp parallel for
	for (int i = 0; i < run->count; i++)
		dropout_row(step, run->step, i, gradient + i * columns, gradient + i * columns, columns);
	vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	return VC_OK;
}

/* Converts one image from blocked to plain. */
static void
unblock(const float *blocked, float *plain, int channels, int64_t pixels, int block)
{
	for (int c = 0; c < channels; c++)
		for (int64_t i = 0; i < pixels; i++)
			plain[c * pixels + i] = blocked[(c / block * pixels + i) * block + c % block];
}

/* Converts one image from plain to blocked; zeroes the rest of the last block. */
static void
reblock(const float *plain, float *blocked, int channels, int64_t pixels, int block)
{
	int			padded = (channels + block - 1) / block * block;

	for (int c = 0; c < padded; c++)
		for (int64_t i = 0; i < pixels; i++)
			blocked[(c / block * pixels + i) * block + c % block] =
				c < channels ? plain[c * pixels + i] : 0.0f;
}

/* Converts a batch of the value `from` into the layout of the value `to`. */
static void
convert_layout(const vc_plan *plan, const vc_value *from, const float *x,
			   const vc_value *to, float *y, int count)
{
	int64_t		pixels = (int64_t) from->height * from->width;
	int			block = plan->device->block;

#pragma omp parallel for
	for (int i = 0; i < count; i++)
	{
		const float *source = x + i * from->image_elements;
		float	   *destination = y + i * to->image_elements;

		if (from->format == VC_CPU_BLOCKED)
			unblock(source, destination, from->channels, pixels, block);
		else
			reblock(source, destination, from->channels, pixels, block);
	}
}

static vc_status
convert_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	(void) error;
	convert_layout(plan, &plan->flow.values[step->input], vc_cpu_value_data(plan, step->input),
				   &plan->flow.values[step->output], vc_cpu_value_data(plan, step->output), run->count);
	return VC_OK;
}

static vc_status
convert_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	const float *gradient = vc_cpu_gradient(plan, step->output, run->count);

	(void) error;
	convert_layout(plan, &plan->flow.values[step->output], gradient, &plan->flow.values[step->input],
				   vc_cpu_buffer_data(plan, step->to_input.buffer), run->count);
	vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	return VC_OK;
}

const vc_operation vc_cpu_input_operation = {.forward = input_forward};

const vc_operation vc_cpu_relu_operation = {
	.keeps_output = true,
	.in_place = true,
	.forward = relu_forward,
	.backward = relu_backward,
};

const vc_operation vc_cpu_add_operation = {
	.in_place = true,
	.forward = add_forward,
	.backward = add_backward,
};

const vc_operation vc_cpu_dropout_operation = {
	.in_place = true,
	.forward = dropout_forward,
	.backward = dropout_backward,
};

const vc_operation vc_cpu_convert_operation = {
	.forward = convert_forward,
	.backward = convert_backward,
};

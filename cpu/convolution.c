/*
 * convolution.c
 *		Convolutions, by oneDNN.
 *
 * Primitives are made for one batch size, when a call first needs it, and a
 * few batch sizes' primitives are kept.  In training the weights stay in the
 * layout the forward kernel wants; in inference they are multiplied by the
 * batch norm behind the convolution and packed as each kernel wants them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convolution.h"

#define MAX_VARIANTS	6		/* batch sizes whose primitives are kept */
#define MAX_PACKED		4		/* layouts of folded weights */

enum
{
	FORWARD,
	BACKWARD_DATA,
	BACKWARD_WEIGHTS,
	DIRECTIONS
};

/* One direction at one batch size. */
typedef struct kernel
{
	dnnl_primitive_desc_t desc;
	dnnl_primitive_t primitive;
	dnnl_memory_t source;		/* or its gradient */
	dnnl_memory_t weights;		/* or their gradient */
	dnnl_memory_t bias;
	dnnl_memory_t destination;	/* or its gradient */
	dnnl_memory_t scratchpad;
	vc_md		weights_md;		/* owned by desc */
	dnnl_primitive_t reorder;	/* between the parameter's layout and this one */
	dnnl_memory_t parameter;	/* the parameter, for the reorder */
} kernel;

typedef struct variant
{
	int			count;			/* images; 0: free */
	kernel		kernels[DIRECTIONS];
} variant;

typedef struct packed
{
	vc_md		md;
	float	   *data;
	size_t		bytes;
} packed;

struct vc_cpu_convolution
{
	vc_cpu_shape shape;
	vc_md		weights;		/* training: the parameter's layout */
	variant		variants[MAX_VARIANTS];
	int			next;			/* the variant to replace */
	packed		packed[MAX_PACKED];
	int			packed_count;
	int			next_packed;	/* the layout to replace */
	bool		stale;			/* some packed weights are not filled */
	float	   *bias;			/* folded */
};

static vc_md
activation_md(const vc_device *device, int count, int channels, int height, int width,
			  bool plain)
{
	dnnl_dim_t	dims[4] = {count, channels, height, width};

	return vc_md_create(4, dims, plain ? dnnl_nchw :
						device->block == 16 ? dnnl_nChw16c : dnnl_nChw8c);
}

static vc_md
weights_md(const vc_cpu_shape *s, dnnl_format_tag_t tag)
{
	dnnl_dim_t	dims[4] = {s->out_channels, s->channels, s->kernel, s->kernel};

	return vc_md_create(4, dims, tag);
}

vc_status
vc_cpu_convolution_desc(const vc_device *device, const vc_cpu_shape *s, int count,
						vc_direction direction, bool winograd, vc_md weights, bool bias,
						const_dnnl_primitive_attr_t attr,
						dnnl_primitive_desc_t *desc, vc_error *error)
{
	dnnl_dim_t	bias_dims[1] = {s->out_channels};
	vc_md		source = activation_md(device, count, s->channels, s->height, s->width,
									   s->plain_input);
	vc_md		destination = activation_md(device, count, s->out_channels, s->out_height,
											s->out_width, false);
	vc_md		any = weights_md(s, dnnl_format_tag_any);
	vc_md		bias_md = bias ? vc_md_create(1, bias_dims, dnnl_x) : NULL;
	dnnl_primitive_desc_t hint = NULL;
	dnnl_status_t status = dnnl_out_of_memory;

	*desc = NULL;
	if (source != NULL && destination != NULL && any != NULL && (bias_md != NULL || !bias))
	{
		status = dnnl_success;
		if (direction == VC_BACKWARD_DATA || direction == VC_BACKWARD_WEIGHTS)
			status = vc_dnnl_convolution_create(&hint, device->engine, VC_FORWARD_TRAINING,
												winograd, source, any, NULL, destination,
												s->stride, s->padding, NULL, NULL);
		if (status == dnnl_success)
			status = vc_dnnl_convolution_create(desc, device->engine, direction, winograd,
												source, weights != NULL ? weights : any,
												bias_md, destination, s->stride, s->padding,
												attr, hint);
	}
	dnnl_primitive_desc_destroy(hint);
	vc_md_free(source);
	vc_md_free(destination);
	vc_md_free(any);
	vc_md_free(bias_md);
	if (status == dnnl_success || status == dnnl_unimplemented)
		return VC_OK;
	return vc_cpu_dnnl_failed(error, status, "describing a convolution");
}

/* A memory object without memory. */
static dnnl_status_t
new_memory(const vc_device *device, vc_md md, dnnl_memory_t *memory)
{
	return dnnl_memory_create(memory, md, device->engine, DNNL_MEMORY_NONE);
}

static void
kernel_free(kernel *k)
{
	dnnl_memory_destroy(k->source);
	dnnl_memory_destroy(k->weights);
	dnnl_memory_destroy(k->bias);
	dnnl_memory_destroy(k->destination);
	dnnl_memory_destroy(k->scratchpad);
	dnnl_memory_destroy(k->parameter);
	dnnl_primitive_destroy(k->reorder);
	dnnl_primitive_destroy(k->primitive);
	dnnl_primitive_desc_destroy(k->desc);
	memset(k, 0, sizeof(*k));
}

static void
variant_free(variant *v)
{
	for (int i = 0; i < DIRECTIONS; i++)
		kernel_free(&v->kernels[i]);
	v->count = 0;
}

void
vc_cpu_convolution_free(vc_cpu_convolution *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < MAX_VARIANTS; i++)
		variant_free(&c->variants[i]);
	for (int i = 0; i < c->packed_count; i++)
	{
		vc_md_free(c->packed[i].md);
		free(c->packed[i].data);
	}
	vc_md_free(c->weights);
	free(c->bias);
	free(c);
}

/* The layout the weights of a training plan are kept in. */
vc_md
vc_cpu_convolution_weights(const vc_cpu_convolution *c)
{
	return c->weights;
}

/* The scratchpad is the plan's; inference adds what its group has. */
static dnnl_status_t
new_attributes(const vc_cpu_step *step, bool forward, dnnl_primitive_attr_t *attr)
{
	dnnl_status_t status = dnnl_primitive_attr_create(attr);

	if (status == dnnl_success)
		status = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
	if (status == dnnl_success && forward && (step->other >= 0 || step->relu))
		status = vc_dnnl_append_post_ops(*attr, step->other >= 0, step->relu);
	return status;
}

/* The fastest primitive descriptor that there is; direct always is. */
static vc_status
choose_desc(vc_plan *plan, const vc_cpu_step *step, int count, vc_direction direction,
			dnnl_primitive_desc_t *desc, vc_error *error)
{
	const vc_cpu_convolution *c = step->convolution;
	bool		forward = direction == VC_FORWARD_INFERENCE || direction == VC_FORWARD_TRAINING;
	bool		winograd;
	dnnl_primitive_attr_t attr = NULL;
	vc_status	status = vc_cpu_choose(plan, &c->shape, count, direction, &winograd, error);

	*desc = NULL;
	if (status != VC_OK)
		return status;
	if (new_attributes(step, forward, &attr) != dnnl_success)
	{
		dnnl_primitive_attr_destroy(attr);
		return vc_cpu_dnnl_failed(error, dnnl_out_of_memory, "convolution attributes");
	}

	/* First in the layout that needs no reorder, then in any. */
	for (int attempt = 0; attempt < 4 && status == VC_OK && *desc == NULL; attempt++)
	{
		bool		fast = winograd && attempt < 2;
		vc_md		weights = attempt % 2 == 0 ? c->weights : NULL;

		if (attempt % 2 == 0 && (weights == NULL || direction == VC_BACKWARD_DATA))
			continue;
		status = vc_cpu_convolution_desc(plan->device, &c->shape, count, direction, fast,
										 weights, step->norm != NULL, attr, desc, error);
	}
	dnnl_primitive_attr_destroy(attr);
	if (status == VC_OK && *desc == NULL)
		return vc_fail(error, VC_UNSUPPORTED,
					   "oneDNN has no %dx%d convolution of %d to %d channels, stride %d",
					   c->shape.kernel, c->shape.kernel, c->shape.channels,
					   c->shape.out_channels, c->shape.stride);
	return status;
}

/* Chooses the layout of a training plan's weights: the forward kernel's. */
static vc_status
choose_weights(vc_plan *plan, vc_cpu_step *step, vc_error *error)
{
	dnnl_primitive_desc_t desc;
	vc_status	status = choose_desc(plan, step, plan->options.max_batch,
									 VC_FORWARD_TRAINING, &desc, error);

	if (status != VC_OK)
		return status;
	step->convolution->weights = vc_md_copy(vc_md_query(desc, dnnl_query_weights_md));
	dnnl_primitive_desc_destroy(desc);
	if (step->convolution->weights == NULL)
		return vc_no_memory(error, sizeof(dnnl_memory_desc_t));
	return VC_OK;
}

/* Chooses, and times, what does not depend on where memory lies. */
vc_status
vc_cpu_convolution_create(vc_plan *plan, vc_cpu_step *step, vc_error *error)
{
	const vc_cpu_value *in = &plan->values[step->input];
	const vc_cpu_value *out = &plan->values[step->output];
	const vc_node *node = step->node;
	vc_cpu_convolution *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return vc_no_memory(error, sizeof(*c));
	step->convolution = c;
	c->shape = (vc_cpu_shape) {
		.channels = in->channels,.height = in->height,.width = in->width,
		.out_channels = out->channels,.out_height = out->height,.out_width = out->width,
		.kernel = node->kernel,.stride = node->stride,.padding = node->padding,
		.plain_input = in->layout == VC_CPU_PLAIN
	};
	if (plan->training)
		return choose_weights(plan, step, error);
	if (step->norm == NULL)
		return VC_OK;
	c->bias = vc_cpu_allocate(plan, sizeof(float) * (size_t) (out->channels + VC_CPU_MAX_BLOCK), error);
	return c->bias != NULL ? VC_OK : VC_OUT_OF_MEMORY;
}

/* Memory objects of a kernel whose desc is there. */
static dnnl_status_t
kernel_memories(const vc_device *device, kernel *k, int direction, bool bias)
{
	vc_md		source = vc_md_query(k->desc, direction == BACKWARD_DATA ?
									 dnnl_query_diff_src_md : dnnl_query_src_md);
	vc_md		destination = vc_md_query(k->desc, direction == FORWARD ?
										  dnnl_query_dst_md : dnnl_query_diff_dst_md);
	dnnl_status_t status;

	k->weights_md = vc_md_query(k->desc, direction == BACKWARD_WEIGHTS ?
								dnnl_query_diff_weights_md : dnnl_query_weights_md);
	status = new_memory(device, source, &k->source);
	if (status == dnnl_success)
		status = new_memory(device, k->weights_md, &k->weights);
	if (status == dnnl_success)
		status = new_memory(device, destination, &k->destination);
	if (status == dnnl_success)
		status = new_memory(device, vc_md_query(k->desc, dnnl_query_scratchpad_md), &k->scratchpad);
	if (status == dnnl_success && bias)
		status = dnnl_memory_create(&k->bias, dnnl_primitive_desc_query_md(k->desc, dnnl_query_weights_md, 1),
									device->engine, DNNL_MEMORY_NONE);
	return status;
}

/* The reorder a training kernel needs where its weights have a layout of their own. */
static dnnl_status_t
kernel_reorder(const vc_device *device, kernel *k, int direction, vc_md parameter)
{
	bool		back = direction == BACKWARD_WEIGHTS;
	dnnl_primitive_desc_t desc = NULL;
	dnnl_status_t status;

	if (vc_md_equal(parameter, k->weights_md))
		return dnnl_success;
	status = dnnl_reorder_primitive_desc_create(&desc, back ? k->weights_md : parameter, device->engine,
												back ? parameter : k->weights_md, device->engine, NULL);
	if (status == dnnl_success)
		status = dnnl_primitive_create(&k->reorder, desc);
	dnnl_primitive_desc_destroy(desc);
	if (status == dnnl_success)
		status = new_memory(device, parameter, &k->parameter);
	return status;
}

/* The folded weights in a layout, or NULL. */
static packed *
find_packed(vc_cpu_convolution *c, vc_md md)
{
	for (int i = 0; i < c->packed_count; i++)
		if (vc_md_equal(c->packed[i].md, md))
			return &c->packed[i];
	return NULL;
}

/* Sees to it that the folded weights are there in a layout, if not yet filled. */
static vc_status
need_packed(vc_plan *plan, vc_cpu_convolution *c, vc_md md, vc_error *error)
{
	packed		p = {.bytes = vc_md_size(md)};
	packed	   *slot;

	if (find_packed(c, md) != NULL)
		return VC_OK;
	if ((p.md = vc_md_copy(md)) == NULL)
		return vc_no_memory(error, sizeof(dnnl_memory_desc_t));
	if ((p.data = vc_cpu_allocate(plan, p.bytes, error)) == NULL)
	{
		vc_md_free(p.md);
		return VC_OUT_OF_MEMORY;
	}
	if (c->packed_count < MAX_PACKED)
		slot = &c->packed[c->packed_count++];
	else
	{
		slot = &c->packed[c->next_packed];
		c->next_packed = (c->next_packed + 1) % MAX_PACKED;
		vc_md_free(slot->md);
		vc_cpu_release(plan, slot->data, slot->bytes);
	}
	*slot = p;
	c->stale = true;
	return VC_OK;
}

/* Makes one kernel, and all it needs but its arguments' memory. */
static vc_status
kernel_create(vc_plan *plan, vc_cpu_step *step, int count, int direction, kernel *k, vc_error *error)
{
	static const vc_direction directions[DIRECTIONS] = {
		VC_FORWARD_TRAINING, VC_BACKWARD_DATA, VC_BACKWARD_WEIGHTS
	};
	vc_cpu_convolution *c = step->convolution;
	dnnl_status_t status;
	vc_status	result = choose_desc(plan, step, count,
									 plan->training ? directions[direction] : VC_FORWARD_INFERENCE,
									 &k->desc, error);

	if (result != VC_OK)
		return result;
	status = dnnl_primitive_create(&k->primitive, k->desc);
	if (status == dnnl_success)
		status = kernel_memories(plan->device, k, direction, step->norm != NULL);
	if (status == dnnl_success && plan->training)
		status = kernel_reorder(plan->device, k, direction, c->weights);
	if (status != dnnl_success)
		return vc_cpu_dnnl_failed(error, status, "making a convolution");
	if (k->reorder != NULL &&
		(result = vc_cpu_reserve(plan, (void **) &plan->weight_scratch, &plan->weight_scratch_bytes,
								 vc_md_size(k->weights_md), error)) != VC_OK)
		return result;
	return vc_cpu_reserve(plan, &plan->scratch, &plan->scratch_bytes,
						  vc_md_size(vc_md_query(k->desc, dnnl_query_scratchpad_md)), error);
}

static variant *
find_variant(vc_cpu_convolution *c, int count)
{
	for (int i = 0; i < MAX_VARIANTS; i++)
		if (c->variants[i].count == count)
			return &c->variants[i];
	return NULL;
}

/* A free variant, or the one that was made first. */
static variant *
new_variant(vc_cpu_convolution *c, int count)
{
	variant    *v = find_variant(c, 0);

	if (v == NULL)
	{
		v = &c->variants[c->next];
		c->next = (c->next + 1) % MAX_VARIANTS;
		variant_free(v);
	}
	v->count = count;
	return v;
}

/* Makes the kernels a call of `count` images needs, where they are not there. */
vc_status
vc_cpu_convolution_ready(vc_plan *plan, vc_cpu_step *step, int count, bool training,
						 vc_error *error)
{
	vc_cpu_convolution *c = step->convolution;
	variant    *v = find_variant(c, count);
	bool		wanted[DIRECTIONS] = {
		true, training && step->to_input.buffer >= 0,
		training && vc_cpu_trains(plan, step->node->weight, 0)
	};

	if (v == NULL)
		v = new_variant(c, count);
	for (int i = 0; i < DIRECTIONS; i++)
	{
		vc_status	status;

		if (!wanted[i] || v->kernels[i].scratchpad != NULL)
			continue;
		status = kernel_create(plan, step, count, i, &v->kernels[i], error);
		if (status == VC_OK)
			status = vc_cpu_poll(plan, error);
		if (status != VC_OK)
		{
			kernel_free(&v->kernels[i]);
			return status;
		}
	}
	return plan->training ? VC_OK :
		need_packed(plan, c, v->kernels[FORWARD].weights_md, error);
}

/* Weights times the batch norm's scale, [outputs][..], and the bias left over. */
static void
fold(const vc_plan *plan, const vc_cpu_step *step, const vc_parameter *p,
	 float *weights, float *bias)
{
	const float *from = plan->parameters[step->node->weight].data;
	int64_t		row = p->count / p->shape[0];

	for (int o = 0; o < p->shape[0]; o++)
	{
		float		scale = 1.0f;

		if (step->norm != NULL)
		{
			scale = plan->parameters[step->norm->weight].data[o] /
				sqrtf(plan->parameters[step->norm->variance].data[o] + VC_NORM_EPSILON);
			bias[o] = plan->parameters[step->norm->bias].data[o] -
				plan->parameters[step->norm->mean].data[o] * scale;
		}
		for (int64_t i = 0; i < row; i++)
			weights[o * row + i] = from[o * row + i] * scale;
	}
}

/* Inference: folds and packs the weights where they, or all, are stale. */
vc_status
vc_cpu_convolution_fold(vc_plan *plan, vc_cpu_step *step, vc_error *error)
{
	vc_cpu_convolution *c = step->convolution;
	const vc_parameter *p = &plan->network->parameters[step->node->weight];
	vc_md		plain;
	vc_status	status;

	if (!c->stale && !plan->stale)
		return VC_OK;
	status = vc_cpu_reserve(plan, (void **) &plan->weight_scratch, &plan->weight_scratch_bytes,
							sizeof(float) * (size_t) p->count, error);
	if (status != VC_OK)
		return status;
	if ((plain = weights_md(&c->shape, dnnl_oihw)) == NULL)
		return vc_no_memory(error, sizeof(dnnl_memory_desc_t));
	fold(plan, step, p, plan->weight_scratch, c->bias);
	for (int i = 0; i < c->packed_count && status == VC_OK; i++)
		status = vc_cpu_reorder(plan, plain, plan->weight_scratch,
								c->packed[i].md, c->packed[i].data, error);
	vc_md_free(plain);
	c->stale = status != VC_OK;
	return status;
}

/* Runs a kernel on these arguments. */
static vc_status
execute(vc_plan *plan, kernel *k, int direction, void *source, void *weights,
		void *bias, void *destination, vc_error *error)
{
	dnnl_exec_arg_t args[] = {
		{direction == BACKWARD_DATA ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, k->source},
		{direction == BACKWARD_WEIGHTS ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, k->weights},
		{direction == FORWARD ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, k->destination},
		{DNNL_ARG_SCRATCHPAD, k->scratchpad},
		{DNNL_ARG_BIAS, k->bias},
	};
	dnnl_status_t status;

	if ((status = dnnl_memory_set_data_handle(k->source, source)) == dnnl_success &&
		(status = dnnl_memory_set_data_handle(k->weights, weights)) == dnnl_success &&
		(status = dnnl_memory_set_data_handle(k->destination, destination)) == dnnl_success &&
		(status = dnnl_memory_set_data_handle(k->scratchpad, plan->scratch)) == dnnl_success &&
		(k->bias == NULL ||
		 (status = dnnl_memory_set_data_handle(k->bias, bias)) == dnnl_success) &&
		(status = dnnl_primitive_execute(k->primitive, plan->device->stream,
										 k->bias != NULL ? 5 : 4, args)) == dnnl_success)
		status = dnnl_stream_wait(plan->device->stream);
	if (status != dnnl_success)
		return vc_cpu_dnnl_failed(error, status, "convolution");
	return VC_OK;
}

/* Brings weights into a kernel's layout, or its gradient out of it. */
static vc_status
reorder(vc_plan *plan, kernel *k, int direction, float *parameter, vc_error *error)
{
	bool		back = direction == BACKWARD_WEIGHTS;
	dnnl_exec_arg_t args[] = {
		{DNNL_ARG_FROM, back ? k->weights : k->parameter},
		{DNNL_ARG_TO, back ? k->parameter : k->weights},
	};
	dnnl_status_t status;

	if ((status = dnnl_memory_set_data_handle(k->weights, plan->weight_scratch)) == dnnl_success &&
		(status = dnnl_memory_set_data_handle(k->parameter, parameter)) == dnnl_success &&
		(status = dnnl_primitive_execute(k->reorder, plan->device->stream, 2, args)) == dnnl_success)
		status = dnnl_stream_wait(plan->device->stream);
	if (status != dnnl_success)
		return vc_cpu_dnnl_failed(error, status, "reordering weights");
	return VC_OK;
}

static vc_status
convolution_forward(vc_plan *plan, vc_cpu_step *step, const vc_cpu_run *run, vc_error *error)
{
	vc_cpu_convolution *c = step->convolution;
	kernel	   *k = &find_variant(c, run->count)->kernels[FORWARD];
	float	   *weights = plan->parameters[step->node->weight].data;
	vc_status	status = VC_OK;

	if (!plan->training)
		weights = find_packed(c, k->weights_md)->data;
	else if (k->reorder != NULL)
	{
		status = reorder(plan, k, FORWARD, weights, error);
		weights = plan->weight_scratch;
	}
	if (status != VC_OK)
		return status;
	return execute(plan, k, FORWARD, vc_cpu_value_data(plan, step->input), weights, c->bias,
				   vc_cpu_value_data(plan, step->output), error);
}

static vc_status
backward_weights(vc_plan *plan, vc_cpu_step *step, kernel *k, float *gradient, vc_error *error)
{
	float	   *parameter = plan->parameters[step->node->weight].gradient;
	vc_status	status = execute(plan, k, BACKWARD_WEIGHTS, vc_cpu_value_data(plan, step->input),
								 k->reorder != NULL ? plan->weight_scratch : parameter,
								 NULL, gradient, error);

	if (status == VC_OK && k->reorder != NULL)
		status = reorder(plan, k, BACKWARD_WEIGHTS, parameter, error);
	return status;
}

static vc_status
backward_data(vc_plan *plan, vc_cpu_step *step, kernel *k, float *gradient, vc_error *error)
{
	float	   *weights = plan->parameters[step->node->weight].data;
	vc_status	status = VC_OK;

	if (k->reorder != NULL)
	{
		status = reorder(plan, k, BACKWARD_DATA, weights, error);
		weights = plan->weight_scratch;
	}
	if (status != VC_OK)
		return status;
	return execute(plan, k, BACKWARD_DATA, vc_cpu_buffer_data(plan, step->to_input.buffer),
				   weights, NULL, gradient, error);
}

static vc_status
convolution_backward(vc_plan *plan, vc_cpu_step *step, const vc_cpu_run *run, vc_error *error)
{
	variant    *v = find_variant(step->convolution, run->count);
	float	   *gradient = vc_cpu_gradient(plan, step->output, run->count);
	vc_status	status = VC_OK;

	if (vc_cpu_trains(plan, step->node->weight, run->step->frozen_groups))
		status = backward_weights(plan, step, &v->kernels[BACKWARD_WEIGHTS], gradient, error);
	if (status == VC_OK && step->to_input.buffer >= 0 && plan->values[step->input].trains)
	{
		status = backward_data(plan, step, &v->kernels[BACKWARD_DATA], gradient, error);
		vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	}
	return status;
}

const vc_cpu_operation vc_cpu_convolution_operation = {convolution_forward, convolution_backward};

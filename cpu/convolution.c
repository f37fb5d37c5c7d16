/*
 * convolution.c
 *		Convolutions, by oneDNN.
 *
 * A primitive is made for one batch size, when a call first needs it.  The
 * primitives of a few batch sizes are kept.  In training the weights stay in
 * the layout the forward kernel wants; in inference they are multiplied by
 * the batch norm behind the convolution and packed as each kernel wants them.
 */
#include <stdlib.h>
#include <string.h>

#include "cpu/convolution.h"

static void
variant_free(vc_cpu_variant *v)
{
	for (int i = 0; i < VC_CPU_DIRECTIONS; i++)
		vc_cpu_primitive_free(&v->primitives[i]);
	v->count = 0;
}

static void
convolution_free(void *state)
{
	vc_cpu_convolution *c = state;

	if (c == NULL)
		return;
	for (int i = 0; i < VC_CPU_VARIANTS; i++)
		variant_free(&c->variants[i]);
	for (int i = 0; i < c->packed_count; i++)
	{
		vc_md_free(c->packed[i].md);
		free(c->packed[i].data);
	}
	vc_md_free(c->weights);
	free(c->folded);
	free(c);
}

/* Chooses the layout of a training plan's weights: the forward kernel's. */
static vc_status
choose_weights(vc_plan *plan, vc_plan_step *step, vc_error *error)
{
	vc_cpu_convolution *c = step->state;
	dnnl_primitive_desc_t desc;
	vc_status	status = vc_cpu_best_desc(plan, step, plan->options.max_batch,
										  VC_FORWARD_TRAINING, &desc, error);

	if (status != VC_OK)
		return status;
	c->weights = vc_md_copy(vc_md_query(desc, dnnl_query_weights_md));
	dnnl_primitive_desc_destroy(desc);
	if (c->weights == NULL)
		return vc_cpu_md_failed(error);
	plan->parameters[step->node->weight].md = c->weights;
	return VC_OK;
}

/* Inference: room for the folded bias and scales. */
static vc_status
allocate_folded(vc_plan *plan, vc_plan_step *step, vc_error *error)
{
	const vc_value *out = &plan->flow.values[step->output];
	vc_cpu_convolution *c = step->state;

	if ((c->folded = vc_cpu_allocate(plan, vc_cpu_folded_bytes(c), error)) == NULL)
		return VC_OUT_OF_MEMORY;
	memset(c->folded, 0, vc_cpu_folded_bytes(c));
	c->bias = step->norm != NULL ? c->folded : NULL;
	c->output_scales = vc_cpu_is_int8(out->format) ? c->folded + out->channels : NULL;
	return VC_OK;
}

/* Chooses, and times, what does not depend on where memory lies. */
static vc_status
convolution_create(vc_plan *plan, vc_plan_step *step, vc_error *error)
{
	const vc_value *in = &plan->flow.values[step->input];
	const vc_value *out = &plan->flow.values[step->output];
	const vc_node *node = step->node;
	vc_cpu_convolution *c = calloc(1, sizeof(*c));
	vc_status	status;

	if (c == NULL)
		return vc_no_memory(error, sizeof(*c));
	step->state = c;
	c->shape = (vc_cpu_shape) {
		.channels = in->channels,.height = in->height,.width = in->width,
		.out_channels = out->channels,.out_height = out->height,.out_width = out->width,
		.kernel = node->kernel,.stride = node->stride,.padding = node->padding,
		.source = in->format,.destination = out->format
	};
	status = plan->training ? choose_weights(plan, step, error) : allocate_folded(plan, step, error);
	return status == VC_OK ? vc_cpu_poll(plan, error) : status;
}

/* The folded weights in a layout, or NULL. */
static vc_cpu_packed *
find_packed(vc_cpu_convolution *c, vc_md md)
{
	for (int i = 0; i < c->packed_count; i++)
		if (vc_md_equal(c->packed[i].md, md))
			return &c->packed[i];
	return NULL;
}

/* Where the packed weights are; oneDNN only reads them. */
static float *
packed_weights(const vc_cpu_packed *p)
{
	return p->shared != NULL ? (float *) p->shared : p->data;
}

/* Makes room for the folded weights in a layout, unless they are there; fold fills it. */
static vc_status
need_packed(vc_plan *plan, const vc_plan_step *step, vc_md md, vc_error *error)
{
	vc_cpu_convolution *c = step->state;
	vc_cpu_packed p = {.bytes = vc_md_size(md)};
	vc_cpu_packed *slot;

	if (find_packed(c, md) != NULL)
		return VC_OK;
	if ((p.md = vc_md_copy(md)) == NULL)
		return vc_cpu_md_failed(error);
	p.shared = vc_cpu_shared_weights(plan, step, md);
	if (p.shared == NULL && (p.data = vc_cpu_allocate(plan, p.bytes, error)) == NULL)
	{
		vc_md_free(p.md);
		return VC_OUT_OF_MEMORY;
	}
	if (c->packed_count < VC_CPU_PACKED)
		slot = &c->packed[c->packed_count++];
	else
	{
		slot = &c->packed[c->next_packed];
		c->next_packed = (c->next_packed + 1) % VC_CPU_PACKED;
		vc_md_free(slot->md);
		vc_cpu_release(plan, slot->data, slot->bytes);
	}
	*slot = p;
	c->stale = true;
	return VC_OK;
}

static vc_cpu_variant *
find_variant(vc_cpu_convolution *c, int count)
{
	for (int i = 0; i < VC_CPU_VARIANTS; i++)
		if (c->variants[i].count == count)
			return &c->variants[i];
	return NULL;
}

/* A free variant, or the one that was made first. */
static vc_cpu_variant *
new_variant(vc_cpu_convolution *c, int count)
{
	vc_cpu_variant *v = find_variant(c, 0);

	if (v == NULL)
	{
		v = &c->variants[c->next];
		c->next = (c->next + 1) % VC_CPU_VARIANTS;
		variant_free(v);
	}
	v->count = count;
	return v;
}

/* int8: the scales are part of the primitives, so both are made again. */
static vc_status
set_output_scales(vc_plan *plan, vc_plan_step *step, vc_error *error)
{
	vc_cpu_convolution *c = step->state;

	for (int i = 0; i < VC_CPU_VARIANTS; i++)
		variant_free(&c->variants[i]);
	return vc_cpu_shared_bias(plan, step) ? VC_OK : vc_cpu_fold_weights(plan, step, error);
}

/* Makes the primitives that a call needs and that are not there. */
static vc_status
convolution_ready(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	vc_cpu_convolution *c = step->state;
	vc_cpu_variant *v = find_variant(c, run->count);
	bool		wanted[VC_CPU_DIRECTIONS] = {
		true, run->training && step->to_input.buffer >= 0,
		run->training && vc_flow_trains(plan->network, step->node->weight, 0)
	};

	if (vc_cpu_is_int8(c->shape.source) && plan->stale)
	{
		vc_status	status = set_output_scales(plan, step, error);

		if (status != VC_OK)
			return status;
		v = NULL;
	}
	if (v == NULL)
		v = new_variant(c, run->count);
	for (int i = 0; i < VC_CPU_DIRECTIONS; i++)
	{
		vc_status	status;

		if (!wanted[i] || v->primitives[i].scratchpad != NULL)
			continue;
		status = vc_cpu_primitive_create(plan, step, run->count, i, &v->primitives[i], error);
		if (status == VC_OK)
			status = vc_cpu_poll(plan, error);
		if (status != VC_OK)
		{
			vc_cpu_primitive_free(&v->primitives[i]);
			return status;
		}
	}
	return plan->training ? VC_OK :
		need_packed(plan, step, v->primitives[VC_CPU_FORWARD].weights_md, error);
}

/* Packs the folded weights, in plan->weight_scratch, for one kernel. */
static vc_status
pack_weights(vc_plan *plan, const vc_plan_step *step, vc_md plain, vc_cpu_packed *p, vc_error *error)
{
	vc_status	status = vc_cpu_reorder(plan, plain, plan->weight_scratch, p->md, p->data, error);

	if (status != VC_OK)
		return status;
	p->shared = vc_cpu_share_weights(plan, step, p->md, p->data);
	if (p->shared != NULL)
	{
		vc_cpu_release(plan, p->data, p->bytes);
		p->data = NULL;
	}
	return VC_OK;
}

/* True if another plan shares all weights and the bias, so that nothing needs folding. */
static bool
weights_are_shared(const vc_plan *plan, const vc_plan_step *step)
{
	const vc_cpu_convolution *c = step->state;

	for (int i = 0; i < c->packed_count; i++)
		if (c->packed[i].shared == NULL)
			return false;
	return vc_cpu_shared_bias(plan, step);
}

/* Inference: folds and packs the weights if these, or all parameters, are stale. */
static vc_status
convolution_fold(vc_plan *plan, vc_plan_step *step, vc_error *error)
{
	vc_cpu_convolution *c = step->state;
	vc_md		plain;
	vc_status	status = VC_OK;

	if (!c->stale && !plan->stale)
		return VC_OK;
	if (!weights_are_shared(plan, step))
	{
		if ((status = vc_cpu_fold_weights(plan, step, error)) != VC_OK)
			return status;
		if ((plain = vc_cpu_weights_md(&c->shape, dnnl_oihw)) == NULL)
			return vc_cpu_md_failed(error);
		for (int i = 0; i < c->packed_count && status == VC_OK; i++)
			if (c->packed[i].shared == NULL)
				status = pack_weights(plan, step, plain, &c->packed[i], error);
		vc_md_free(plain);
		if (status == VC_OK)
			vc_cpu_share_bias(plan, step);
	}
	c->stale = status != VC_OK;
	return status;
}

/* Runs a primitive on these arguments. */
static vc_status
execute_convolution(vc_plan *plan, vc_cpu_primitive *k, int direction, void *source, void *weights,
					void *bias, void *destination, vc_error *error)
{
	dnnl_exec_arg_t args[6] = {
		{direction == VC_CPU_BACKWARD_DATA ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, k->source},
		{direction == VC_CPU_BACKWARD_WEIGHTS ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, k->weights},
		{direction == VC_CPU_FORWARD ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, k->destination},
		{DNNL_ARG_SCRATCHPAD, k->scratchpad},
	};
	int			count = 4;
	dnnl_status_t status;

	if (k->bias != NULL)
		args[count++] = (dnnl_exec_arg_t) {DNNL_ARG_BIAS, k->bias};
	if (k->scales != NULL)
		args[count++] = (dnnl_exec_arg_t) {VC_DNNL_SCALES_ARG, k->scales};
	if ((status = dnnl_memory_set_data_handle(k->source, source)) == dnnl_success &&
		(status = dnnl_memory_set_data_handle(k->weights, weights)) == dnnl_success &&
		(status = dnnl_memory_set_data_handle(k->destination, destination)) == dnnl_success &&
		(status = dnnl_memory_set_data_handle(k->scratchpad, plan->scratch)) == dnnl_success &&
		(k->bias == NULL ||
		 (status = dnnl_memory_set_data_handle(k->bias, bias)) == dnnl_success) &&
		(status = dnnl_primitive_execute(k->primitive, plan->device->stream,
										 count, args)) == dnnl_success)
		status = dnnl_stream_wait(plan->device->stream);
	if (status != dnnl_success)
		return vc_cpu_dnnl_failed(error, status, "convolution");
	return VC_OK;
}

/* Brings weights into a primitive's layout, or its gradient out of it. */
static vc_status
reorder_weights(vc_plan *plan, vc_cpu_primitive *k, int direction, float *parameter, vc_error *error)
{
	bool		back = direction == VC_CPU_BACKWARD_WEIGHTS;
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
convolution_forward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	vc_cpu_convolution *c = step->state;
	vc_cpu_primitive *k = &find_variant(c, run->count)->primitives[VC_CPU_FORWARD];
	float	   *weights = plan->parameters[step->node->weight].data;
	vc_status	status = VC_OK;

	if (!plan->training)
		weights = packed_weights(find_packed(c, k->weights_md));
	else if (k->reorder != NULL)
	{
		status = reorder_weights(plan, k, VC_CPU_FORWARD, weights, error);
		weights = plan->weight_scratch;
	}
	if (status != VC_OK)
		return status;
	return execute_convolution(plan, k, VC_CPU_FORWARD, vc_cpu_value_data(plan, step->input),
							   weights, c->bias,
							   vc_cpu_value_data(plan, step->output), error);
}

static vc_status
backward_weights(vc_plan *plan, vc_plan_step *step, vc_cpu_primitive *k, float *gradient,
				 vc_error *error)
{
	float	   *parameter = plan->parameters[step->node->weight].gradient;
	vc_status	status = execute_convolution(plan, k, VC_CPU_BACKWARD_WEIGHTS,
											 vc_cpu_value_data(plan, step->input),
											 k->reorder != NULL ? plan->weight_scratch : parameter,
											 NULL, gradient, error);

	if (status == VC_OK && k->reorder != NULL)
		status = reorder_weights(plan, k, VC_CPU_BACKWARD_WEIGHTS, parameter, error);
	return status;
}

static vc_status
backward_data(vc_plan *plan, vc_plan_step *step, vc_cpu_primitive *k, float *gradient,
			  vc_error *error)
{
	float	   *weights = plan->parameters[step->node->weight].data;
	vc_status	status = VC_OK;

	if (k->reorder != NULL)
	{
		status = reorder_weights(plan, k, VC_CPU_BACKWARD_DATA, weights, error);
		weights = plan->weight_scratch;
	}
	if (status != VC_OK)
		return status;
	return execute_convolution(plan, k, VC_CPU_BACKWARD_DATA,
							   vc_cpu_buffer_data(plan, step->to_input.buffer),
							   weights, NULL, gradient, error);
}

static vc_status
convolution_backward(vc_plan *plan, vc_plan_step *step, const vc_run *run, vc_error *error)
{
	vc_cpu_variant *v = find_variant(step->state, run->count);
	float	   *gradient = vc_cpu_gradient(plan, step->output, run->count);
	vc_status	status = VC_OK;

	if (vc_flow_trains(plan->network, step->node->weight, run->step->frozen_groups))
		status = backward_weights(plan, step, &v->primitives[VC_CPU_BACKWARD_WEIGHTS],
								  gradient, error);
	if (status == VC_OK && vc_flow_wants(&plan->flow, step->input, step->to_input))
	{
		status = backward_data(plan, step, &v->primitives[VC_CPU_BACKWARD_DATA], gradient, error);
		vc_cpu_contribute(plan, step->input, step->to_input, run->count);
	}
	return status;
}

const vc_operation vc_cpu_convolution_operation = {
	.keeps_input = true,
	.create = convolution_create,
	.ready = convolution_ready,
	.fold = convolution_fold,
	.forward = convolution_forward,
	.backward = convolution_backward,
	.free = convolution_free,
};

/*
 * plan.c
 *		Making a plan of a network, and freeing it.
 */
#include <stdlib.h>

#include "cpu/cpu.h"

static vc_status
cpu_build(vc_plan *plan, vc_error *error)
{
	const vc_network *n = plan->network;
	vc_flow    *flow = &plan->flow;
	vc_status	status;

	plan->parameters = calloc((size_t) n->parameter_count + 1, sizeof(vc_cpu_parameter));
	if (plan->parameters == NULL)
		return vc_no_memory(error, sizeof(vc_cpu_parameter) * (size_t) n->parameter_count);
	if ((status = vc_parameters_create(&plan->book, n, plan->options.purpose, error)) != VC_OK ||
		(status = vc_flow_create(flow, n, VC_CPU_ALIGNMENT, error)) != VC_OK ||
		(status = vc_cpu_build_steps(plan, error)) != VC_OK)
		return status;
	if (plan->options.precision == VC_INT8 &&
		(status = vc_cpu_int8_set_scales(plan, error)) != VC_OK)
		return status;
	vc_flow_lives(flow, n, plan->training, flow->step_count);
	if ((status = vc_flow_create_states(flow, plan, error)) != VC_OK ||
		(status = vc_arena_place(flow->buffers, flow->buffer_count, &plan->arena_bytes,
								 error)) != VC_OK)
		return status;
	if ((plan->arena = vc_cpu_allocate(plan, plan->arena_bytes, error)) == NULL)
		return VC_OUT_OF_MEMORY;
	return vc_cpu_parameters_create(plan, error);
}

static vc_status
check_cpu_options(const vc_plan_options *o, vc_error *error)
{
	vc_status	status = vc_options_check(o, error);

	if (status != VC_OK)
		return status;
	if (o->precision == VC_INT8 && o->purpose == VC_TRAINING)
		return vc_fail(error, VC_INVALID_ARGUMENT, "int8 is for inference only");
	if ((o->parameters != NULL && o->purpose == VC_TRAINING) ||
		(o->store != NULL && o->parameters == NULL))
		return vc_fail(error, VC_INVALID_ARGUMENT,
					   "only inference can borrow parameters, and only borrowed ones can be shared");
	if (o->precision != VC_PRECISION_AUTO && o->precision != VC_FLOAT32 &&
		o->precision != VC_INT8)
	{
		vc_fail(error, VC_UNSUPPORTED, "a CPU does not compute in this precision");
		return vc_hint(error, VC_UNSUPPORTED, "Set visclf.precision to auto, float32 or int8.");
	}
	return VC_OK;
}

/* True if 8-bit integers are faster than float32 on this machine. */
static bool
prefers_int8(const vc_plan_options *o)
{
	return o->precision == VC_PRECISION_AUTO && o->algorithm == VC_ALGORITHM_AUTO &&
		o->purpose == VC_INFERENCE && o->ranges != NULL &&
		(vc_cpu_has_isa(dnnl_cpu_isa_avx2_vnni) || vc_cpu_has_isa(dnnl_cpu_isa_avx512_core_vnni));
}

/* The device's plan(); see device.h. */
vc_status
vc_cpu_plan(vc_device *device, const vc_network *network,
			const vc_plan_options *options, vc_plan **result, vc_error *error)
{
	vc_plan    *plan;
	vc_status	status = check_cpu_options(options, error);

	if (status != VC_OK)
		return status;
	if ((plan = calloc(1, sizeof(*plan))) == NULL)
		return vc_no_memory(error, sizeof(*plan));
	plan->device = device;
	plan->network = network;
	plan->options = *options;
	if (prefers_int8(options))
		plan->options.precision = VC_INT8;
	plan->training = options->purpose == VC_TRAINING;
	plan->stale = true;
	vc_cpu_enter(device);
	status = cpu_build(plan, error);
	vc_cpu_leave(device);
	plan->options.ranges = NULL;	/* the caller's */
	plan->options.parameters = NULL;
	if (status != VC_OK)
	{
		vc_cpu_plan_free(plan);
		return status;
	}
	*result = plan;
	return VC_OK;
}

/* Frees a plan, complete or not; NULL is allowed. */
void
vc_cpu_plan_free(vc_plan *plan)
{
	if (plan == NULL)
		return;
	vc_flow_free(&plan->flow);
	vc_parameters_free(&plan->book);
	vc_cpu_parameters_free(plan);
	free(plan->arena);
	free(plan->scratch);
	free(plan->weight_scratch);
	free(plan->partials);
	free(plan);
}

int64_t
vc_cpu_plan_memory(const vc_plan *plan)
{
	return plan->bytes;
}

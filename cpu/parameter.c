/*
 * parameter.c
 *		Sets and gets a plan's parameters and Adam's averages.
 *
 * A training plan keeps a convolution's weights, their gradient and averages
 * in the layout of its kernels; everything else is plain.  The padding in a
 * layout is zero and stays zero.
 */
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"

/* Zeroed memory for a parameter's floats. */
static float *
new_floats(vc_plan *plan, int64_t floats, vc_error *error)
{
	float	   *data = vc_cpu_allocate(plan, sizeof(float) * (size_t) floats, error);

	if (data != NULL)
		memset(data, 0, sizeof(float) * (size_t) floats);
	return data;
}

static vc_status
parameter_create(vc_plan *plan, int index, vc_error *error)
{
	const vc_parameter *p = &plan->network->parameters[index];
	vc_cpu_parameter *mine = &plan->parameters[index];

	if (plan->options.parameters != NULL && p->role != VC_CONSTANT)
	{
		mine->data = (float *) plan->options.parameters[index];
		mine->floats = p->count;
		mine->borrowed = plan->book.set[index] = true;
		return VC_OK;
	}
	mine->floats = mine->md == NULL ? p->count :
		(int64_t) ((vc_md_size(mine->md) + sizeof(float) - 1) / sizeof(float));
	if ((mine->data = new_floats(plan, mine->floats, error)) == NULL)
		return VC_OUT_OF_MEMORY;
	if (!plan->training || !vc_parameter_trainable(p))
		return VC_OK;
	if ((mine->gradient = new_floats(plan, mine->floats, error)) == NULL ||
		(mine->m = new_floats(plan, mine->floats, error)) == NULL ||
		(mine->v = new_floats(plan, mine->floats, error)) == NULL)
		return VC_OUT_OF_MEMORY;
	return VC_OK;
}

/* Allocates all parameters and sets the constants.  Layouts are chosen before. */
vc_status
vc_cpu_parameters_create(vc_plan *plan, vc_error *error)
{
	vc_status	status = VC_OK;

	for (int i = 0; i < plan->network->parameter_count && status == VC_OK; i++)
		status = parameter_create(plan, i, error);
	if (status == VC_OK)
		status = vc_parameters_set_constants(&plan->book, plan, vc_cpu_set_parameter, error);
	return status;
}

void
vc_cpu_parameters_free(vc_plan *plan)
{
	for (int i = 0; plan->parameters != NULL && i < plan->network->parameter_count; i++)
	{
		if (!plan->parameters[i].borrowed)
			free(plan->parameters[i].data);
		free(plan->parameters[i].gradient);
		free(plan->parameters[i].m);
		free(plan->parameters[i].v);
	}
	free(plan->parameters);
}

/* Copies a tensor from plain floats to the parameter's layout. */
static vc_status
copy_in_layout(vc_plan *plan, int index, const float *data, float *mine, vc_error *error)
{
	const vc_parameter *p = &plan->network->parameters[index];
	dnnl_dim_t	dims[4] = {p->shape[0], p->shape[1], p->shape[2], p->shape[3]};
	vc_md		plain;
	vc_status	status;

	if (plan->parameters[index].md == NULL)
	{
		memcpy(mine, data, sizeof(float) * (size_t) p->count);
		return VC_OK;
	}
	if ((plain = vc_md_create(4, dims, dnnl_oihw)) == NULL)
		return vc_cpu_md_failed(error);
	status = vc_cpu_reorder(plan, plain, data, plan->parameters[index].md, mine, error);
	vc_md_free(plain);
	return status;
}

/* Copies a tensor from the parameter's layout to plain floats. */
static vc_status
copy_out_plain(vc_plan *plan, int index, const float *mine, float *data, vc_error *error)
{
	const vc_parameter *p = &plan->network->parameters[index];
	dnnl_dim_t	dims[4] = {p->shape[0], p->shape[1], p->shape[2], p->shape[3]};
	vc_md		plain;
	vc_status	status;

	if (plan->parameters[index].md == NULL)
	{
		memcpy(data, mine, sizeof(float) * (size_t) p->count);
		return VC_OK;
	}
	if ((plain = vc_md_create(4, dims, dnnl_oihw)) == NULL)
		return vc_cpu_md_failed(error);
	status = vc_cpu_reorder(plan, plan->parameters[index].md, mine, plain, data, error);
	vc_md_free(plain);
	return status;
}

vc_status
vc_cpu_set_parameter(vc_plan *plan, int index, const float *data, vc_error *error)
{
	vc_status	status = vc_parameters_check_index(&plan->book, index, error);

	if (status == VC_OK && plan->parameters[index].borrowed)
		status = vc_fail(error, VC_INVALID_ARGUMENT, "the plan's parameters belong to its caller");
	if (status != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = copy_in_layout(plan, index, data, plan->parameters[index].data, error);
	vc_cpu_leave(plan->device);
	if (status == VC_OK)
		plan->book.set[index] = true;
	plan->stale = true;
	return status;
}

vc_status
vc_cpu_get_parameter(vc_plan *plan, int index, float *data, vc_error *error)
{
	vc_status	status = vc_parameters_check_read(&plan->book, index, error);

	if (status != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = copy_out_plain(plan, index, plan->parameters[index].data, data, error);
	vc_cpu_leave(plan->device);
	return status;
}

vc_status
vc_cpu_get_optimizer(vc_plan *plan, int index, float *m, float *v, vc_error *error)
{
	vc_status	status = vc_parameters_check_optimizer(&plan->book, index, error);

	if (status != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = copy_out_plain(plan, index, plan->parameters[index].m, m, error);
	if (status == VC_OK)
		status = copy_out_plain(plan, index, plan->parameters[index].v, v, error);
	vc_cpu_leave(plan->device);
	return status;
}

vc_status
vc_cpu_set_optimizer(vc_plan *plan, int index, const float *m, const float *v, vc_error *error)
{
	vc_status	status = vc_parameters_check_optimizer(&plan->book, index, error);

	if (status != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = copy_in_layout(plan, index, m, plan->parameters[index].m, error);
	if (status == VC_OK)
		status = copy_in_layout(plan, index, v, plan->parameters[index].v, error);
	vc_cpu_leave(plan->device);
	return status;
}

vc_status
vc_cpu_reset_optimizer(vc_plan *plan, vc_error *error)
{
	vc_status	status = vc_parameters_check_training(&plan->book, error);

	if (status != VC_OK)
		return status;
	for (int i = 0; i < plan->network->parameter_count; i++)
	{
		vc_cpu_parameter *mine = &plan->parameters[i];

		if (mine->m == NULL)
			continue;
		memset(mine->m, 0, sizeof(float) * (size_t) mine->floats);
		memset(mine->v, 0, sizeof(float) * (size_t) mine->floats);
	}
	return VC_OK;
}

vc_status
vc_cpu_get_gradient(vc_plan *plan, int index, float *data, vc_error *error)
{
	vc_status	status = vc_parameters_check_gradient(&plan->book, index, error);

	if (status != VC_OK)
		return status;
	vc_cpu_enter(plan->device);
	status = copy_out_plain(plan, index, plan->parameters[index].gradient, data, error);
	vc_cpu_leave(plan->device);
	return status;
}

/*
 * parameters.c
 *		What a plan notes of its network's parameters.
 */
#include <stdlib.h>

#include "engine/plan/parameters.h"

vc_status
vc_parameters_create(vc_parameters *p, const vc_network *network, vc_purpose purpose,
					 vc_error *error)
{
	p->network = network;
	p->training = purpose == VC_TRAINING;
	p->frozen_groups = -1;
	p->set = calloc((size_t) network->parameter_count + 1, sizeof(*p->set));
	if (p->set == NULL)
		return vc_no_memory(error, sizeof(*p->set) * (size_t) network->parameter_count);
	return VC_OK;
}

void
vc_parameters_free(vc_parameters *p)
{
	free(p->set);
}

/* Sets a parameter to what the architecture says. */
static vc_status
set_constant(const vc_network *network, int index, vc_plan *plan,
			 vc_status (*set) (vc_plan *, int, const float *, vc_error *), vc_error *error)
{
	size_t		bytes = sizeof(float) * (size_t) network->parameters[index].count;
	float	   *data = malloc(bytes);
	vc_status	status;

	if (data == NULL)
		return vc_no_memory(error, bytes);
	vc_parameter_init(network, index, 0, data);
	status = set(plan, index, data, error);
	free(data);
	return status;
}

vc_status
vc_parameters_set_constants(const vc_parameters *p, vc_plan *plan,
							vc_status (*set) (vc_plan *, int, const float *, vc_error *),
							vc_error *error)
{
	vc_status	status = VC_OK;

	for (int i = 0; i < p->network->parameter_count && status == VC_OK; i++)
		if (p->network->parameters[i].role == VC_CONSTANT)
			status = set_constant(p->network, i, plan, set, error);
	return status;
}

static vc_status
never_set(const vc_parameters *p, int index, vc_error *error)
{
	return vc_fail(error, VC_INVALID_ARGUMENT, "parameter \"%s\" was never set",
				   p->network->parameters[index].name);
}

vc_status
vc_parameters_check_set(const vc_parameters *p, vc_error *error)
{
	for (int i = 0; i < p->network->parameter_count; i++)
		if (!p->set[i])
			return never_set(p, i, error);
	return VC_OK;
}

vc_status
vc_parameters_check_index(const vc_parameters *p, int index, vc_error *error)
{
	if (index < 0 || index >= p->network->parameter_count)
		return vc_fail(error, VC_INVALID_ARGUMENT, "parameter %d is outside 0 to %d",
					   index, p->network->parameter_count - 1);
	return VC_OK;
}

vc_status
vc_parameters_check_read(const vc_parameters *p, int index, vc_error *error)
{
	vc_status	status = vc_parameters_check_index(p, index, error);

	if (status == VC_OK && !p->set[index])
		status = never_set(p, index, error);
	return status;
}

vc_status
vc_parameters_check_training(const vc_parameters *p, vc_error *error)
{
	if (!p->training)
		return vc_fail(error, VC_INVALID_ARGUMENT, "an inference plan has no optimizer");
	return VC_OK;
}

vc_status
vc_parameters_check_optimizer(const vc_parameters *p, int index, vc_error *error)
{
	vc_status	status = vc_parameters_check_index(p, index, error);

	if (status == VC_OK)
		status = vc_parameters_check_training(p, error);
	if (status == VC_OK && !vc_parameter_trainable(&p->network->parameters[index]))
		status = vc_fail(error, VC_INVALID_ARGUMENT, "parameter \"%s\" is not trained",
						 p->network->parameters[index].name);
	return status;
}

vc_status
vc_parameters_check_gradient(const vc_parameters *p, int index, vc_error *error)
{
	vc_status	status = vc_parameters_check_optimizer(p, index, error);

	if (status != VC_OK)
		return status;
	if (p->frozen_groups < 0)
		return vc_fail(error, VC_INVALID_ARGUMENT, "there was no training step yet");
	if (!vc_parameter_trains(&p->network->parameters[index], p->frozen_groups))
		return vc_fail(error, VC_INVALID_ARGUMENT, "parameter \"%s\" was frozen in the last step",
					   p->network->parameters[index].name);
	return VC_OK;
}

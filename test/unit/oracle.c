/*
 * oracle.c
 *		The oracle's plans: memory, parameters and optimiser state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/oracle_plan.h"

struct vc_device
{
	int			index;
};

static vc_status
oracle_survey(vc_device_info *info, int max, int *count, vc_error *error)
{
	(void) error;
	*count = 0;
	if (max < 1)
		return VC_OK;
	memset(info, 0, sizeof(*info));
	snprintf(info->name, sizeof(info->name), "oracle");
	snprintf(info->library, sizeof(info->library), "plain C");
	info->usable = true;
	info->threads = 1;
	*count = 1;
	return VC_OK;
}

static vc_status
oracle_open(int index, int threads, vc_device **device, vc_error *error)
{
	(void) threads;
	if (index != 0)
		return vc_fail(error, VC_INVALID_ARGUMENT, "there is no oracle %d", index);
	*device = calloc(1, sizeof(vc_device));
	return *device != NULL ? VC_OK : vc_no_memory(error, sizeof(vc_device));
}

static void
oracle_close(vc_device *device)
{
	free(device);
}

/* Zeroed memory that is counted; NULL makes *complete false. */
static void *
claim(vc_plan *plan, int64_t count, size_t size, bool *complete)
{
	void	   *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL)
		*complete = false;
	plan->memory += count * (int64_t) size;
	return memory;
}

static bool
claim_parameters(vc_plan *plan)
{
	bool		training = plan->options.purpose == VC_TRAINING;
	bool		complete = true;

	plan->parameters = claim(plan, plan->network->parameter_count,
							 sizeof(oracle_parameter), &complete);
	for (int i = 0; complete && i < plan->network->parameter_count; i++)
	{
		int64_t		count = plan->network->parameters[i].count;
		oracle_parameter *p = &plan->parameters[i];

		p->value = claim(plan, count, sizeof(double), &complete);
		if (!training)
			continue;
		p->gradient = claim(plan, count, sizeof(double), &complete);
		p->m = claim(plan, count, sizeof(double), &complete);
		p->v = claim(plan, count, sizeof(double), &complete);
	}
	return complete;
}

static bool
claim_activations(vc_plan *plan)
{
	bool		complete = true;

	plan->output = claim(plan, plan->network->node_count, sizeof(double *), &complete);
	plan->gradient = claim(plan, plan->network->node_count, sizeof(double *), &complete);
	for (int i = 0; complete && i < plan->network->node_count; i++)
	{
		int64_t		count = plan->options.max_batch * oracle_size(&plan->network->nodes[i]);

		plan->output[i] = claim(plan, count, sizeof(double), &complete);
		if (plan->options.purpose == VC_TRAINING)
			plan->gradient[i] = claim(plan, count, sizeof(double), &complete);
	}
	return complete;
}

/* Room for what the pixels of one image's convolution see. */
static bool
claim_patches(vc_plan *plan)
{
	const vc_network *network = plan->network;
	int64_t		most = 0;
	bool		complete = true;

	for (int i = 0; i < network->node_count; i++)
	{
		const vc_node *node = &network->nodes[i];
		int64_t		count = (int64_t) node->height * node->width * node->kernel * node->kernel;

		if (node->op != VC_CONVOLUTION)
			continue;
		count *= network->nodes[node->input[0]].channels;
		if (count > most)
			most = count;
	}
	plan->patches = claim(plan, most, sizeof(double), &complete);
	if (plan->options.purpose == VC_TRAINING)
		plan->patch_gradients = claim(plan, most, sizeof(double), &complete);
	return complete;
}

static void
oracle_plan_free(vc_plan *plan)
{
	if (plan == NULL)
		return;
	for (int i = 0; plan->parameters != NULL && i < plan->network->parameter_count; i++)
	{
		free(plan->parameters[i].value);
		free(plan->parameters[i].gradient);
		free(plan->parameters[i].m);
		free(plan->parameters[i].v);
	}
	for (int i = 0; i < plan->network->node_count; i++)
	{
		if (plan->output != NULL)
			free(plan->output[i]);
		if (plan->gradient != NULL)
			free(plan->gradient[i]);
	}
	free(plan->patches);
	free(plan->patch_gradients);
	vc_parameters_free(&plan->book);
	free(plan->parameters);
	free(plan->output);
	free(plan->gradient);
	free(plan);
}

static vc_status
oracle_set_parameter(vc_plan *plan, int index, const float *data, vc_error *error)
{
	vc_status	status = vc_parameters_check_index(&plan->book, index, error);

	for (int64_t i = 0; status == VC_OK && i < plan->network->parameters[index].count; i++)
		plan->parameters[index].value[i] = data[i];
	if (status == VC_OK)
		plan->book.set[index] = true;
	return status;
}

static vc_status
oracle_make_plan(vc_device *device, const vc_network *network,
				 const vc_plan_options *options, vc_plan **plan, vc_error *error)
{
	vc_plan    *p;
	vc_status	status = vc_options_check(options, error);

	(void) device;
	if (status != VC_OK)
		return status;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return vc_no_memory(error, sizeof(*p));
	p->network = network;
	p->options = *options;
	if (!claim_parameters(p) || !claim_activations(p) || !claim_patches(p))
		status = vc_no_memory(error, (unsigned long long) p->memory);
	if (status == VC_OK)
		status = vc_parameters_create(&p->book, network, options->purpose, error);
	if (status == VC_OK)
		status = vc_parameters_set_constants(&p->book, p, oracle_set_parameter, error);
	if (status != VC_OK)
	{
		oracle_plan_free(p);
		return status;
	}
	*plan = p;
	return VC_OK;
}

static vc_status
oracle_get_parameter(vc_plan *plan, int index, float *data, vc_error *error)
{
	vc_status	status = vc_parameters_check_read(&plan->book, index, error);

	for (int64_t i = 0; status == VC_OK && i < plan->network->parameters[index].count; i++)
		data[i] = (float) plan->parameters[index].value[i];
	return status;
}

static vc_status
oracle_get_optimizer(vc_plan *plan, int index, float *m, float *v, vc_error *error)
{
	vc_status	status = vc_parameters_check_optimizer(&plan->book, index, error);

	for (int64_t i = 0; status == VC_OK && i < plan->network->parameters[index].count; i++)
	{
		m[i] = (float) plan->parameters[index].m[i];
		v[i] = (float) plan->parameters[index].v[i];
	}
	return status;
}

static vc_status
oracle_set_optimizer(vc_plan *plan, int index, const float *m, const float *v, vc_error *error)
{
	vc_status	status = vc_parameters_check_optimizer(&plan->book, index, error);

	for (int64_t i = 0; status == VC_OK && i < plan->network->parameters[index].count; i++)
	{
		plan->parameters[index].m[i] = m[i];
		plan->parameters[index].v[i] = v[i];
	}
	return status;
}

static vc_status
oracle_reset_optimizer(vc_plan *plan, vc_error *error)
{
	vc_status	status = vc_parameters_check_training(&plan->book, error);

	if (status != VC_OK)
		return status;
	for (int i = 0; i < plan->network->parameter_count; i++)
	{
		memset(plan->parameters[i].m, 0, sizeof(double) * plan->network->parameters[i].count);
		memset(plan->parameters[i].v, 0, sizeof(double) * plan->network->parameters[i].count);
	}
	return VC_OK;
}

static vc_status
oracle_get_gradient(vc_plan *plan, int index, float *data, vc_error *error)
{
	vc_status	status = vc_parameters_check_gradient(&plan->book, index, error);

	for (int64_t i = 0; status == VC_OK && i < plan->network->parameters[index].count; i++)
		data[i] = (float) plan->parameters[index].gradient[i];
	return status;
}

static int64_t
oracle_plan_memory(const vc_plan *plan)
{
	return plan->memory;
}

double *
vc_oracle_values(vc_plan *plan, int index)
{
	return plan->parameters[index].value;
}

const double *
vc_oracle_gradient(const vc_plan *plan, int index)
{
	return plan->parameters[index].gradient;
}

static const vc_device_api oracle_api = {
	.version = VC_DEVICE_API_VERSION,
	.kind = "oracle",
	.survey = oracle_survey,
	.open = oracle_open,
	.close = oracle_close,
	.plan = oracle_make_plan,
	.plan_free = oracle_plan_free,
	.set_parameter = oracle_set_parameter,
	.get_parameter = oracle_get_parameter,
	.forward = oracle_run_forward,
	.train_step = oracle_run_step,
	.get_optimizer = oracle_get_optimizer,
	.set_optimizer = oracle_set_optimizer,
	.reset_optimizer = oracle_reset_optimizer,
	.get_gradient = oracle_get_gradient,
	.plan_memory = oracle_plan_memory,
};

const vc_device_api *
vc_oracle_device(void)
{
	return &oracle_api;
}

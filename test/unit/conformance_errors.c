/*
 * conformance_errors.c
 *		Calls that must fail, and being told to stop.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/conformance.h"
#include "test/unit/small_networks.h"

#define BATCH 4

/* Two plans of one network and a good batch. */
typedef struct trial
{
	subject    *s;
	vc_network *network;
	float	  **parameters;
	vc_plan    *training;
	vc_plan    *inference;
	uint8_t    *images;
	vc_targets *targets;
	float	   *buffer;			/* room for any parameter, and for logits */
} trial;

static void
open_trial(trial *t, subject *s)
{
	int64_t		most = 0;

	t->s = s;
	t->network = whole_network("resnet20", VC_HEAD_CONCAT, 16, 3, 0.5f);
	t->parameters = random_parameters(t->network, 3);
	t->training = make_plan(s, t->network, VC_TRAINING, BATCH);
	t->inference = make_plan(s, t->network, VC_INFERENCE, BATCH);
	set_parameters(s, t->training, t->network, t->parameters);
	set_parameters(s, t->inference, t->network, t->parameters);
	t->images = random_images(BATCH + 1, t->network->image_size, 4);
	t->targets = random_targets(BATCH + 1, t->network->classes, LABELS, 4);
	for (int i = 0; i < t->network->parameter_count; i++)
		if (t->network->parameters[i].count > most)
			most = t->network->parameters[i].count;
	t->buffer = malloc(sizeof(float) * 2 * most);
}

static void
close_trial(trial *t)
{
	t->s->api->plan_free(t->training);
	t->s->api->plan_free(t->inference);
	free_parameters(t->network, t->parameters);
	vc_network_free(t->network);
	free(t->images);
	free(t->targets);
	free(t->buffer);
}

/* The call was refused, and says why. */
static void
refused(const trial *t, vc_status status, const vc_error *error, const char *what)
{
	check(status == VC_INVALID_ARGUMENT && error->code == status && error->message[0] != '\0',
		  "%s %s: %s is refused: %s", t->s->device_name, t->s->mode, what, error->message);
}

/* Targets that no loss can be made of. */
static void
check_targets(trial *t)
{
	static const float zero[3] = {1, 0, 1};
	static const float infinite[3] = {1, INFINITY, 1};
	static const uint8_t members[BATCH * 3] = {1, 0, 1, 2};
	const int32_t *labels = t->targets->labels;
	const struct
	{
		vc_targets	targets;
		const char *what;
	}			list[] =
	{
		{{0}, "a step without targets"},
		{{.labels = labels,.members = members}, "a step with both kinds of targets"},
		{{.members = members}, "a class that is carried twice"},
		{{.labels = labels,.class_weights = zero}, "a class that weighs nothing"},
		{{.labels = labels,.class_weights = infinite}, "a class of infinite weight"},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
	{
		vc_error	error = {0};
		float		loss;

		refused(t, t->s->api->train_step(t->training, t->images, &list[i].targets, BATCH,
										 &usual_step, &loss, NULL, &error),
				&error, list[i].what);
	}
}

static void
check_batches(trial *t)
{
	static const struct
	{
		int			count;
		int			label;		/* of image 1; -2: leave it */
		bool		inference;	/* a step on an inference plan */
		const char *what;
	}			steps[] =
	{
		{BATCH + 1, -2, false, "a step of more images than the plan holds"},
		{0, -2, false, "a step of no image"},
		{1, -2, false, "a step of one image"},
		{-1, -2, false, "a step of a negative count"},
		{BATCH, 3, false, "a label equal to the number of classes"},
		{BATCH, -1, false, "a negative label"},
		{BATCH, -2, true, "a step of a plan for inference"},
	};
	const vc_device_api *api = t->s->api;
	vc_status	status;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
	{
		int32_t		labels[BATCH + 1];
		vc_error	error = {0};
		float		loss;

		memcpy(labels, t->targets->labels, sizeof(labels));
		if (steps[i].label != -2)
			labels[1] = steps[i].label;
		status = api->train_step(steps[i].inference ? t->inference : t->training, t->images,
								 &(vc_targets) {.labels = labels}, steps[i].count, &usual_step, &loss, NULL, &error);
		refused(t, status, &error, steps[i].what);
	}
	for (int count = 0; count <= BATCH + 1; count += BATCH + 1)
		for (int i = 0; i < 2; i++)
		{
			vc_error	error = {0};

			status = api->forward(i ? t->training : t->inference, t->images, count,
								  t->buffer, NULL, &error);
			refused(t, status, &error, count ? "too large a batch" : "an empty batch");
		}
	status = api->forward(t->inference, t->images, 0, t->buffer, NULL, NULL);
	check(status == VC_INVALID_ARGUMENT, "%s %s: nobody need want the message",
		  t->s->device_name, t->s->mode);
}

static void
check_plans(trial *t)
{
	static const struct
	{
		vc_purpose	purpose;
		int			max_batch;
		const char *what;
	}			list[] =
	{
		{VC_INFERENCE, 0, "a plan for no image"},
		{VC_TRAINING, 1, "a plan to train on one image"},
	};

	for (int i = 0; i < 2; i++)
	{
		vc_plan_options options = {.purpose = list[i].purpose,.max_batch = list[i].max_batch,
		.precision = t->s->precision,.algorithm = t->s->algorithm};
		vc_plan    *plan = NULL;
		vc_error	error = {0};

		refused(t, t->s->api->plan(t->s->device, t->network, &options, &plan, &error),
				&error, list[i].what);
	}
}

static void
check_gradients(trial *t)
{
	const vc_device_api *api = t->s->api;
	int			body = vc_network_find(t->network, "layer2.0.conv1.weight");
	int			body_norm = vc_network_find(t->network, "layer2.0.bn1.weight");
	int			mean = vc_network_find(t->network, "bn1.running_mean");
	vc_step		step = usual_step;
	vc_error	error = {0};

	refused(t, api->get_gradient(t->training, body, t->buffer, &error), &error,
			"a gradient before any step");
	step.frozen_groups = VC_GROUP_HEAD;
	step_of(t->s, t->training, t->images, t->targets, BATCH, &step, NULL);
	error.code = VC_OK;
	refused(t, api->get_gradient(t->training, body, t->buffer, &error), &error,
			"a frozen parameter's gradient");
	check(api->get_gradient(t->training, body_norm, t->buffer, &error) == VC_OK,
		  "%s %s: a frozen group's batch norm has a gradient", t->s->device_name, t->s->mode);
	refused(t, api->get_gradient(t->training, mean, t->buffer, &error), &error,
			"the gradient of a running mean");
	error.code = VC_OK;
	refused(t, api->get_optimizer(t->training, mean, t->buffer, t->buffer, &error), &error,
			"Adam's averages of a running mean");
	error.code = VC_OK;
	refused(t, api->get_gradient(t->inference, body, t->buffer, &error), &error,
			"a gradient of a plan for inference");
	error.code = VC_OK;
	refused(t, api->set_parameter(t->training, t->network->parameter_count, t->buffer, &error),
			&error, "a parameter after the last");
}

/* Says stop when it has been asked often enough. */
static bool
stop_at_zero(void *argument)
{
	int		   *left = argument;

	return --*left <= 0;
}

/* A call that is told to stop at the patience-th question. */
static void
check_interrupt(trial *t, bool training, int patience)
{
	int			left = patience;
	vc_plan_options options = {.purpose = training ? VC_TRAINING : VC_INFERENCE,
		.max_batch = BATCH,.precision = t->s->precision,.algorithm = t->s->algorithm,
	.interrupted = stop_at_zero,.interrupt_argument = &left};
	vc_plan    *plan = NULL;
	vc_error	error = {0};
	vc_status	status = t->s->api->plan(t->s->device, t->network, &options, &plan, &error);
	float		loss;

	if (status == VC_OK)
		set_parameters(t->s, plan, t->network, t->parameters);

	/* A device that asks once a call needs as many calls. */
	for (int i = 0; i < patience && status == VC_OK; i++)
		status = training
			? t->s->api->train_step(plan, t->images, t->targets, BATCH, &usual_step,
									&loss, NULL, &error)
			: t->s->api->forward(plan, t->images, BATCH, t->buffer, NULL, &error);
	check(status == VC_CANCELED && left <= 0 && error.message[0] != '\0',
		  "%s %s: %s stops at question %d: %s", t->s->device_name, t->s->mode,
		  training ? "training" : "inference", patience, error.message);
	if (plan != NULL)
		t->s->api->plan_free(plan);
}

void
conform_errors(subject *s)
{
	trial		t;

	open_trial(&t, s);
	check_batches(&t);
	check_targets(&t);
	check_plans(&t);
	check_gradients(&t);
	check_interrupt(&t, false, 1);
	check_interrupt(&t, false, 9);
	check_interrupt(&t, true, 1);
	check_interrupt(&t, true, 99);
	close_trial(&t);
}

/*
 * conformance_int8.c
 *		Inference in 8-bit integers against the same device's float32.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/conformance.h"
#include "test/unit/small_networks.h"

#define BATCH	8
#define LIMIT	0.06			/* of the norm of the logits' difference */

/* A network, its weights, and what float32 makes of some images. */
typedef struct trial
{
	const subject *s;
	vc_network *network;
	float	  **parameters;
	uint8_t    *images;
	float	   *ranges;
	float	   *expected;		/* logits [BATCH][classes] */
} trial;

static vc_status
plan_int8(const trial *t, vc_purpose purpose, const float *ranges, vc_plan **plan, vc_error *error)
{
	vc_plan_options options = {.purpose = purpose,.precision = VC_INT8,
	.max_batch = BATCH,.ranges = ranges};

	return t->s->api->plan(t->s->device, t->network, &options, plan, error);
}

/* Calibrates on the images in two parts, as a caller with many would. */
static void
open_trial(trial *t, const subject *s, const char *architecture, vc_head head, int size)
{
	vc_error	error = {0};
	vc_plan    *plan;
	int64_t		bytes = (int64_t) size * size * 3;

	t->s = s;
	t->network = whole_network(architecture, head, size, 5, 0.5f);
	t->parameters = random_parameters(t->network, 11);
	t->images = random_images(BATCH, size, 12);
	t->ranges = calloc(t->network->node_count, sizeof(float));
	t->expected = malloc(sizeof(float) * BATCH * t->network->classes);
	plan = make_plan(s, t->network, VC_INFERENCE, BATCH);
	set_parameters(s, plan, t->network, t->parameters);
	must(s->api->calibrate(plan, t->images, 3, t->ranges, &error), &error, "calibrate");
	must(s->api->calibrate(plan, t->images + 3 * bytes, BATCH - 3, t->ranges, &error), &error,
		 "calibrate");
	must(s->api->forward(plan, t->images, BATCH, t->expected, NULL, &error), &error, "forward");
	s->api->plan_free(plan);
}

static void
close_trial(trial *t)
{
	free_parameters(t->network, t->parameters);
	vc_network_free(t->network);
	free(t->images);
	free(t->ranges);
	free(t->expected);
}

/* Whole batches, single images and parts of batches. */
static void
check_forward(const trial *t, vc_plan *plan, const char *what)
{
	int			classes = t->network->classes;
	int64_t		bytes = (int64_t) t->network->image_size * t->network->image_size * 3;
	float		logits[BATCH * 8];
	double		whole,
				apart;
	vc_error	error = {0};

	must(t->s->api->forward(plan, t->images, BATCH, logits, NULL, &error), &error, "forward in int8");
	whole = distance(logits, t->expected, BATCH * classes, 0);
	must(t->s->api->forward(plan, t->images, 1, logits, NULL, &error), &error, "forward in int8");
	must(t->s->api->forward(plan, t->images + bytes, BATCH - 1, logits + classes, NULL, &error),
		 &error, "forward in int8");
	apart = distance(logits, t->expected, BATCH * classes, 0);
	check(whole <= LIMIT && fabs(whole - apart) < 1e-5, "%s %s %s: int8 is %.2g of %.2g from float32",
		  t->s->device_name, t->network->architecture, what, whole, LIMIT);
}

static void
check_network(const subject *s, const char *architecture, vc_head head, int size)
{
	trial		t;
	vc_plan    *plan;
	float	  **others;
	vc_error	error = {0};

	open_trial(&t, s, architecture, head, size);
	must(plan_int8(&t, VC_INFERENCE, t.ranges, &plan, &error), &error, "plan for int8");
	set_parameters(s, plan, t.network, t.parameters);
	check_forward(&t, plan, "");

	/* other weights, then these again: scales follow them */
	others = random_parameters(t.network, 13);
	set_parameters(s, plan, t.network, others);
	must(s->api->forward(plan, t.images, 1, (float[8]) {0}, NULL, &error), &error, "forward in int8");
	set_parameters(s, plan, t.network, t.parameters);
	check_forward(&t, plan, "after other weights");
	free_parameters(t.network, others);
	s->api->plan_free(plan);
	close_trial(&t);
}

static void
refused(const trial *t, vc_status status, const vc_error *error, const char *what)
{
	check(status == VC_INVALID_ARGUMENT && error->message[0] != '\0', "%s: %s is refused: %s",
		  t->s->device_name, what, error->message);
}

static void
check_errors(const subject *s)
{
	trial		t;
	vc_plan    *plan;
	vc_error	error = {0};

	open_trial(&t, s, "resnet20", VC_HEAD_CONCAT, 16);
	refused(&t, plan_int8(&t, VC_INFERENCE, NULL, &plan, &error), &error, "int8 without ranges");
	refused(&t, plan_int8(&t, VC_TRAINING, t.ranges, &plan, &error), &error, "training in int8");
	t.ranges[2] = NAN;
	refused(&t, plan_int8(&t, VC_INFERENCE, t.ranges, &plan, &error), &error, "a range that is no number");
	plan = make_plan(s, t.network, VC_TRAINING, BATCH);
	refused(&t, s->api->calibrate(plan, t.images, BATCH, t.ranges, &error), &error,
			"calibrating a training plan");
	s->api->plan_free(plan);
	close_trial(&t);
}

void
conform_int8(const subject *s)
{
	if (s->api->calibrate == NULL)
		return;
	check_network(s, "resnet20", VC_HEAD_CONCAT, 32);
	check_network(s, "resnet20", VC_HEAD_LINEAR, 16);
	check_network(s, "resnet18", VC_HEAD_CONCAT, 64);
	check_network(s, "resnet50", VC_HEAD_LINEAR, 64);
	check_errors(s);
}

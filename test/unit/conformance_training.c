/*
 * conformance_training.c
 *		Adam, its state, several steps, resuming, several plans at once.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/conformance.h"
#include "test/unit/small_networks.h"

#define BATCH 10

const vc_step usual_step = {.rate = {1e-4f, 2e-4f, 5e-4f},.momentum = 0.95f,
.square_momentum = 0.99f,.epsilon = 1e-5f,.weight_decay = 0.01f,.step = 1,.seed = 21};

/* A training run: a plan on its network, and its batches. */
typedef struct run
{
	subject    *s;
	const vc_network *network;
	vc_plan    *plan;
	int			batch;
	int			step;			/* steps taken */
} run;

/* One parameter before or after a step. */
typedef struct snapshot
{
	float	   *value;
	float	   *m;
	float	   *v;
} snapshot;

static run
start_run(subject *s, const vc_network *network, int batch, float *const *parameters)
{
	run			r = {.s = s,.network = network,.batch = batch};

	r.plan = make_plan(s, network, VC_TRAINING, batch);
	set_parameters(s, r.plan, network, parameters);
	return r;
}

/* Takes the next step on the batch that belongs to it; returns the loss. */
static float
next_step(run *r, int frozen)
{
	vc_step		step = usual_step;
	uint8_t    *images = random_images(r->batch, r->network->image_size, 900 + ++r->step);
	vc_targets *targets = random_targets(r->batch, r->network->classes, LABELS, r->step);
	float		loss;

	step.step = r->step;
	step.frozen_groups = frozen;
	loss = step_of(r->s, r->plan, images, targets, r->batch, &step, NULL);
	free(images);
	free(targets);
	return loss;
}

static snapshot
take_snapshot(const run *r, int index)
{
	int64_t		count = r->network->parameters[index].count;
	snapshot	shot = {get_parameter(r->s, r->plan, r->network, index),
	malloc(sizeof(float) * count), malloc(sizeof(float) * count)};
	vc_error	error = {0};

	if (vc_parameter_trainable(&r->network->parameters[index]))
		must(r->s->api->get_optimizer(r->plan, index, shot.m, shot.v, &error),
			 &error, "get_optimizer");
	return shot;
}

static void
put_snapshot(const run *r, int index, const snapshot *shot)
{
	vc_error	error = {0};

	must(r->s->api->set_parameter(r->plan, index, shot->value, &error), &error, "set_parameter");
	if (vc_parameter_trainable(&r->network->parameters[index]))
		must(r->s->api->set_optimizer(r->plan, index, shot->m, shot->v, &error),
			 &error, "set_optimizer");
}

static void
free_snapshot(snapshot *shot)
{
	free(shot->value);
	free(shot->m);
	free(shot->v);
}

/* Snapshots of all parameters that are stored; to be freed. */
static snapshot *
take_all(const run *r)
{
	snapshot   *all = calloc(r->network->parameter_count, sizeof(snapshot));

	for (int i = 0; i < r->network->parameter_count; i++)
		if (vc_parameter_stored(&r->network->parameters[i]))
			all[i] = take_snapshot(r, i);
	return all;
}

static void
free_all(const vc_network *network, snapshot *all)
{
	for (int i = 0; i < network->parameter_count; i++)
		free_snapshot(&all[i]);
	free(all);
}

/* Turns what was before a step into what device.h's formulas make of it. */
static void
apply_adam(const run *r, int index, int frozen, snapshot *shot)
{
	const vc_parameter *p = &r->network->parameters[index];
	const vc_step *s = &usual_step;
	float	   *g = malloc(sizeof(float) * p->count);
	double		rate = s->rate[p->group];
	vc_error	error = {0};

	if (p->group < frozen && (p->role == VC_WEIGHT || p->role == VC_BIAS))
	{
		free(g);
		return;
	}
	must(r->s->api->get_gradient(r->plan, index, g, &error), &error, "get_gradient");
	for (int64_t i = 0; i < p->count; i++)
	{
		double		m = s->momentum * (double) shot->m[i] + (1.0 - s->momentum) * g[i];
		double		v = s->square_momentum * (double) shot->v[i] +
			(1.0 - s->square_momentum) * g[i] * g[i];
		double		value = shot->value[i];

		if (p->role == VC_WEIGHT)
			value *= 1 - rate * s->weight_decay;
		value -= rate / (1 - pow(s->momentum, r->step)) * m /
			(sqrt(v / (1 - pow(s->square_momentum, r->step))) + s->epsilon);
		shot->value[i] = (float) value;
		shot->m[i] = (float) m;
		shot->v[i] = (float) v;
	}
	free(g);
}

/* Holds one parameter after a step to the formulas. */
static void
compare_adam(const run *r, int index, int frozen, const snapshot *before, outcome *o)
{
	const vc_parameter *p = &r->network->parameters[index];
	snapshot	after = take_snapshot(r, index);
	snapshot	expected = take_snapshot(r, index);
	double		moved = 0;

	memcpy(expected.value, before->value, sizeof(float) * p->count);
	memcpy(expected.m, before->m, sizeof(float) * p->count);
	memcpy(expected.v, before->v, sizeof(float) * p->count);
	apply_adam(r, index, frozen, &expected);
	for (int64_t i = 0; i < p->count; i++)
	{
		after.value[i] -= before->value[i];
		expected.value[i] -= before->value[i];
	}
	moved = norm(expected.value, p->count);

	/* Differences of float32 values cannot be better than their last bits. */
	record(o, ADAM, distance(after.value, expected.value, p->count,
							 1e-3 * norm(before->value, p->count)),
		   "%s, step %d", p->name, r->step);
	record(o, ADAM, distance(after.m, expected.m, p->count, 0), "m of %s, step %d", p->name, r->step);
	record(o, ADAM, distance(after.v, expected.v, p->count, 0), "v of %s, step %d", p->name, r->step);
	if (moved == 0 && norm(after.value, p->count) != 0)
		check(false, "\"%s\" moved, though frozen", p->name);
	free_snapshot(&after);
	free_snapshot(&expected);
}

/* Each step's change is what the formulas make of the device's gradient. */
static void
check_adam(subject *s, const vc_network *network, float *const *parameters)
{
	static const int frozen[] = {2, 3, 1, 0};
	run			r = start_run(s, network, BATCH, parameters);
	outcome		o = {0};

	for (int k = 0; k < 4; k++)
	{
		snapshot   *before = take_all(&r);

		next_step(&r, frozen[k]);
		for (int i = 0; i < network->parameter_count; i++)
			if (vc_parameter_trainable(&network->parameters[i]))
				compare_adam(&r, i, frozen[k], &before[i], &o);
		free_all(network, before);
	}
	report(s, "Adam", &o);
	s->api->plan_free(r.plan);
}

/* Records how much two runs differ. */
static void
compare_runs(const run *a, const run *b, outcome *o)
{
	for (int i = 0; i < a->network->parameter_count; i++)
	{
		const vc_parameter *p = &a->network->parameters[i];
		snapshot	x,
					y;

		if (!vc_parameter_stored(p))
			continue;
		x = take_snapshot(a, i);
		y = take_snapshot(b, i);
		record(o, REPEAT, distance(x.value, y.value, p->count, 0), "%s", p->name);
		if (vc_parameter_trainable(p))
		{
			record(o, REPEAT, distance(x.m, y.m, p->count, 0), "m of %s", p->name);
			record(o, REPEAT, distance(x.v, y.v, p->count, 0), "v of %s", p->name);
		}
		free_snapshot(&x);
		free_snapshot(&y);
	}
}

/* A run that stops, is saved, and goes on in a new plan ends as one that ran. */
static void
check_resume(subject *s, const vc_network *network, float *const *parameters)
{
	run			whole = start_run(s, network, BATCH, parameters);
	run			first = start_run(s, network, BATCH, parameters);
	run			second;
	snapshot   *saved;
	outcome		o = {0};

	for (int k = 0; k < 4; k++)
		next_step(&whole, k < 2 ? 2 : 0);
	next_step(&first, 2);
	next_step(&first, 2);
	saved = take_all(&first);
	s->api->plan_free(first.plan);

	second = start_run(s, network, BATCH, parameters);
	second.step = 2;
	for (int i = 0; i < network->parameter_count; i++)
		if (saved[i].value != NULL)
			put_snapshot(&second, i, &saved[i]);
	next_step(&second, 0);
	next_step(&second, 0);
	compare_runs(&second, &whole, &o);
	report(s, "resumed run", &o);
	free_all(network, saved);
	s->api->plan_free(whole.plan);
	s->api->plan_free(second.plan);
}

/* What is set is what is read, and a reset makes Adam begin again. */
static void
check_state(subject *s, const vc_network *network, float *const *parameters)
{
	run			r = start_run(s, network, BATCH, parameters);
	run			fresh = start_run(s, network, BATCH, parameters);
	bool		same = true;
	outcome		o = {0};
	vc_error	error = {0};

	next_step(&r, 0);
	for (int i = 0; i < network->parameter_count; i++)
	{
		const vc_parameter *p = &network->parameters[i];
		snapshot	got;

		if (parameters[i] == NULL)
			continue;
		put_snapshot(&r, i, &(snapshot) {parameters[i], parameters[i], parameters[i]});
		got = take_snapshot(&r, i);
		same = same && memcmp(got.value, parameters[i], sizeof(float) * p->count) == 0;
		if (vc_parameter_trainable(p))
			same = same && memcmp(got.m, parameters[i], sizeof(float) * p->count) == 0 &&
				memcmp(got.v, parameters[i], sizeof(float) * p->count) == 0;
		free_snapshot(&got);
	}
	check(same, "%s %s: parameters and averages read as they were set", s->device_name, s->mode);

	must(s->api->reset_optimizer(r.plan, &error), &error, "reset_optimizer");
	r.step = 0;
	next_step(&r, 0);
	next_step(&fresh, 0);
	compare_runs(&r, &fresh, &o);
	report(s, "after a reset", &o);
	s->api->plan_free(r.plan);
	s->api->plan_free(fresh.plan);
}

/* Two plans whose steps take turns, and one that runs alone. */
static void
check_several_plans(subject *s, const vc_network *network, float *const *parameters)
{
	run			alone = start_run(s, network, BATCH, parameters);
	run			turns = start_run(s, network, BATCH, parameters);
	vc_network *other = whole_network("resnet20", VC_HEAD_LINEAR, 24, 4, 0);
	float	  **other_parameters = random_parameters(other, 9);
	run			between;
	outcome		o = {0};

	for (int k = 0; k < 3; k++)
		next_step(&alone, 0);
	between = start_run(s, other, 5, other_parameters);
	for (int k = 0; k < 3; k++)
	{
		next_step(&turns, 0);
		next_step(&between, k);
	}
	s->api->plan_free(between.plan);
	compare_runs(&turns, &alone, &o);
	report(s, "plans that take turns", &o);
	check(s->api->plan_memory(turns.plan) > 0, "%s %s: plan_memory is %lld", s->device_name,
		  s->mode, (long long) s->api->plan_memory(turns.plan));
	s->api->plan_free(turns.plan);
	s->api->plan_free(alone.plan);
	free_parameters(other, other_parameters);
	vc_network_free(other);
}

/* The same step on the oracle and on a subject; returns the batch's margin. */
static double
step_both(run *oracle, run *tried, outcome *o)
{
	const vc_network *n = oracle->network;
	vc_step		step = usual_step;
	vc_targets *targets = random_targets(BATCH, n->classes, LABELS, ++oracle->step);
	double		margin;
	uint8_t    *images;
	float		expected,
				got;

	step.step = oracle->step;
	images = find_batch(oracle->plan, n, targets, BATCH, &step, 12, 1000 * oracle->step, &margin);
	expected = step_of(oracle->s, oracle->plan, images, targets, BATCH, &step, NULL);
	got = step_of(tried->s, tried->plan, images, targets, BATCH, &step, NULL);
	record(o, STEPS, fabs((double) got - expected) / expected, "loss of step %d", oracle->step);
	free(images);
	free(targets);
	return margin;
}

/* Three steps on the oracle and on the device; then what both classify. */
static void
check_steps(subject *s, const char *name, const vc_network *network, float *const *parameters)
{
	run			oracle = start_run(&reference, network, BATCH, parameters);
	run			tried = start_run(s, network, BATCH, parameters);
	uint8_t    *images = random_images(BATCH, network->image_size, 1000);
	int			count = BATCH * network->classes;
	float	   *expected = malloc(sizeof(float) * count);
	float	   *got = malloc(sizeof(float) * count);
	double		margin = INFINITY;
	outcome		o = {0};
	vc_error	error = {0};

	for (int k = 0; k < 3; k++)
		margin = fmin(margin, step_both(&oracle, &tried, &o));
	must(reference.api->forward(oracle.plan, images, BATCH, expected, NULL, &error),
		 &error, "forward");
	must(s->api->forward(tried.plan, images, BATCH, got, NULL, &error), &error, "forward");
	record(&o, margin > s->reach ? STEPS : NEAR_JUMP, difference(got, expected, count),
		   "logits, margin %.1g", margin);
	report(s, name, &o);
	reference.api->plan_free(oracle.plan);
	s->api->plan_free(tried.plan);
	free(images);
	free(expected);
	free(got);
}

void
conform_training(subject *s)
{
	vc_network *small = whole_network("resnet20", VC_HEAD_CONCAT, 16, 5, 0.5f);
	vc_network *large = whole_network("resnet18", VC_HEAD_LINEAR, 24, 5, 0);
	float	  **small_parameters = random_parameters(small, 7);
	float	  **large_parameters = random_parameters(large, 8);

	check_adam(s, small, small_parameters);
	check_resume(s, small, small_parameters);
	check_state(s, small, small_parameters);
	check_several_plans(s, small, small_parameters);
	check_steps(s, "resnet20", small, small_parameters);
	check_steps(s, "resnet18", large, large_parameters);
	free_parameters(small, small_parameters);
	free_parameters(large, large_parameters);
	vc_network_free(small);
	vc_network_free(large);
}

/*
 * conformance_networks.c
 *		Forward, gradients and running statistics of networks of any size.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/conformance.h"
#include "test/unit/oracle.h"
#include "test/unit/small_networks.h"

/* The same network on the oracle and on every subject. */
typedef struct bench
{
	const vc_network *network;
	subject    *subjects;
	int			max_batch;
	int			tries;			/* at a batch far from jumps */
	float	  **parameters;
	vc_plan    *oracle;
	vc_plan    *training[MAX_SUBJECTS];
	vc_plan    *inference[MAX_SUBJECTS];
	outcome		outcome[MAX_SUBJECTS];
} bench;

const vc_step idle_step = {.momentum = 0.9f,.square_momentum = 0.99f,.epsilon = 1e-5f,
.step = 1,.seed = 11};

/* Compares forward() of one plan with the oracle's numbers. */
static void
compare_forward(bench *b, int i, vc_plan *plan, const char *kind, const uint8_t *images,
				int count, const float *logits, const float *features)
{
	const vc_network *n = b->network;
	float	   *got = malloc(sizeof(float) * count * (n->classes + n->features));
	float	   *got_features = got + count * n->classes;
	vc_error	error = {0};

	must(b->subjects[i].api->forward(plan, images, count, got, got_features, &error),
		 &error, "forward");
	record(&b->outcome[i], FORWARD, difference(got, logits, count * n->classes),
		   "logits of %d, %s", count, kind);
	record(&b->outcome[i], FORWARD, difference(got_features, features, count * n->features),
		   "features of %d, %s", count, kind);
	must(b->subjects[i].api->forward(plan, images, count, got, NULL, &error), &error, "forward");
	record(&b->outcome[i], FORWARD, difference(got, logits, count * n->classes),
		   "logits of %d, %s, no features", count, kind);
	free(got);
}

/* Inference rules, by both kinds of plan, on one batch. */
static void
try_forward(bench *b, int count, bool with_inference, uint64_t seed)
{
	const vc_network *n = b->network;
	uint8_t    *images = random_images(count, n->image_size, seed);
	float	   *logits = malloc(sizeof(float) * count * (n->classes + n->features));
	float	   *features = logits + count * n->classes;
	vc_error	error = {0};

	must(reference.api->forward(b->oracle, images, count, logits, features, &error),
		 &error, "the oracle's forward");
	for (int i = 0; i < subject_count; i++)
	{
		compare_forward(b, i, b->training[i], "training plan", images, count, logits, features);
		if (with_inference)
			compare_forward(b, i, b->inference[i], "inference plan", images, count,
							logits, features);
	}
	free(images);
	free(logits);
}

/*
 * Images on which rounding errors should not reach a jump of the gradient:
 * the best of some tries.  *margin says how far from one the oracle stays.
 */
uint8_t *
find_batch(vc_plan *oracle, const vc_network *network, const vc_targets *targets, int count,
		   const vc_step *step, int tries, uint64_t seed, double *margin)
{
	uint64_t	best = seed;
	double		loss;
	vc_error	error = {0};

	*margin = -1;
	for (uint64_t s = seed; s < seed + tries && *margin < 1e-5; s++)
	{
		uint8_t    *images = random_images(count, network->image_size, s);
		double		found;

		must(vc_oracle_loss(oracle, images, targets, count, step, &loss, &error),
			 &error, "the oracle's loss");
		found = vc_oracle_margin(oracle);
		if (found > *margin)
			best = s;
		*margin = fmax(found, *margin);
		free(images);
	}
	return random_images(count, network->image_size, best);
}

/* Compares every gradient of the last step. */
static void
compare_gradients(bench *b, int i, int frozen, double margin, double whole)
{
	const vc_network *n = b->network;
	measure		m = margin > b->subjects[i].reach ? GRADIENT : NEAR_JUMP;
	vc_error	error = {0};

	for (int p = 0; p < n->parameter_count; p++)
	{
		int64_t		count = n->parameters[p].count;
		float	   *expected = malloc(sizeof(float) * count);
		float	   *got = malloc(sizeof(float) * count);

		if (reference.api->get_gradient(b->oracle, p, expected, &error) == VC_OK)
		{
			must(b->subjects[i].api->get_gradient(b->training[i], p, got, &error),
				 &error, n->parameters[p].name);
			record(&b->outcome[i], m, distance(got, expected, count, 1e-3 * whole),
				   "%s, %d frozen, margin %.1g", n->parameters[p].name, frozen, margin);
		}
		else if (b->subjects[i].api->get_gradient(b->training[i], p, got, &error) == VC_OK)
			check(false, "gradient of \"%s\", which was not trained", n->parameters[p].name);
		free(expected);
		free(got);
	}
}

/* The norm of the oracle's whole gradient. */
static double
whole_gradient(const bench *b)
{
	double		sum = 0;

	for (int p = 0; p < b->network->parameter_count; p++)
		for (int64_t k = 0; k < b->network->parameters[p].count; k++)
		{
			double		g = vc_oracle_gradient(b->oracle, p)[k];

			sum += g * g;
		}
	return sqrt(sum);
}

/* A step of rate zero on one batch: loss, logits, gradients. */
static void
try_gradients(bench *b, int count, int frozen, target_kind kind, uint64_t seed)
{
	int			classes = b->network->classes;
	vc_targets *targets = random_targets(count, classes, kind, seed);
	float	   *expected = malloc(sizeof(float) * count * classes);
	float	   *got = malloc(sizeof(float) * count * classes);
	vc_step		step = idle_step;
	double		margin;
	uint8_t    *images = find_batch(b->oracle, b->network, targets, count, &idle_step,
									b->tries, seed, &margin);
	float		loss;

	step.frozen_groups = frozen;
	loss = step_of(&reference, b->oracle, images, targets, count, &step, expected);
	for (int i = 0; i < subject_count; i++)
	{
		float		got_loss = step_of(&b->subjects[i], b->training[i], images, targets,
									   count, &step, got);

		record(&b->outcome[i], FORWARD, difference(got, expected, count * classes),
			   "logits of %d in training", count);
		record(&b->outcome[i], FORWARD, fabs((double) got_loss - loss) / loss,
			   "loss of %d", count);
		compare_gradients(b, i, frozen, margin, whole_gradient(b));
	}
	free(images);
	free(targets);
	free(expected);
	free(got);
}

/* After steps of rate zero: statistics have moved alike, nothing else has. */
static void
compare_parameters(bench *b, int i)
{
	const vc_network *n = b->network;

	for (int p = 0; p < n->parameter_count; p++)
	{
		int64_t		count = n->parameters[p].count;
		float	   *expected,
				   *got;

		if (b->parameters[p] == NULL)
			continue;
		expected = get_parameter(&reference, b->oracle, n, p);
		got = get_parameter(&b->subjects[i], b->training[i], n, p);
		if (!vc_parameter_trainable(&n->parameters[p]))
			record(&b->outcome[i], STATISTICS, difference(got, expected, count),
				   "%s", n->parameters[p].name);
		else if (memcmp(got, b->parameters[p], sizeof(float) * count) != 0)
			check(false, "a rate of zero changed \"%s\"", n->parameters[p].name);
		free(expected);
		free(got);
	}
}

static void
open_bench(bench *b)
{
	b->parameters = random_parameters(b->network, 5);
	b->oracle = make_plan(&reference, b->network, VC_TRAINING, b->max_batch);
	set_parameters(&reference, b->oracle, b->network, b->parameters);
	for (int i = 0; i < subject_count; i++)
	{
		b->training[i] = make_plan(&b->subjects[i], b->network, VC_TRAINING, b->max_batch);
		b->inference[i] = make_plan(&b->subjects[i], b->network, VC_INFERENCE, b->max_batch);
		set_parameters(&b->subjects[i], b->training[i], b->network, b->parameters);
		set_parameters(&b->subjects[i], b->inference[i], b->network, b->parameters);
	}
}

static void
close_bench(bench *b)
{
	for (int i = 0; i < subject_count; i++)
	{
		b->subjects[i].api->plan_free(b->training[i]);
		b->subjects[i].api->plan_free(b->inference[i]);
	}
	reference.api->plan_free(b->oracle);
	free_parameters(b->network, b->parameters);
}

/* Whether some batch norm has one pixel an image. */
static bool
norms_single_pixels(const vc_network *network)
{
	for (int i = 0; i < network->node_count; i++)
		if (network->nodes[i].op == VC_BATCH_NORM &&
			network->nodes[i].height * network->nodes[i].width == 1)
			return true;
	return false;
}

/*
 * Everything about one network: both kinds of plan, whole and partial
 * batches, frozen groups, and thawing them again.  slack widens the limits
 * of what is computed forward.
 */
static void
conform_network(subject *subjects, const vc_network *network, int max_batch, double slack)
{
	bench		b = {.network = network,.subjects = subjects,.max_batch = max_batch};
	bool		small = network->node_count < 30;
	int			partial = small ? max_batch / 2 + 1 : max_batch - 2;

	b.tries = small ? 8 : 3;

	open_bench(&b);
	try_forward(&b, max_batch, true, 100);
	try_forward(&b, partial, true, 200);
	try_forward(&b, 1, true, 300);
	try_gradients(&b, max_batch, 0, LABELS, 400);
	try_gradients(&b, partial, 1, WEIGHTED_MEMBERS, 500);
	if (small)
	{
		try_gradients(&b, max_batch, 2, MEMBERS, 600);
		try_gradients(&b, partial, 0, WEIGHTED_LABELS, 700);
	}
	try_forward(&b, max_batch, false, 800);
	for (int i = 0; i < subject_count; i++)
	{
		char		name[VC_NAME_SIZE + 64];

		compare_parameters(&b, i);
		b.outcome[i].slack = slack;
		if (subjects[i].rounds && norms_single_pixels(network))
			b.outcome[i].slack *= 4;	/* few values, sometimes nearly equal */
		snprintf(name, sizeof(name), "%s %s at %d", network->architecture,
				 network->head == VC_HEAD_CONCAT ? "concat" : "linear", network->image_size);
		report(&subjects[i], small ? network->architecture : name, &b.outcome[i]);
	}
	close_bench(&b);
}

void
conform_small_networks(subject *subjects, const char *filter)
{
	vc_network *network;

	for (int i = 0; (network = small_network(i)) != NULL; i++)
	{
		if (strstr(network->architecture, filter) != NULL)
			conform_network(subjects, network, 5, 1);
		vc_network_free(network);
	}
}

/*
 * Batches are of ten or so: a batch norm of one pixel over three images may
 * divide by nearly nothing, and then rounding errors are all that is left.
 * resnet50 at random weights multiplies rounding errors: moving its weights by
 * half a unit in the last place moves the oracle's logits by 3e-5, resnet18's
 * by 1e-6.  Hence its slack; in precisions below float32 its gradients near
 * jumps are noise, and only absurd ones are found.
 */
void
conform_whole_networks(subject *subjects, const char *filter)
{
	static const struct
	{
		const char *architecture;
		vc_head		head;
		int			size;
		int			batch;
		double		slack;
	}			list[] =
	{
		{"resnet20", VC_HEAD_CONCAT, 16, 12, 1},
		{"resnet20", VC_HEAD_LINEAR, 32, 6, 1},
		{"resnet18", VC_HEAD_CONCAT, 32, 10, 1},
		{"resnet18", VC_HEAD_LINEAR, 64, 5, 1},
		{"resnet50", VC_HEAD_CONCAT, 32, 10, 20},
		{"resnet50", VC_HEAD_LINEAR, 32, 9, 20},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
	{
		vc_network *network = whole_network(list[i].architecture, list[i].head,
											list[i].size, 5, 0.5f);

		if (strstr(network->architecture, filter) != NULL)
			conform_network(subjects, network, list[i].batch, list[i].slack);
		vc_network_free(network);
	}
}

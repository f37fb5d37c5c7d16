/*
 * test_recipe.c
 *		The recipe against fastai's numbers; order, split, losses, metrics.
 *
 * The expected rates and momenta are what fastai 2.8's fine_tune(2,
 * base_lr=2e-3, freeze_epochs=1) set on a model of three parameter groups
 * with five batches an epoch.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/training/metrics.h"
#include "engine/support/random.h"
#include "engine/training/recipe.h"
#include "test/unit/tap.h"

#define STEPS 5

typedef struct expected_step
{
	double		rate[VC_GROUPS];
	double		momentum;
} expected_step;

static const expected_step frozen[STEPS] = {
	{{8e-06, 8e-06, 8e-05}, 0.95},
	{{2.66940546e-05, 2.66940546e-05, 0.000266940546}, 0.940263513},
	{{7.54956417e-05, 7.54956417e-05, 0.000754956417}, 0.91484602},
	{{0.00013539853, 0.00013539853, 0.0013539853}, 0.883646599},
	{{0.000183072949, 0.000183072949, 0.00183072949}, 0.858816172},
};

static const expected_step unfrozen[2 * STEPS] = {
	{{2e-06, 2e-05, 0.0002}, 0.95},
	{{3.99999978e-06, 3.99999978e-05, 0.000399999978}, 0.925000003},
	{{7.99999957e-06, 7.99999957e-05, 0.000799999957}, 0.875000005},
	{{1e-05, 0.0001, 0.001}, 0.85},
	{{9.50484935e-06, 9.50484935e-05, 0.000950484935}, 0.854951556},
	{{8.11746804e-06, 8.11746804e-05, 0.000811746804}, 0.868825508},
	{{6.11264302e-06, 6.11264302e-05, 0.000611264302}, 0.888873959},
	{{3.88745698e-06, 3.88745698e-05, 0.000388745698}, 0.911126041},
	{{1.88263196e-06, 1.88263196e-05, 0.000188263196}, 0.931174492},
	{{4.95251057e-07, 4.95251057e-06, 4.95251057e-05}, 0.94504844},
};

static double
relative(double a, double b)
{
	return fabs(a - b) / fmax(fabs(b), 1e-30);
}

/* Worst difference of one epoch's steps from fastai's. */
static double
worst_step(const vc_recipe *recipe, int phase, int epoch, const expected_step *expected)
{
	double		worst = 0;

	for (int s = 0; s < STEPS; s++)
	{
		vc_step		step;

		vc_recipe_step(recipe, phase, epoch, s, STEPS, &step);
		for (int g = 0; g < VC_GROUPS; g++)
			worst = fmax(worst, relative(step.rate[g], expected[s].rate[g]));
		worst = fmax(worst, relative(step.momentum, expected[s].momentum));
		if (step.step != (int64_t) epoch * STEPS + s + 1)
			worst = INFINITY;
	}
	return worst;
}

static void
test_schedule(void)
{
	vc_recipe_options options = {2, 1, 2e-3, 100, 0.01};
	vc_recipe	recipe;
	vc_step		step;

	vc_recipe_fine_tune(&options, &recipe);
	ok(recipe.phases == 2 && vc_recipe_epochs(&recipe) == 3, "two phases, three epochs");
	ok(recipe.phase[0].frozen_groups == VC_GROUP_HEAD && recipe.phase[1].frozen_groups == 0,
	   "the body is frozen first, then nothing");
	ok(worst_step(&recipe, 0, 0, frozen) < 1e-6, "frozen epoch: rates and momenta are fastai's");
	ok(worst_step(&recipe, 1, 0, unfrozen) < 1e-6, "first unfrozen epoch: fastai's");
	ok(worst_step(&recipe, 1, 1, unfrozen + STEPS) < 1e-6, "second unfrozen epoch: fastai's");
	vc_recipe_step(&recipe, 1, 0, 0, STEPS, &step);
	ok(step.square_momentum == 0.99f && step.epsilon == 1e-5f && step.weight_decay == 0.01f,
	   "Adam's other numbers");

	options.freeze_epochs = 0;
	options.rate_spread = 1;
	vc_recipe_fine_tune(&options, &recipe);
	ok(recipe.phases == 1 && recipe.phase[0].peak[0] == recipe.phase[0].peak[2],
	   "nothing frozen, one rate for all groups");
}

static void
test_shuffle(void)
{
	enum
	{
		COUNT = 1000
	};
	uint32_t	a[COUNT],
				b[COUNT];
	bool		seen[COUNT] = {false};
	int			distinct = 0,
				moved = 0,
				same = 0;

	for (int i = 0; i < COUNT; i++)
		a[i] = b[i] = (uint32_t) i;
	vc_shuffle(a, COUNT, 42, 0);
	vc_shuffle(b, COUNT, 42, 1);
	for (int i = 0; i < COUNT; i++)
	{
		distinct += !seen[a[i]];
		seen[a[i]] = true;
		moved += a[i] != (uint32_t) i;
		same += a[i] == b[i];
	}
	ok(distinct == COUNT, "a shuffle is a permutation");
	ok(moved > 980 && same < 20, "it moves nearly all, and differently in another epoch");
	for (int i = 0; i < COUNT; i++)
		b[i] = (uint32_t) i;
	vc_shuffle(b, COUNT, 42, 0);
	ok(memcmp(a, b, sizeof(a)) == 0, "the same seed and epoch give the same order");
}

static void
test_split(void)
{
	int			valid = 0,
				agree = 0;

	for (uint64_t i = 0; i < 100000; i++)
	{
		uint64_t	hash = vc_mix(i);
		bool		side = vc_split_draw(hash, 42) < 0.2;

		valid += side;
		agree += side == (vc_split_draw(hash, 43) < 0.2);
		if (side != (vc_split_draw(hash, 42) < 0.2))
			valid = -1000000;
	}
	ok(abs(valid - 20000) < 400, "a fifth of the images validate (%d of 100000)", valid);
	/* 0.8 * 0.8 + 0.2 * 0.2 of independent splits agree */
	ok(abs(agree - 68000) < 600, "another seed splits independently (%d agree)", agree);
}

static void
test_metrics(void)
{
	const float logits[4] = {1000.0f, 1001.0f, 999.0f, -2000.0f};
	float		p[4];
	vc_smooth_loss smooth = {0};

	vc_softmax(logits, 4, p);
	ok(fabs(p[1] - 0.66524096) < 1e-6 && p[3] == 0, "softmax of large logits");
	ok(fabs(p[0] + p[1] + p[2] + p[3] - 1) < 1e-6, "probabilities sum to one");
	ok(fabs(vc_cross_entropy(logits, 4, 1) - 0.40760596) < 1e-6, "cross entropy");
	ok(vc_argmax(logits, 4) == 1, "argmax");

	/* fastai's AvgSmoothLoss of 2, 1, 4: (0.98^2*2 + 0.98*1 + 4) * 0.02 / (1 - 0.98^3) */
	vc_smooth_loss_add(&smooth, 2);
	ok(fabs(vc_smooth_loss_value(&smooth) - 2) < 1e-12, "the first smoothed loss is the loss");
	vc_smooth_loss_add(&smooth, 1);
	vc_smooth_loss_add(&smooth, 4);
	ok(fabs(vc_smooth_loss_value(&smooth) -
			(0.98 * 0.98 * 2 + 0.98 + 4) * 0.02 / (1 - 0.98 * 0.98 * 0.98)) < 1e-12,
	   "the third weighs all three");
}

int
main(void)
{
	test_schedule();
	test_shuffle();
	test_split();
	test_metrics();
	return done();
}

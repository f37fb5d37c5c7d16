/*
 * recipe.c
 *		fine_tune's phases, the one-cycle schedule, order, split, loss.
 */
#include "engine/training/recipe.h"

#include <math.h>
#include <string.h>

#include "engine/support/random.h"

#define PI						3.14159265358979323846
#define FINAL_DIVISOR			1e5 /* last rate = peak / FINAL_DIVISOR */
#define FROZEN_DIVISOR			25.0
#define FROZEN_RISE				0.99
#define UNFROZEN_DIVISOR		5.0
#define UNFROZEN_RISE			0.3
#define MOMENTUM_HIGH			0.95
#define MOMENTUM_LOW			0.85
#define SQUARE_MOMENTUM			0.99
#define EPSILON					1e-5
#define LOSS_SMOOTHING			0.98

/* Streams of the seed, so that no two uses draw the same numbers. */
enum
{
	STREAM_SHUFFLE = 1 << 20,
	STREAM_SPLIT = 1 << 21
};

void
vc_recipe_fine_tune(const vc_recipe_options *o, vc_recipe *recipe)
{
	vc_phase   *phase;

	memset(recipe, 0, sizeof(*recipe));
	recipe->weight_decay = o->weight_decay;
	if (o->freeze_epochs > 0)
	{
		phase = &recipe->phase[recipe->phases++];
		phase->name = "frozen";
		phase->epochs = o->freeze_epochs;
		phase->frozen_groups = VC_GROUP_HEAD;
		for (int g = 0; g < VC_GROUPS; g++)
			phase->peak[g] = o->learning_rate / (g == VC_GROUP_HEAD ? 1 : 10);
		phase->divisor = FROZEN_DIVISOR;
		phase->rise = FROZEN_RISE;
	}
	phase = &recipe->phase[recipe->phases++];
	phase->name = "unfrozen";
	phase->epochs = o->epochs;
	for (int g = 0; g < VC_GROUPS; g++)
		phase->peak[g] = o->learning_rate / 2 *
			pow(o->rate_spread, (double) (g - VC_GROUP_HEAD) / VC_GROUP_HEAD);
	phase->divisor = UNFROZEN_DIVISOR;
	phase->rise = UNFROZEN_RISE;
}

void
vc_recipe_probe(vc_recipe *recipe)
{
	memset(recipe, 0, sizeof(*recipe));
	recipe->phases = 1;
	recipe->phase[0].name = "probe";
	recipe->phase[0].epochs = 1;
	recipe->phase[0].frozen_groups = VC_GROUP_HEAD;
}

int
vc_recipe_epochs(const vc_recipe *recipe)
{
	int			epochs = 0;

	for (int i = 0; i < recipe->phases; i++)
		epochs += recipe->phase[i].epochs;
	return epochs;
}

static double
cosine(double start, double end, double position)
{
	return start + (1 + cos(PI * (1 - position))) * (end - start) / 2;
}

double
vc_one_cycle(double start, double peak, double end, double rise, double position)
{
	if (position < rise)
		return cosine(start, peak, position / rise);
	return cosine(peak, end, (position - rise) / (1 - rise));
}

void
vc_recipe_step(const vc_recipe *recipe, int phase, int epoch, int step,
			   int steps, vc_step *out)
{
	const vc_phase *p = &recipe->phase[phase];
	double		position = (epoch + (double) step / steps) / p->epochs;

	memset(out, 0, sizeof(*out));
	for (int g = 0; g < VC_GROUPS; g++)
		out->rate[g] = (float) vc_one_cycle(p->peak[g] / p->divisor, p->peak[g],
											p->peak[g] / FINAL_DIVISOR, p->rise, position);
	out->momentum = (float) vc_one_cycle(MOMENTUM_HIGH, MOMENTUM_LOW, MOMENTUM_HIGH,
										 p->rise, position);
	out->square_momentum = (float) SQUARE_MOMENTUM;
	out->epsilon = (float) EPSILON;
	out->weight_decay = (float) recipe->weight_decay;
	out->frozen_groups = p->frozen_groups;
	out->step = (int64_t) epoch * steps + step + 1;
}

void
vc_shuffle(uint32_t *order, int64_t count, uint64_t seed, uint64_t epoch)
{
	for (int64_t i = count - 1; i > 0; i--)
	{
		uint64_t	bits = vc_random_bits(seed, STREAM_SHUFFLE + epoch, (uint64_t) i);
		int64_t		j = (int64_t) (((bits >> 32) * (uint64_t) (i + 1)) >> 32);
		uint32_t	swapped = order[i];

		order[i] = order[j];
		order[j] = swapped;
	}
}

double
vc_split_draw(uint64_t hash, uint64_t seed)
{
	return vc_random_uniform(seed, STREAM_SPLIT, hash);
}

void
vc_smooth_loss_add(vc_smooth_loss *s, double loss)
{
	s->count++;
	s->value = loss + (s->value - loss) * LOSS_SMOOTHING;
}

double
vc_smooth_loss_value(const vc_smooth_loss *s)
{
	return s->count == 0 ? 0 : s->value / (1 - pow(LOSS_SMOOTHING, (double) s->count));
}

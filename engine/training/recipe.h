/*
 * recipe.h
 *		How a network is fine-tuned: phases, schedules, order, losses.
 *
 * The recipe is fastai 2's fine_tune: one-cycle with the body frozen but for
 * batch norm, then one-cycle with rates spread over the layer groups.
 */
#ifndef VISCLF_RECIPE_H
#define VISCLF_RECIPE_H

#include <stdint.h>

#include "engine/device.h"

#define VC_MAX_PHASES 2

/* One run of one-cycle; the optimiser's averages start from zero in each. */
typedef struct vc_phase
{
	const char *name;			/* "frozen" or "unfrozen" */
	int			epochs;
	int			frozen_groups;	/* see vc_step */
	double		peak[VC_GROUPS];	/* highest learning rate of each group */
	double		divisor;		/* first rate = peak / divisor */
	double		rise;			/* share of the phase until the peak */
} vc_phase;

typedef struct vc_recipe
{
	int			phases;
	vc_phase	phase[VC_MAX_PHASES];
	double		weight_decay;
} vc_recipe;

typedef struct vc_recipe_options
{
	int			epochs;			/* unfrozen, >= 1 */
	int			freeze_epochs;	/* frozen, >= 0 */
	double		learning_rate;	/* fastai's base_lr; 2e-3 */
	double		rate_spread;	/* fastai's lr_mult, >= 1; 100 */
	double		weight_decay;	/* 0.01 */
} vc_recipe_options;

extern void vc_recipe_fine_tune(const vc_recipe_options *options, vc_recipe *recipe);

/* One phase, "probe", of one epoch, for a head that is not trained in steps. */
extern void vc_recipe_probe(vc_recipe *recipe);

/* Sum of the epochs of all phases. */
extern int	vc_recipe_epochs(const vc_recipe *recipe);

/*
 * Fills in what step `step` (from 0) of `steps` in an epoch (from 0) of a
 * phase uses.  The caller sets step->seed.
 */
extern void vc_recipe_step(const vc_recipe *recipe, int phase, int epoch,
						   int step, int steps, vc_step *out);

/* A cosine from start to peak, which it reaches at `rise`, and then to end; position 0..1. */
extern double vc_one_cycle(double start, double peak, double end, double rise,
						   double position);

/* Puts order[count] into the random order of (seed, epoch). */
extern void vc_shuffle(uint32_t *order, int64_t count, uint64_t seed, uint64_t epoch);

/*
 * Draws a number in [0, 1) for an image, which is held out if it is below the
 * share for validation. hash identifies the image or its group, so that
 * repeats stay together.
 */
extern double vc_split_draw(uint64_t hash, uint64_t seed);

/* fastai's training loss: an exponential average, corrected for its start. */
typedef struct vc_smooth_loss
{
	double		value;
	int64_t		count;
} vc_smooth_loss;

extern void vc_smooth_loss_add(vc_smooth_loss *s, double loss);
extern double vc_smooth_loss_value(const vc_smooth_loss *s);

#endif							/* VISCLF_RECIPE_H */

/*
 * lr_find.h
 *		The learning rate finder (Smith 2017), as fastai 2 runs and reads it.
 */
#ifndef VISCLF_LR_FIND_H
#define VISCLF_LR_FIND_H

#include <stdbool.h>

#include "engine/device.h"

#define VC_LR_FIND_MAX_STEPS 10000

/* The rate of step `step` (from 0) of `steps`, which grows exponentially from start to end. */
extern double vc_lr_find_rate(double start, double end, int steps, int step);

/*
 * Fills *out for a step at a rate, the same for all groups.  The caller sets
 * out->seed and frozen_groups.
 */
extern void vc_lr_find_step(double rate, int step, double weight_decay, vc_step *out);

/* True if a smoothed loss has risen so far above the best that it is time to stop. */
extern bool vc_lr_find_diverged(double loss, double best);

/*
 * Finds the recorded steps that the suggestions use: [*first, *last), without
 * the first tenth of `steps` and the last five of `count`.
 */
extern void vc_lr_find_range(int steps, int count, int *first, int *last);

/*
 * Suggestions from losses[count] (1 to VC_LR_FIND_MAX_STEPS) at rates[count]:
 * an index.  Valley: two thirds into the longest stretch of falling losses.
 * Steep: where the loss falls fastest with the rate's logarithm.
 */
extern int	vc_lr_valley(const double *losses, int count);
extern int	vc_lr_steep(const double *rates, const double *losses, int count);

#endif							/* VISCLF_LR_FIND_H */

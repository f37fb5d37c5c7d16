/*
 * oracle.h
 *		The third device: plain loops in double precision, only for tests.
 *
 * It is meant to be obviously right, not fast.  Everything is computed in
 * double; parameters, running statistics and Adam's averages are rounded to
 * float32 at the end of each step, because that is how they are kept.
 */
#ifndef VISCLF_ORACLE_H
#define VISCLF_ORACLE_H

#include "engine/device.h"

extern const vc_device_api *vc_oracle_device(void);

/*
 * The loss of a batch by training's rules (batch statistics, dropout of
 * step->seed and step->step), in double.  Changes nothing in the plan that a
 * later step would see.  Training plans only.
 */
extern vc_status vc_oracle_loss(vc_plan *plan, const uint8_t *images,
								const vc_targets *targets, int count,
								const vc_step *step, double *loss,
								vc_error *error);

/* A parameter as it is kept, [count]; a test may nudge it. */
extern double *vc_oracle_values(vc_plan *plan, int index);

/* The last step's gradient before it is rounded, [count]. */
extern const double *vc_oracle_gradient(const vc_plan *plan, int index);

/*
 * How far the last training pass stayed from the points where its gradient
 * jumps: the smallest |input| of a relu and the smallest lead of a maximum
 * over the runner-up, each divided by its tensor's root mean square.  A device
 * whose rounding errors reach this may rightly give another gradient.
 */
extern double vc_oracle_margin(const vc_plan *plan);

#endif							/* VISCLF_ORACLE_H */

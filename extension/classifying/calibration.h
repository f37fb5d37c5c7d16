/*
 * calibration.h
 *		Calibrates a model for int8: finds the ranges of its activations, and
 *		how often int8 predicts what float32 predicts.
 *
 * The device must have calibrate(). A calibration lives in the memory context
 * that was current when it began.
 */
#ifndef VISCLF_CALIBRATION_H
#define VISCLF_CALIBRATION_H

#include "extension/support/pgcompat.h"

#include "extension/devices/devices.h"
#include "extension/models/model.h"

/* Sets the weights of a plan of the model. */
typedef void (*SetWeights) (void *argument, vc_plan *plan);

/* A plan, NULL until it is needed, in a context of its own. */
typedef struct CalibrationPlan
{
	vc_plan    *plan;
	MemoryContext context;
} CalibrationPlan;

typedef struct Calibration
{
	const OpenDevice *device;
	const Model *model;
	int			max_batch;
	SetWeights	set_weights;
	void	   *argument;
	MemoryContext context;
	CalibrationPlan float32;
	CalibrationPlan int8;
	float	   *ranges;			/* [node_count], of the images so far */
	float	   *logits;			/* [max_batch][class_count] */
	float	   *probabilities;	/* [class_count] */
	int64		calibrated;		/* images that set the ranges */
	int64		compared;		/* images, by int8 and float32 */
	int64		same;			/* of them, predicted alike */
} Calibration;

/* Begins the calibration of a model, in batches of at most max_batch images. */
extern Calibration *calibration_begin(const OpenDevice *device, const Model *model, int max_batch,
									  SetWeights set_weights, void *argument);

/* Raises the ranges by images[count]. */
extern void calibration_raise(Calibration *c, const uint8_t *images, int count);

/*
 * Compares int8 with float32 on images[count]. Call it after the ranges are
 * found. predicted[count] is what float32 predicts, see model_predicted; NULL:
 * compute it here.
 */
extern void calibration_compare(Calibration *c, const uint8_t *images, int count,
								const uint64 *predicted);

/* Returns the share of the compared images that were predicted alike, 0 to 1. */
extern float calibration_agreement(const Calibration *c);

#endif							/* VISCLF_CALIBRATION_H */

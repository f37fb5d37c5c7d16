/*
 * inference.h
 *		A plan that runs a model, for one statement.
 */
#ifndef VISCLF_INFERENCE_H
#define VISCLF_INFERENCE_H

#include "extension/devices/devices.h"
#include "extension/models/model.h"

/*
 * A plan for batches of at most max_batch images, without weights yet, that
 * ends with the current context; ranges are those of int8, else NULL.
 */
extern vc_plan *inference_plan(const OpenDevice *device, const Model *model,
							   vc_precision precision, const float *ranges, int max_batch);

#endif							/* VISCLF_INFERENCE_H */

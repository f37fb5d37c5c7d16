/*
 * shared_weights.h
 *		Shares the weights of a version, and what devices make of them, in files
 *		that all backends map.
 */
#ifndef VISCLF_SHARED_WEIGHTS_H
#define VISCLF_SHARED_WEIGHTS_H

#include "extension/models/model.h"

/*
 * Sets options->parameters and options->store for a plan of the version,
 * reading its rows if no backend has done so yet. They stay valid until the
 * context ends. If weights are not shared, or cannot be, the options are
 * unchanged. SPI must be connected.
 */
extern void shared_weights(ModelKey key, const Model *model, MemoryContext context,
						   vc_plan_options *options);

/*
 * Removes the files of a dropped version. If the drop is rolled back, the next
 * backend makes them again.
 */
extern void shared_weights_forget(int model_id);

#endif							/* VISCLF_SHARED_WEIGHTS_H */

/*
 * shared_weights.h
 *		The weights of a version, and what devices make of them, in files that
 *		all backends map.
 */
#ifndef VISCLF_SHARED_WEIGHTS_H
#define VISCLF_SHARED_WEIGHTS_H

#include "extension/models/model.h"

/*
 * Fills options->parameters and options->store for a plan of the version, from
 * its rows where no backend has done so yet; they stay until the context goes.
 * Where weights are not to be shared, or cannot be, the options stay as they
 * are.  SPI connected.
 */
extern void shared_weights(ModelKey key, const Model *model, MemoryContext context,
						   vc_plan_options *options);

/*
 * Removes the files of a version that is dropped.  Should it be kept after
 * all, the next backend makes them again.
 */
extern void shared_weights_forget(int model_id);

#endif							/* VISCLF_SHARED_WEIGHTS_H */

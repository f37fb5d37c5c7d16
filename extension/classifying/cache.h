/*
 * cache.h
 *		Keeps model versions ready to run; makes plans for inference.
 *
 * A version never changes, so an entry stays valid. When there are
 * visclf.max_cached_models, the least recently used one is dropped.
 */
#ifndef VISCLF_CACHE_H
#define VISCLF_CACHE_H

#include "extension/devices/devices.h"
#include "extension/classifying/answer_memo.h"
#include "extension/models/model.h"

typedef struct CachedModel
{
	ModelKey	key;
	vc_precision precision;		/* as requested */
	vc_algorithm algorithm;		/* visclf.convolution when it was made */
	bool		shared;			/* visclf.shared_weights was not 0 */
	Model	   *model;
	const vc_device_api *api;
	vc_plan    *plan;			/* for inference */
	int			max_batch;		/* largest batch of the plan */
	AnswerMemo	   *memo;			/* answers of visclf.classify */
	MemoryContext context;		/* holds everything here */
	int64		last_use;
} CachedModel;

/*
 * Returns a version ready to run batches of at least max_batch images, in a
 * precision of visclf.precision. It is valid until the next call: do not keep
 * it, look it up again.
 */
extern CachedModel *cached_model(ModelKey key, int max_batch, vc_precision precision);

/* Drops a version, so that its next use reads it again. */
extern void cached_model_forget(int model_id);

/*
 * Runs images[count], giving logits and features (may be NULL), see
 * vc_device_api. After an error or a cancel, the next use reads the version
 * again.
 */
extern void cached_model_run(CachedModel *cached, const uint8_t *images, int count,
							 float *logits, float *features);

/*
 * Makes a plan that the cache does not keep, for batches of at most max_batch
 * images, without weights yet. It ends with the current context. ranges are
 * NULL unless the precision is int8.
 */
extern vc_plan *inference_plan(const OpenDevice *opened, const Model *model, vc_precision precision,
							   const float *ranges, int max_batch);

#endif							/* VISCLF_CACHE_H */

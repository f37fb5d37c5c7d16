/*
 * cache.h
 *		Model versions that this backend keeps ready to run.
 *
 * A version never changes, so it may be kept for ever; the least recently
 * used goes when visclf.max_cached_models are there.
 */
#ifndef VISCLF_CACHE_H
#define VISCLF_CACHE_H

#include "extension/devices/devices.h"
#include "extension/classifying/answer_memo.h"
#include "extension/models/model.h"

typedef struct CachedModel
{
	ModelKey	key;
	vc_precision precision;		/* as it was asked for */
	vc_algorithm algorithm;		/* visclf.convolution that it was made for */
	bool		shared;			/* visclf.shared_weights was not 0 */
	Model	   *model;
	const vc_device_api *api;
	vc_plan    *plan;			/* for inference */
	int			max_batch;		/* of the plan */
	AnswerMemo	   *memo;			/* of classify */
	MemoryContext context;		/* holds all of it */
	int64		last_use;
} CachedModel;

/*
 * A version ready to run at least max_batch images, in a precision as
 * visclf.precision has them.  Valid until the next call; look it up again
 * rather than keep it.
 */
extern CachedModel *cached_model(ModelKey key, int max_batch, vc_precision precision);

/* Has a version read anew at its next use. */
extern void cached_model_forget(int model_id);

/*
 * images[count] -> logits and features (NULL allowed), see vc_device_api.
 * After an error or a cancel the version is read anew at its next use.
 */
extern void cached_model_run(CachedModel *cached, const uint8_t *images, int count,
							 float *logits, float *features);

/*
 * A plan that is not kept: for batches of at most max_batch images, without
 * weights yet.  It ends with the current context.  ranges are NULL unless the
 * precision is int8.
 */
extern vc_plan *inference_plan(const OpenDevice *opened, const Model *model, vc_precision precision,
							   const float *ranges, int max_batch);

#endif							/* VISCLF_CACHE_H */

/*
 * classify.c
 *		visclf.classify and visclf.embed: one image, one answer.
 */
#include "extension/support/pgcompat.h"

#include "fmgr.h"
#include "utils/memutils.h"

#include "extension/support/decoding_batch.h"
#include "extension/classifying/cache.h"
#include "extension/support/error.h"
#include "extension/models/active_model.h"
#include "extension/classifying/prediction.h"
#include "extension/support/settings.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_classify);
PG_FUNCTION_INFO_V1(visclf_embed);

/* State of a call site, kept from one image to the next. */
typedef struct CallState
{
	ActiveModel		active;
	TupleDesc	desc;
	uint8_t    *pixels;			/* room for one image of `size` */
	int			size;
} CallState;

static CallState *
call_state(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallState));
	return fcinfo->flinfo->fn_extra;
}

/* Allocates room for one image of the model's size. */
static uint8_t *
pixels_for(CallState *state, const Model *model, MemoryContext context)
{
	if (state->size != model->image_size)
	{
		if (state->pixels)
			pfree(state->pixels);
		state->pixels = MemoryContextAlloc(context, 3 * model->image_size * model->image_size);
		state->size = model->image_size;
	}
	return state->pixels;
}

/* Decodes an image for the model. Returns false and sets *error if it cannot be decoded. */
static bool
decode_one(const Model *model, bytea *image, uint8_t *pixels, vc_flaw *flaw, vc_error *error)
{
	vc_decode_options options = {model->image_size, model->resize, decode_limits()};
	vc_status	status;

	status = vc_image_load((uint8_t *) VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image),
						   &options, pixels, flaw, error);
	vc_check_image(status, error);
	return status == VC_OK;
}

/* Decodes an image, runs the network on it, and stores the answer in the memo. */
static const MemoAnswer *
classify_image(CallState *state, CachedModel *cached, bytea *image, const ImageDigest *digest,
	MemoryContext context)
{
	uint8_t    *pixels = pixels_for(state, cached->model, context);
	float	   *logits = palloc(sizeof(float) * cached->model->class_count);
	vc_flaw		flaw = {""};
	vc_error	error = {VC_OK};

	if (decode_one(cached->model, image, pixels, &flaw, &error))
		cached_model_run(cached, pixels, 1, logits, NULL);
	return answer_memo_add(cached->memo, digest, &error, &flaw, logits);
}

Datum
visclf_classify(PG_FUNCTION_ARGS)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	CallState  *state = call_state(fcinfo);
	bytea	   *image = PG_GETARG_BYTEA_PP(1);
	ImageDigest digest = image_digest(image);
	CachedModel *cached;
	const MemoAnswer *answer;

	if (state->desc == NULL)
		state->desc = prediction_type(fcinfo, context);
	cached = cached_model(active_model_find(&state->active, PG_GETARG_TEXT_PP(0), context), 1,
						  setting_precision);
	answer = answer_memo_find(cached->memo, &digest);
	if (answer == NULL)
		answer = classify_image(state, cached, image, &digest, context);
	if (answer->error.code != VC_OK)
		return prediction_error(state->desc, cached->model, &answer->error);
	return prediction_make(state->desc, cached->model, answer->logits, &answer->flaw);
}

Datum
visclf_embed(PG_FUNCTION_ARGS)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	CallState  *state = call_state(fcinfo);
	CachedModel *cached;
	uint8_t    *pixels;
	float	   *logits;
	float	   *features;
	int			feature_count;
	vc_error	error;

	cached = cached_model(active_model_find(&state->active, PG_GETARG_TEXT_PP(0), context), 1,
						  VC_FLOAT32);	/* features serve for comparison, so flaws do not matter */
	pixels = pixels_for(state, cached->model, context);
	if (!decode_one(cached->model, PG_GETARG_BYTEA_PP(1), pixels, NULL, &error))
		PG_RETURN_NULL();
	feature_count = cached->model->network->features;
	logits = palloc(sizeof(float) * cached->model->class_count);
	features = palloc(sizeof(float) * feature_count);
	cached_model_run(cached, pixels, 1, logits, features);
	return real_array(features, feature_count);
}

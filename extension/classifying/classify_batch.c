/*
 * classify_batch.c
 *		visclf.classify_batch: a window function that reads ahead.
 *
 * When a row's answer is needed and not there yet, the batch of rows that
 * begins with it is run. While it runs, the rows behind it are decoded.
 * Batches start small, so that a query with a LIMIT does little in vain, and
 * end with the partition. Memory for two batches is used.
 */
#include "extension/support/pgcompat.h"

#include "fmgr.h"
#include "utils/memutils.h"
#include "windowapi.h"

#include "extension/support/decoding_batch.h"
#include "extension/classifying/cache.h"
#include "extension/support/error.h"
#include "extension/classifying/prediction.h"
#include "extension/support/settings.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(visclf_classify_batch);

#define FIRST_BATCH 4
#define NO_IMAGE (-1)				/* the row's image is NULL */

/* Consecutive rows of a partition. */
typedef struct WindowRows
{
	int64		first;			/* position of the first row in the partition */
	int			count;
	int		   *jobs;			/* [batch_size]: place in the batch, or NO_IMAGE */
	DecodingBatch	   *batch;
} WindowRows;

/* State of a call site, kept as long as the query. */
typedef struct WindowState
{
	TupleDesc	desc;
	ModelKey	key;			/* model_id 0 where the model's name is NULL */
	int			batch_size;
	vc_precision precision;
	WindowRows		answered;		/* rows whose logits are there */
	WindowRows		next;			/* rows after them, being decoded */
	float	   *logits;			/* [batch_size][classes], of the answered */
	int			ramp;			/* size of the next batch */
} WindowState;

static void
window_rows_create(WindowRows *rows, Decoder *decoder, int batch_size, MemoryContext context)
{
	rows->count = 0;
	rows->jobs = MemoryContextAlloc(context, sizeof(int) * batch_size);
	rows->batch = decoding_batch_create(context, decoder, batch_size);
}

/* At the query's first row, finds the model and allocates buffers. */
static WindowState *
make_state(FunctionCallInfo fcinfo, WindowObject window)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	WindowState *state = MemoryContextAllocZero(context, sizeof(*state));
	const Model *model;
	Decoder    *decoder;
	Datum		name;
	bool		isnull;

	if (!get_fn_expr_arg_stable(fcinfo->flinfo, 0))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the model of classify_batch must be the same for every row"),
				 errhint("Write its name as a constant, or use visclf.classify.")));
	state->desc = prediction_type(fcinfo, context);
	name = WinGetFuncArgCurrent(window, 0, &isnull);
	if (!isnull)
	{
		state->key = model_find_active(TextDatumGetCString(name));
		state->batch_size = setting_batch_size;
		state->precision = setting_precision;
		model = cached_model(state->key, state->batch_size, state->precision)->model;
		decoder = decoder_create(context, model->image_size, model->resize);
		window_rows_create(&state->answered, decoder, state->batch_size, context);
		window_rows_create(&state->next, decoder, state->batch_size, context);
		state->logits = MemoryContextAlloc(context, sizeof(float) * state->batch_size *
										   model->class_count);
	}
	fcinfo->flinfo->fn_extra = state;
	return state;
}

/* Resets the state at the first row of a partition, or of a rescan. */
static void
begin_partition(WindowState *state)
{
	decoding_batch_reset(state->next.batch);
	state->answered.count = state->next.count = 0;
	state->ramp = FIRST_BATCH;
}

/* Reads rows, beginning with `first`, and starts to decode them. */
static void
read_ahead(WindowState *state, WindowObject window, WindowRows *rows, int64 first)
{
	int			wanted = Min(state->ramp, state->batch_size);

	if (first > PG_INT32_MAX - wanted)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a partition of classify_batch has more than %d rows", PG_INT32_MAX),
				 errhint("Add PARTITION BY to the window.")));
	decoding_batch_reset(rows->batch);
	rows->first = first;
	for (rows->count = 0; rows->count < wanted; rows->count++)
	{
		bool		isnull;
		bool		isout;
		Datum		image = WinGetFuncArgInPartition(window, 1, (int) (first + rows->count),
													 WINDOW_SEEK_HEAD, true, &isnull, &isout);

		if (isout)
			break;
		rows->jobs[rows->count] = isnull ? NO_IMAGE : decoding_batch_add(rows->batch, image);
	}
	decoding_batch_start(rows->batch);
	state->ramp = Min(state->ramp * 2, state->batch_size);
}

/* Answers rows, beginning with `first`, and starts to decode those behind them. */
static void
window_answer(WindowState *state, WindowObject window, int64 first)
{
	WindowRows		done = state->answered;
	DecodingBatch	   *batch;

	if (state->next.count == 0 || state->next.first != first)
		read_ahead(state, window, &state->next, first);
	decoding_batch_wait(state->next.batch);
	state->answered = state->next;
	state->next = done;
	read_ahead(state, window, &state->next, first + state->answered.count);

	batch = state->answered.batch;
	if (batch->count > 0)
		cached_model_run(cached_model(state->key, state->batch_size, state->precision),
						 batch->pixels, batch->count, state->logits, NULL);
}

Datum
visclf_classify_batch(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	WindowState *state = fcinfo->flinfo->fn_extra;
	bool	   *begun = WinGetPartitionLocalMemory(window, sizeof(bool));
	int64		row = WinGetCurrentPosition(window);
	const Model *model;
	const vc_decode_job *decoded;
	int			job;

	if (state == NULL)
		state = make_state(fcinfo, window);
	if (state->key.model_id == 0)
		PG_RETURN_NULL();
	if (!*begun)
		begin_partition(state);
	*begun = true;
	if (row < state->answered.first || row >= state->answered.first + state->answered.count)
		window_answer(state, window, row);

	job = state->answered.jobs[row - state->answered.first];
	if (job == NO_IMAGE)
		PG_RETURN_NULL();
	model = cached_model(state->key, state->batch_size, state->precision)->model;
	decoded = &state->answered.batch->jobs[job];
	if (decoded->error.code != VC_OK)
		return prediction_error(state->desc, model, &decoded->error);
	return prediction_make(state->desc, model, state->logits + (size_t) job * model->class_count,
						   &decoded->flaw);
}

/*
 * corrected_share.c
 *		visclf.corrected_share: the share of one class, as an aggregate.
 *
 * A group's state has the counts of each label (share_state.c). The model's
 * errors are learnt at the end: once a query from validation images, or for
 * each group from its own labelled images. The latter is method ppi without
 * borrowing, because an aggregate does not see other groups.
 */
#include "extension/support/pgcompat.h"

#include <math.h>

#include "access/htup_details.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "extension/counting/known.h"
#include "extension/counting/share_state.h"
#include "extension/models/active_model.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_corrected_share_end);

#define CONFIDENCE 0.95

/* State of the final function, kept over the groups of a query. */
typedef struct Learnt
{
	ActiveModel		active;
	MemoryContext context;		/* of the quantifier */
	Quantifier *quantifier;
	bool		whole;			/* its errors on validation images were read */
} Learnt;

/* The result, before it is a row. */
typedef struct Estimate
{
	int64		images;
	int64		failed;
	int64		labelled;
	vc_prevalence found;		/* NAN: there is none */
	char	   *warning;		/* NULL: none */
} Estimate;

/* Reads the model, and its errors unless the group's labels show them, at a query's first group. */
static Quantifier *
share_learn(FunctionCallInfo fcinfo, const ShareState *state, bool whole)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	Learnt	   *learnt = fcinfo->flinfo->fn_extra;
	int			model_id;

	if (learnt == NULL)
	{
		learnt = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(context, sizeof(*learnt));
		learnt->context = AllocSetContextCreate(context, "visclf corrected_share", ALLOCSET_DEFAULT_SIZES);
	}
	model_id = active_model_find(&learnt->active, cstring_to_text(state->model), context).model_id;
	if (learnt->quantifier == NULL || learnt->quantifier->model_id != model_id ||
		learnt->quantifier->method != state->method || (whole && !learnt->whole))
	{
		learnt->quantifier = NULL;
		MemoryContextReset(learnt->context);
		SPI_connect();
		learnt->quantifier = whole ? quantifier_create(model_id, state->method, CONFIDENCE, 1000, 42, learnt->context) :
			quantifier_open(model_id, state->method, learnt->context);
		learnt->whole = whole;
		SPI_finish();
	}
	return learnt->quantifier;
}

/* Estimates by the errors on validation images. */
static Estimate
estimate_by_validation(FunctionCallInfo fcinfo, const ShareState *state)
{
	const Quantifier *q = share_learn(fcinfo, state, true);
	ImageGroup *group = group_create(q);
	int			class_index = quantifier_class(q, state->class);
	vc_prevalence *found;

	for (int64 i = 0; i < state->count; i++)
		group_add(q, group, &(PredictionRow) {NULL, state->counts[i].label, state->counts[i].images, 0, -1,
				  state->counts[i].probabilities, state->counts[i].probabilities == 0});
	found = group_estimate(q, group);
	return (Estimate) {group->classified, group->failed, 0, found ? found[class_index] : (vc_prevalence) {NAN, NAN, NAN, NAN},
	group_warning(q, group, class_index)};
}

/* Counts the group. SPI must be connected. */
static KnownTally *
make_tally(Quantifier *q, const ShareState *state)
{
	KnownTally *t;
	bool		keys = false;

	for (int64 i = 0; i < state->known_count; i++)
		keys = keys || state->known[i].key != NULL;
	t = known_begin(q, keys);
	known_add_group(t, 0);
	for (int64 i = 0; i < state->count; i++)
		known_add(t, 0, &(KnownRow) {.images = state->counts[i].images, .predicted = known_label(q, state->counts[i].label), .weight = NAN, .bin = -1});
	for (int64 i = 0; i < state->known_count; i++)
	{
		const ShareKnown *k = &state->known[i];
		KnownRow	row = {.images = k->images, .predicted = known_label(q, k->label), .known = known_label(q, k->known),
			.weight = k->weight, .bin = -1, .cluster = known_cluster(k->cluster)};

		known_find_held(q, k->key, &row);
		known_add(t, 0, &row);
	}
	known_end(t);
	return t;
}

/* Takes the estimate of one class of the only group. */
typedef struct Wanted
{
	int			class_index;
	vc_ppi_share share;
} Wanted;

static void
take_class(void *argument, vc_ppi *ppi, int index, int class_index)
{
	Wanted	   *wanted = argument;

	if (class_index == wanted->class_index)
		wanted->share = vc_ppi_get(ppi, 0, index);
}

/* Estimates by the labels of the group. */
static Estimate
estimate_by_labels(FunctionCallInfo fcinfo, const ShareState *state)
{
	Quantifier *q = share_learn(fcinfo, state, false);
	Wanted		wanted = {quantifier_class(q, state->class)};
	MemoryContext caller = CurrentMemoryContext;
	KnownTally *t;
	const KnownGroup *group;

	quantifier_refuse_multi_label(q);
	SPI_connect();
	MemoryContextSwitchTo(caller);	/* the result outlives SPI's */
	t = make_tally(q, state);
	group = &t->groups[0];
	known_solve(t, CONFIDENCE, take_class, &wanted);
	SPI_finish();
	return (Estimate) {group->known + group->unknown, group->failed, group->known,
		{group->counted > 0 ? (double) t->raw[wanted.class_index] / group->counted : NAN, wanted.share.share, wanted.share.low, wanted.share.high},
	known_warning(t, 0, wanted.class_index, &wanted.share)};
}

static Datum
make_result(FunctionCallInfo fcinfo, const Estimate *e)
{
	const vc_prevalence *f = &e->found;
	TupleDesc	desc;
	Datum		values[] = {
		Int64GetDatum(e->images), Int64GetDatum(e->failed),
		Float8GetDatum(f->raw), Float8GetDatum(f->share), Float8GetDatum(f->low), Float8GetDatum(f->high),
		Float8GetDatum(f->share * e->images), e->warning ? CStringGetTextDatum(e->warning) : (Datum) 0,
		Int64GetDatum(e->labelled)
	};
	bool		none = isnan(f->share);
	bool		nulls[] = {false, false, isnan(f->raw), none, none, none, none, e->warning == NULL, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be visclf.share_estimate");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

Datum
visclf_corrected_share_end(PG_FUNCTION_ARGS)
{
	const ShareState *state;
	Estimate	estimate;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "corrected_share is an aggregate");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (const ShareState *) PG_GETARG_POINTER(0);
	estimate = state->known_count > 0 ? estimate_by_labels(fcinfo, state) : estimate_by_validation(fcinfo, state);
	return make_result(fcinfo, &estimate);
}

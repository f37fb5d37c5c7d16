/*
 * corrected_share.c
 *		visclf.corrected_share: the share of one class, as an aggregate.
 *
 * A group's state is what there is of each label, or its images for methods
 * that look at probabilities.  How the model errs is learnt once a query, at
 * the end of its first group.
 */
#include "extension/support/pgcompat.h"

#include <math.h>

#include "access/htup_details.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "extension/models/active_model.h"
#include "extension/counting/quantifier.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_corrected_share_add);
PG_FUNCTION_INFO_V1(visclf_corrected_share_end);

/* Arguments of the two transition functions; the shorter has the first few. */
enum
{
	ARG_STATE,
	ARG_MODEL,
	ARG_LABEL,
	ARG_CLASS,
	ARG_METHOD,
	ARG_PROBABILITIES
};

/* Images of one label, NULL for those that failed; or one image, where it has probabilities. */
typedef struct Labelled
{
	char	   *label;
	int64		images;
	Datum		probabilities;	/* 0: none */
} Labelled;

/* One group. */
typedef struct State
{
	char	   *model;
	char	   *class;
	vc_quantification method;
	bool		soft;
	Labelled   *rows;
	int64		count;
	int64		room;
} State;

/* What the final function keeps over the groups of a query. */
typedef struct Known
{
	ActiveModel		active;
	MemoryContext context;		/* of the quantifier */
	Quantifier *quantifier;
} Known;

/* An argument that is the same for all rows of a group. */
static char *
constant_text(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" of corrected_share must not be NULL", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static void
check_same(FunctionCallInfo fcinfo, int argument, const char *name, const char *first)
{
	char	   *value = constant_text(fcinfo, argument, name);

	if (strcmp(value, first) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" of corrected_share is \"%s\" for one row and \"%s\" for another",
						name, first, value),
				 errhint("It must be the same for every row of a group.")));
	pfree(value);
}

static State *
share_begin(FunctionCallInfo fcinfo)
{
	State	   *state = palloc0(sizeof(*state));

	state->model = constant_text(fcinfo, ARG_MODEL, "model");
	state->class = constant_text(fcinfo, ARG_CLASS, "class");
	state->method = PG_NARGS() > ARG_METHOD ?
		quantification_from_name(constant_text(fcinfo, ARG_METHOD, "method")) : VC_ACC;
	state->soft = vc_quantification_soft(state->method);
	state->room = 4;
	state->rows = palloc(sizeof(*state->rows) * state->room);
	return state;
}

/* The row of images that a further image of this label is counted in, if any. */
static Labelled *
share_group(State *state, const char *label)
{
	for (int64 i = 0; i < state->count; i++)
		if (label == NULL ? state->rows[i].label == NULL :
			state->rows[i].label != NULL && strcmp(state->rows[i].label, label) == 0)
			return &state->rows[i];
	return NULL;
}

static void
share_add(State *state, const char *label, Datum probabilities)
{
	Labelled   *row = state->soft && probabilities != 0 ? NULL : share_group(state, label);

	if (row == NULL)
	{
		if (state->count == state->room)
		{
			state->room *= 2;
			state->rows = repalloc_huge(state->rows, sizeof(*state->rows) * state->room);
		}
		row = &state->rows[state->count++];
		*row = (Labelled) {label ? pstrdup(label) : NULL, 0, 0};
		if (probabilities != 0)
			row->probabilities = datumCopy(probabilities, false, -1);
	}
	row->images++;
}

/* The transition of both forms of visclf.corrected_share. */
Datum
visclf_corrected_share_add(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	State	   *state = PG_ARGISNULL(ARG_STATE) ? NULL : (State *) PG_GETARG_POINTER(ARG_STATE);
	char	   *label = PG_ARGISNULL(ARG_LABEL) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_LABEL));
	Datum		probabilities = 0;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "corrected_share is an aggregate");
	caller = MemoryContextSwitchTo(context);
	if (state == NULL)
		state = share_begin(fcinfo);
	if (state->soft && !PG_ARGISNULL(ARG_PROBABILITIES))
		probabilities = PG_GETARG_DATUM(ARG_PROBABILITIES);
	if (state->soft && probabilities == 0)
		label = NULL;
	share_add(state, label, label ? probabilities : 0);
	MemoryContextSwitchTo(caller);
	check_same(fcinfo, ARG_MODEL, "model", state->model);
	check_same(fcinfo, ARG_CLASS, "class", state->class);
	PG_RETURN_POINTER(state);
}

/* How the model errs, learnt at a query's first group. */
static Quantifier *
share_learn(FunctionCallInfo fcinfo, const State *state)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	Known	   *known = fcinfo->flinfo->fn_extra;
	int			model_id;

	if (known == NULL)
	{
		known = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(context, sizeof(*known));
		known->context = AllocSetContextCreate(context, "visclf corrected_share", ALLOCSET_DEFAULT_SIZES);
	}
	model_id = active_model_find(&known->active, cstring_to_text(state->model), context).model_id;
	if (known->quantifier == NULL || known->quantifier->model_id != model_id ||
		known->quantifier->method != state->method)
	{
		known->quantifier = NULL;
		MemoryContextReset(known->context);
		SPI_connect();
		known->quantifier = quantifier_create(model_id, state->method, 0.95, 1000, 42, known->context);
		SPI_finish();
	}
	return known->quantifier;
}

static Datum
make_result(FunctionCallInfo fcinfo, const Quantifier *q, const ImageGroup *group, int c)
{
	vc_prevalence *found = group_estimate(q, group);
	vc_prevalence f = found ? found[c] : (vc_prevalence) {0};
	char	   *warning = group_warning(q, group, c);
	bool		none = found == NULL;
	TupleDesc	desc;
	Datum		values[] = {
		Int64GetDatum(group->classified), Int64GetDatum(group->failed),
		Float8GetDatum(f.raw), Float8GetDatum(f.share), Float8GetDatum(f.low), Float8GetDatum(f.high),
		Float8GetDatum(f.share * group->classified),
		warning ? CStringGetTextDatum(warning) : (Datum) 0
	};
	bool		nulls[] = {false, false, none, none, none, none, none, warning == NULL};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be visclf.share_estimate");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

Datum
visclf_corrected_share_end(PG_FUNCTION_ARGS)
{
	const State *state;
	const Quantifier *q;
	ImageGroup *group;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "corrected_share is an aggregate");
	if (PG_ARGISNULL(ARG_STATE))
		PG_RETURN_NULL();
	state = (const State *) PG_GETARG_POINTER(ARG_STATE);
	q = share_learn(fcinfo, state);
	group = group_create(q);
	for (int64 i = 0; i < state->count; i++)
		group_add(q, group, state->rows[i].label, state->rows[i].images, state->rows[i].probabilities,
				  state->rows[i].probabilities == 0);
	return make_result(fcinfo, q, group, quantifier_class(q, state->class));
}

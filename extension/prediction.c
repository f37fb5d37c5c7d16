/*
 * prediction.c
 *		visclf.prediction, from logits or from an image that failed.
 */
#include "prediction.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "../engine/metrics.h"
#include "sql.h"

/* Columns of visclf.prediction. */
enum
{
	LABEL,
	CONFIDENCE,
	PROBABILITIES,
	MODEL_ID,
	ERROR_TEXT,
	COLUMNS
};

TupleDesc
prediction_type(FunctionCallInfo fcinfo, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != COLUMNS)
		elog(ERROR, "return type must be visclf.prediction");
	desc = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(caller);
	return desc;
}

Datum
prediction_make(TupleDesc desc, const Model *model, const float *logits)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {false};
	float	   *probabilities = palloc(sizeof(float) * model->class_count);
	int			best = vc_argmax(logits, model->class_count);

	vc_softmax(logits, model->class_count, probabilities);
	values[LABEL] = CStringGetTextDatum(model->classes[best]);
	values[CONFIDENCE] = Float4GetDatum(probabilities[best]);
	values[PROBABILITIES] = real_array(probabilities, model->class_count);
	values[MODEL_ID] = Int32GetDatum(model->model_id);
	nulls[ERROR_TEXT] = true;
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

Datum
prediction_error(TupleDesc desc, const Model *model, const vc_error *error)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {true, true, true, false, false};

	values[MODEL_ID] = Int32GetDatum(model->model_id);
	values[ERROR_TEXT] = CStringGetTextDatum(error->message);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

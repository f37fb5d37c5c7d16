/*
 * prediction.c
 *		Makes a visclf.prediction of logits or of an error.
 */
#include "extension/classifying/prediction.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "extension/support/sql.h"

/* Columns of visclf.prediction. */
enum
{
	LABEL,
	CONFIDENCE,
	LABELS,
	PROBABILITIES,
	MODEL_ID,
	ERROR_TEXT,
	WARNING_TEXT,
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

Oid
prediction_type_id(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("prediction"),
						   ObjectIdGetDatum(get_namespace_oid("visclf", false)));
}

/* Returns the likeliest of some classes, or -1 if there are none. */
static int
likeliest(const int *labels, int count, const float *probabilities)
{
	int			best = -1;

	for (int i = 0; i < count; i++)
		if (best < 0 || probabilities[labels[i]] > probabilities[best])
			best = labels[i];
	return best;
}

Datum
prediction_make(TupleDesc desc, const Model *model, const float *logits, const vc_flaw *flaw)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {false};
	float	   *probabilities = palloc(sizeof(float) * model->class_count);
	int		   *labels = palloc(sizeof(int) * model->class_count);
	char	  **names = palloc(sizeof(char *) * model->class_count);
	int			count;
	int			best;

	model_probabilities(model, logits, probabilities);
	count = model_labels(model, probabilities, labels);
	best = likeliest(labels, count, probabilities);
	for (int i = 0; i < count; i++)
		names[i] = model->classes[labels[i]];
	nulls[LABEL] = nulls[CONFIDENCE] = best < 0;
	if (best >= 0)
	{
		values[LABEL] = CStringGetTextDatum(model->classes[best]);
		values[CONFIDENCE] = Float4GetDatum(probabilities[best]);
	}
	values[LABELS] = text_array(names, count);
	values[PROBABILITIES] = real_array(probabilities, model->class_count);
	values[MODEL_ID] = Int32GetDatum(model->model_id);
	nulls[ERROR_TEXT] = true;
	nulls[WARNING_TEXT] = flaw->text[0] == '\0';
	if (!nulls[WARNING_TEXT])
		values[WARNING_TEXT] = CStringGetTextDatum(flaw->text);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

Datum
prediction_error(TupleDesc desc, const Model *model, const vc_error *error)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {true, true, true, true, false, false, true};

	values[MODEL_ID] = Int32GetDatum(model->model_id);
	values[ERROR_TEXT] = CStringGetTextDatum(error->message);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

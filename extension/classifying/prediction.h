/*
 * prediction.h
 *		Makes a visclf.prediction of logits or of an error.
 */
#ifndef VISCLF_PREDICTION_H
#define VISCLF_PREDICTION_H

#include "extension/support/pgcompat.h"

#include "access/tupdesc.h"
#include "fmgr.h"

#include "extension/models/model.h"

/* Returns the blessed row type of a function that returns visclf.prediction. */
extern TupleDesc prediction_type(FunctionCallInfo fcinfo, MemoryContext context);

/* Returns the OID of the type visclf.prediction. */
extern Oid	prediction_type_id(void);

/* Makes the prediction of an image; its flaw becomes the warning. */
extern Datum prediction_make(TupleDesc desc, const Model *model, const float *logits,
							 const vc_flaw *flaw);

/* Makes the prediction of an image that could not be decoded: only error and model_id are set. */
extern Datum prediction_error(TupleDesc desc, const Model *model, const vc_error *error);

#endif							/* VISCLF_PREDICTION_H */

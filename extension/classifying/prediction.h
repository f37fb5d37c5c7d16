/*
 * prediction.h
 *		visclf.prediction, from logits or from an image that failed.
 */
#ifndef VISCLF_PREDICTION_H
#define VISCLF_PREDICTION_H

#include "extension/support/pgcompat.h"

#include "access/tupdesc.h"
#include "fmgr.h"

#include "extension/models/model.h"

/* The row type of a function that returns visclf.prediction, blessed. */
extern TupleDesc prediction_type(FunctionCallInfo fcinfo, MemoryContext context);

/* The type visclf.prediction. */
extern Oid	prediction_type_id(void);

/* What the model says of an image with that flaw, which becomes the warning. */
extern Datum prediction_make(TupleDesc desc, const Model *model, const float *logits,
							 const vc_flaw *flaw);

/* For an image without pixels: error filled, the rest but model_id NULL. */
extern Datum prediction_error(TupleDesc desc, const Model *model, const vc_error *error);

#endif							/* VISCLF_PREDICTION_H */

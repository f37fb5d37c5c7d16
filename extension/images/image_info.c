/*
 * image_info.c
 *		visclf.image_info: reads the header of an image. visclf.image_formats
 *		lists the formats.
 */
#include "extension/support/pgcompat.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "engine/image/image.h"
#include "engine/image/image_format.h"

PG_FUNCTION_INFO_V1(visclf_image_info);
PG_FUNCTION_INFO_V1(visclf_image_formats);

Datum
visclf_image_info(PG_FUNCTION_ARGS)
{
	bytea	   *image = PG_GETARG_BYTEA_PP(0);
	TupleDesc	desc;
	Datum		values[9] = {0};
	bool		nulls[9];
	vc_image_info info;
	vc_error	error;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(nulls, true, sizeof(nulls));
	if (vc_image_header((uint8_t *) VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image),
					   &info, &error) == VC_OK)
	{
		values[0] = CStringGetTextDatum(info.format);
		values[1] = Int32GetDatum(info.width);
		values[2] = Int32GetDatum(info.height);
		values[3] = Int32GetDatum(info.components);
		values[4] = CStringGetTextDatum(info.color_space);
		values[5] = Int32GetDatum(info.orientation);
		values[6] = BoolGetDatum(info.progressive);
		values[7] = BoolGetDatum(info.complete);
		memset(nulls, false, 8);
	}
	else
	{
		values[8] = CStringGetTextDatum(error.message);
		nulls[8] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

Datum
visclf_image_formats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; vc_image_decoders[i] != NULL; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = CStringGetTextDatum(vc_image_decoders[i]->name);
		values[1] = CStringGetTextDatum(vc_image_decoders[i]->format);
		values[2] = CStringGetTextDatum(vc_image_decoders[i]->library);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * wilson.c
 *		visclf.wilson_interval: the interval of a share of known images.
 */
#include "extension/support/pgcompat.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"

#include "engine/counting/prevalence.h"

PG_FUNCTION_INFO_V1(visclf_wilson_interval);

/* visclf.wilson_interval(hits, trials) */
Datum
visclf_wilson_interval(PG_FUNCTION_ARGS)
{
	int64		hits = PG_GETARG_INT64(0);
	int64		trials = PG_GETARG_INT64(1);
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};
	TupleDesc	desc;
	double		low;
	double		high;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (trials > 0 && (hits < 0 || hits > trials))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%lld hits of %lld trials are outside 0 to the number of trials",
						(long long) hits, (long long) trials)));
	if (trials > 0)
	{
		vc_wilson_interval((double) hits, (double) trials, &low, &high);
		values[0] = Float8GetDatum(low);
		values[1] = Float8GetDatum(high);
		nulls[0] = nulls[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

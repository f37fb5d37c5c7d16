/*
 * report.c
 *		visclf.report: a page about what a model counts.
 */
#include "extension/reporting/report.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "extension/support/arguments.h"
#include "extension/models/model.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_report);

#define MOST_SHOWN 8			/* classes, where none are named */
#define MOST_PICTURES 200
#define MOST_RESAMPLES 100000

/* Arguments of visclf.report. */
enum
{
	ARG_MODEL,
	ARG_PREDICTIONS,
	ARG_YEAR_COLUMN,
	ARG_PLACE_COLUMN,
	ARG_SOURCE,
	ARG_KEY_COLUMN,
	ARG_IMAGE_COLUMN,
	ARG_LABEL_COLUMN,
	ARG_CONFIDENCE_COLUMN,
	ARG_PROBABILITIES_COLUMN,
	ARG_ERROR_COLUMN,
	ARG_CLASSES,
	ARG_METHOD,
	ARG_CONFIDENCE,
	ARG_RESAMPLES,
	ARG_PICTURES,
	ARG_TITLE,
	ARG_SEED,
	ARGS						/* others are found by their names */
};

/* Sets where pictures come from: the source, or the predictions if they have images themselves. */
static void
read_picture_source(FunctionCallInfo fcinfo, ReportOptions *o)
{
	bool		named = !PG_ARGISNULL(ARG_SOURCE);

	o->source.relation = named ? PG_GETARG_OID(ARG_SOURCE) : o->predictions.relation;
	o->source.key_column = NameStr(*PG_GETARG_NAME(ARG_KEY_COLUMN));
	o->source.image_column = NameStr(*PG_GETARG_NAME(ARG_IMAGE_COLUMN));
	if (!named && (!source_column_or_usual(o->predictions.relation, o->source.key_column, "key_column", "id") ||
				   !source_column_or_usual(o->predictions.relation, o->source.image_column, "image_column", "image")))
	{
		o->source.relation = InvalidOid;
		return;
	}
	source_lock(o->source.relation);
	source_column_type(o->source.relation, o->source.key_column, "key_column");
	source_check_image(o->source.relation, o->source.image_column);
}

/* Sets the names of the predictions' columns, and checks them. */
static void
read_columns(FunctionCallInfo fcinfo, ReportOptions *o)
{
	o->year_column = NameStr(*PG_GETARG_NAME(ARG_YEAR_COLUMN));
	o->place_column = PG_ARGISNULL(ARG_PLACE_COLUMN) ? NULL : NameStr(*PG_GETARG_NAME(ARG_PLACE_COLUMN));
	o->confidence_column = NameStr(*PG_GETARG_NAME(ARG_CONFIDENCE_COLUMN));
	o->predictions.label_column = NameStr(*PG_GETARG_NAME(ARG_LABEL_COLUMN));
	o->predictions.probabilities_column = NameStr(*PG_GETARG_NAME(ARG_PROBABILITIES_COLUMN));
	o->predictions.error_column = NameStr(*PG_GETARG_NAME(ARG_ERROR_COLUMN));
	o->predictions.soft = vc_quantification_soft(o->method);
	predictions_check(&o->predictions);
	o->has_confidence = source_column_or_usual(o->predictions.relation, o->confidence_column, "confidence_column", "confidence") &&
		get_attnum(o->predictions.relation, o->source.key_column) != InvalidAttrNumber;
}

static void
read_options(FunctionCallInfo fcinfo, ReportOptions *o)
{
	static const char *const names[ARGS] = {"model", "predictions", "year_column", NULL, NULL, "key_column", "image_column",
		"label_column", "confidence_column", "probabilities_column", "error_column", NULL, NULL, "confidence",
	"resamples", "pictures", NULL, "seed"};

	arguments_not_null(fcinfo, names, ARGS);
	o->model = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	o->predictions.relation = PG_GETARG_OID(ARG_PREDICTIONS);
	o->confidence = PG_GETARG_FLOAT8(ARG_CONFIDENCE);
	o->resamples = PG_GETARG_INT32(ARG_RESAMPLES);
	o->pictures = PG_GETARG_INT32(ARG_PICTURES);
	o->title = PG_ARGISNULL(ARG_TITLE) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_TITLE));
	o->seed = PG_GETARG_INT64(ARG_SEED);
	argument_bounds("confidence", o->confidence, 0.01, 0.9999);
	argument_bounds("resamples", o->resamples, 0, MOST_RESAMPLES);
	argument_bounds("pictures", o->pictures, 0, MOST_PICTURES);
	source_lock(o->predictions.relation);
	read_picture_source(fcinfo, o);
	read_columns(fcinfo, o);
}

/* Sets where labels are known, and whether errors are learnt from them. */
static void
read_known(FunctionCallInfo fcinfo, ReportOptions *o, const Quantifier *q)
{
	o->known.predictions = o->predictions;
	grouping_read_known(fcinfo, q, &o->known);
	o->predictions.known_column = o->known.predictions.known_column;
	o->ppi = grouping_is_ppi(fcinfo, &o->known);
}

/*
 * Chooses the classes to show: those named; or the first of two, since the
 * other is the rest; or all.
 */
static void
choose_classes(FunctionCallInfo fcinfo, Report *r)
{
	const Quantifier *q = r->quantifier;
	char	  **names = NULL;

	r->shown_count = q->class_count == 2 ? 1 : Min(q->class_count, MOST_SHOWN);
	if (!PG_ARGISNULL(ARG_CLASSES))
		names = text_array_values(PG_GETARG_DATUM(ARG_CLASSES), &r->shown_count);
	if (r->shown_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"classes\" must not be empty"),
				 errhint("Leave it out to see %s.", q->class_count == 2 ? "the first of two" : "all")));
	r->shown = palloc(sizeof(int) * r->shown_count);
	for (int i = 0; i < r->shown_count; i++)
		r->shown[i] = names ? quantifier_class(q, names[i]) : i;
}

/* visclf.report(model, predictions, year_column, ...) */
Datum
visclf_report(PG_FUNCTION_ARGS)
{
	StringInfoData out;
	Report		r = {.out = &out};
	Quantifier *q;

	initStringInfo(&out);		/* outlives SPI */
	SPI_connect();
	q = grouping_open(fcinfo);
	r.options.method = q->method;
	read_options(fcinfo, &r.options);
	read_known(fcinfo, &r.options, q);
	r.quantifier = quantifier_create(q->model_id, r.options.method, r.options.confidence,
									 r.options.resamples, r.options.seed, CurrentMemoryContext);
	choose_classes(fcinfo, &r);
	report_read_counts(&r);
	report_read_pictures(&r);
	report_head(&r);
	report_summary(&r);
	report_years(&r);
	report_places(&r);
	report_grid(&r);
	report_caveats(&r);
	report_pictures(&r);
	report_model(&r);
	report_end(&r);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/*
 * calibrate_int8.c
 *		visclf.calibrate_int8: what a version from elsewhere needs to be run in
 *		8-bit integers.
 *
 * Of a random sample of images the first set the ranges of the activations,
 * and the others tell how often int8 says what float32 says.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "extension/support/arguments.h"
#include "extension/support/decoding_batch.h"
#include "extension/classifying/cache.h"
#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/classifying/inference.h"
#include "extension/models/ownership.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"
#include "extension/models/model_version.h"

PG_FUNCTION_INFO_V1(visclf_calibrate_int8);

#define BATCH_SIZE 32			/* images; CALIBRATION_IMAGES are some batches */
#define LEAST_COMPARED 500		/* images; fewer tell little of 99.5 % */
#define MOST_IMAGES 1000000

/* Arguments of visclf.calibrate_int8. */
enum
{
	ARG_MODEL,
	ARG_SOURCE,
	ARG_IMAGE_COLUMN,
	ARG_IMAGES,
	ARGS
};

typedef struct Calibration
{
	Model	   *model;
	OpenDevice	device;
	DecodingBatch	   *batch;
	Portal		cursor;
	vc_plan    *float32;
	vc_plan    *int8;			/* NULL until the ranges are there */
	float	   *logits[2];		/* by float32 and by int8 */
	float	   *probabilities;
	int64		calibrated;		/* images */
	int64		compared;
	int64		same;
} Calibration;

static void
check_calibrate_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[ARGS] = {"model", "source", "image_column", "images"};

	arguments_not_null(fcinfo, names, ARGS);
	argument_bounds("images", PG_GETARG_INT32(ARG_IMAGES), CALIBRATION_IMAGES + LEAST_COMPARED, MOST_IMAGES);
}

static void
release_device(void *argument)
{
	OpenDevice *device = argument;

	device->api->close(device->device);
}

/* A plan of the model with its weights. */
static vc_plan *
calibration_plan(Calibration *c, vc_precision precision)
{
	vc_plan    *plan = inference_plan(&c->device, c->model, precision,
									  precision == VC_INT8 ? c->model->ranges : NULL, c->batch->capacity);

	weights_read(c->model, c->device.api, plan);
	return plan;
}

static Calibration *
calibration_begin(const char *name)
{
	Calibration *c = palloc0(sizeof(*c));
	int			classes;

	name_check_owned(name);
	open_device(&c->device);
	release_with_context(CurrentMemoryContext, release_device, &c->device);
	if (c->device.api->calibrate == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the %s device does not run int8", c->device.api->kind),
				 errhint("SET visclf.device = cpu.")));
	c->model = model_read(model_find_active(name).model_id, false, CurrentMemoryContext);
	classes = c->model->class_count;
	c->batch = decoding_batch_create(CurrentMemoryContext,
							decoder_create(CurrentMemoryContext, c->model->image_size, c->model->resize),
							BATCH_SIZE);
	c->model->ranges = palloc0(sizeof(float) * c->model->network->node_count);
	for (int i = 0; i < 2; i++)
		c->logits[i] = palloc(sizeof(float) * c->batch->capacity * classes);
	c->probabilities = palloc(sizeof(float) * classes);
	c->float32 = calibration_plan(c, VC_FLOAT32);
	return c;
}

/* Opens a cursor of random images of the source. */
static Portal
open_sample(FunctionCallInfo fcinfo)
{
	Oid			source = PG_GETARG_OID(ARG_SOURCE);
	const char *column = NameStr(*PG_GETARG_NAME(ARG_IMAGE_COLUMN));
	Sql			sql;

	source_lock(source);
	source_check_image(source, column);
	column = quote_identifier(column);
	sql_begin_source(&sql, psprintf("SELECT s.%s::pg_catalog.bytea FROM %s s WHERE s.%s IS NOT NULL ORDER BY pg_catalog.random() LIMIT $1",
									column, relation_name(source), column));
	sql_int(&sql, PG_GETARG_INT32(ARG_IMAGES));
	return sql_open(&sql, true);
}

/* Fills the batch with decoded images; those that cannot be are left out.  Returns false at the end. */
static bool
fetch_sample(Calibration *c)
{
	DecodingBatch	   *batch = c->batch;
	int			good = 0;
	uint64		rows;
	bool		isnull;

	decoding_batch_reset(batch);
	rows = sql_fetch(c->cursor, batch->capacity);
	for (uint64 i = 0; i < rows; i++)
	{
		Datum		image = result_datum(i, 1, BYTEAOID, &isnull);

		if (!isnull)
			decoding_batch_add(batch, image);
	}
	SPI_freetuptable(SPI_tuptable);
	decoding_batch_start(batch);
	decoding_batch_wait(batch);
	for (int i = 0; i < batch->count; i++)
		if (batch->jobs[i].error.code == VC_OK)
			memmove(batch->pixels + batch->image_bytes * good++, batch->jobs[i].out, batch->image_bytes);
	batch->count = good;
	return rows > 0;
}

/* Runs the batch by both plans and counts what they agree on. */
static void
compare_precisions(Calibration *c)
{
	vc_plan    *plans[2] = {c->float32, c->int8};
	vc_error	error;

	for (int p = 0; p < 2; p++)
	{
		check_status(c->device.api->forward(plans[p], c->batch->pixels, c->batch->count,
										c->logits[p], NULL, &error), &error);
		model_check_numbers(c->model, c->logits[p], (int64) c->batch->count * c->model->class_count);
	}
	for (int i = 0; i < c->batch->count; i++)
	{
		Size		first = (Size) i * c->model->class_count;

		c->same += model_predicted(c->model, c->logits[0] + first, c->probabilities) ==
			model_predicted(c->model, c->logits[1] + first, c->probabilities);
	}
	c->compared += c->batch->count;
}

/* One batch: for the ranges, or for the comparison. */
static void
calibration_use(Calibration *c)
{
	vc_error	error;

	if (c->batch->count == 0)
		return;
	if (c->calibrated < CALIBRATION_IMAGES)
	{
		check_status(c->device.api->calibrate(c->float32, c->batch->pixels, c->batch->count,
										  c->model->ranges, &error), &error);
		model_check_numbers(c->model, c->model->ranges, c->model->network->node_count);
		c->calibrated += c->batch->count;
		return;
	}
	if (c->int8 == NULL)
		c->int8 = calibration_plan(c, VC_INT8);
	compare_precisions(c);
}

/* visclf.calibrate_int8(model, source, image_column, images) */
Datum
visclf_calibrate_int8(PG_FUNCTION_ARGS)
{
	Calibration *c;
	float		agreement;

	PreventCommandIfReadOnly("visclf.calibrate_int8()");
	check_calibrate_arguments(fcinfo);
	SPI_connect();
	c = calibration_begin(text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL)));
	c->cursor = open_sample(fcinfo);
	while (fetch_sample(c))
	{
		CHECK_FOR_INTERRUPTS();
		calibration_use(c);
	}
	SPI_cursor_close(c->cursor);
	if (c->compared < LEAST_COMPARED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only %lld images could be read, too few to compare int8 with float32",
						(long long) (c->calibrated + c->compared)),
				 errhint("%d and %d more are needed.", CALIBRATION_IMAGES, LEAST_COMPARED)));
	agreement = c->model->int8_agreement = (float) ((double) c->same / c->compared);
	version_calibrated(c->model);
	cached_model_forget(c->model->model_id);
	SPI_finish();
	PG_RETURN_FLOAT4(agreement);
}

/*
 * calibrate_int8.c
 *		visclf.calibrate_int8: calibrates a version that was trained elsewhere.
 *
 * It takes a random sample of images.  The first ones set the ranges of the
 * activations; int8 and float32 are compared on the others.
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
#include "extension/classifying/calibration.h"
#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/models/ownership.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"
#include "extension/models/model_version.h"

PG_FUNCTION_INFO_V1(visclf_calibrate_int8);

#define BATCH_SIZE 32			/* images; CALIBRATION_IMAGES is a multiple */
#define LEAST_COMPARED 500		/* images; fewer cannot show 99.5 % */
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

/* A model, its device, and images from a random sample. */
typedef struct Sample
{
	Model	   *model;
	OpenDevice	device;
	DecodingBatch *batch;
	Portal		cursor;
} Sample;

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

/* Sets the weights of a plan from the version's rows. */
static void
set_stored_weights(void *sample, vc_plan *plan)
{
	const Sample *s = sample;

	weights_read(s->model, s->device.api, plan);
}

static Sample *
sample_begin(const char *name)
{
	Sample	   *s = palloc0(sizeof(*s));

	name_check_owned(name);
	open_device(&s->device);
	release_with_context(CurrentMemoryContext, release_device, &s->device);
	if (s->device.api->calibrate == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the %s device does not run int8", s->device.api->kind),
				 errhint("SET visclf.device = cpu.")));
	s->model = model_read(model_find_active(name).model_id, false, CurrentMemoryContext);
	s->batch = decoding_batch_create(CurrentMemoryContext,
									 decoder_create(CurrentMemoryContext, s->model->image_size, s->model->resize),
									 BATCH_SIZE);
	return s;
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

/* Fills the batch with decoded images, leaving out those that cannot be decoded.  Returns false at the end. */
static bool
sample_fetch(Sample *s)
{
	DecodingBatch *batch = s->batch;
	int			good = 0;
	uint64		rows;
	bool		isnull;

	decoding_batch_reset(batch);
	rows = sql_fetch(s->cursor, batch->capacity);
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

/* Takes one batch: for the ranges, or for the comparison. */
static void
sample_use(Sample *s, Calibration *c)
{
	if (s->batch->count == 0)
		return;
	if (c->calibrated >= CALIBRATION_IMAGES)
		calibration_compare(c, s->batch->pixels, s->batch->count, NULL);
	else
	{
		calibration_raise(c, s->batch->pixels, s->batch->count);
		model_check_numbers(s->model, c->ranges, s->model->network->node_count);
	}
}

/* visclf.calibrate_int8(model, source, image_column, images) */
Datum
visclf_calibrate_int8(PG_FUNCTION_ARGS)
{
	Sample	   *s;
	Calibration *c;
	float		agreement;

	PreventCommandIfReadOnly("visclf.calibrate_int8()");
	check_calibrate_arguments(fcinfo);
	SPI_connect();
	s = sample_begin(text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL)));
	c = calibration_begin(&s->device, s->model, BATCH_SIZE, set_stored_weights, s);
	s->cursor = open_sample(fcinfo);
	while (sample_fetch(s))
	{
		CHECK_FOR_INTERRUPTS();
		sample_use(s, c);
	}
	SPI_cursor_close(s->cursor);
	if (c->compared < LEAST_COMPARED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only %lld images could be read, too few to compare int8 with float32",
						(long long) (c->calibrated + c->compared)),
				 errhint("%d and %d more are needed.", CALIBRATION_IMAGES, LEAST_COMPARED)));
	s->model->ranges = c->ranges;
	s->model->int8_agreement = agreement = calibration_agreement(c);
	version_calibrated(s->model);
	cached_model_forget(s->model->model_id);
	SPI_finish();
	PG_RETURN_FLOAT4(agreement);
}

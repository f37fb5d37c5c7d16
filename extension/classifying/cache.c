/*
 * cache.c
 *		Keeps model versions ready to run; makes plans for inference.
 */
#include "extension/classifying/cache.h"

#include "executor/spi.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/devices/gpu_idle.h"
#include "extension/support/settings.h"
#include "extension/models/shared_weights.h"

#define LEAST_AGREEMENT 0.995	/* with float32, for "auto" to choose int8 */

static CachedModel **entries;	/* in TopMemoryContext */
static int	entry_count;
static int	entry_capacity;
static int64 uses;
static OpenDevice device;		/* device of every entry's plan */

static void
cache_drop(int i)
{
	MemoryContext context = entries[i]->context;

	entries[i] = entries[--entry_count];
	MemoryContextDelete(context);
}

/* Frees everything on the device. Runs in another thread, see gpu_idle.h. */
static void
cache_release_all(void)
{
	for (int i = 0; i < entry_count; i++)
	{
		entries[i]->api->plan_free(entries[i]->plan);
		entries[i]->plan = NULL;
	}
	if (device.device != NULL)
		device.api->close(device.device);
	device.device = NULL;
}

/* Opens the device, again if the settings have changed. */
static void
cache_open_device(void)
{
	OpenDevice	opened;

	gpu_idle_hold();
	if (device.device != NULL && device_is_current(&device))
		return;
	open_device(&opened);
	while (entry_count > 0)
		cache_drop(0);
	if (device.device != NULL)
		device.api->close(device.device);
	device = opened;
	if (device_has_memory(&device))
		gpu_idle_watch(cache_release_all);
}

/* Returns the entry of a version for the current settings, or -1. */
static int
cache_find(ModelKey key, vc_precision precision)
{
	for (int i = 0; i < entry_count; i++)
		if (entries[i]->key.model_id == key.model_id &&
			entries[i]->key.created_at == key.created_at &&
			entries[i]->key.row_xmin == key.row_xmin &&
			entries[i]->precision == precision &&
			entries[i]->algorithm == setting_convolution &&
			entries[i]->shared == (setting_shared_weights > 0))
			return i;
	return -1;
}

/* Makes room for one more entry. */
static void
cache_make_room(void)
{
	while (entry_count >= setting_max_cached_models)
	{
		int			oldest = 0;

		for (int i = 1; i < entry_count; i++)
			if (entries[i]->last_use < entries[oldest]->last_use)
				oldest = i;
		cache_drop(oldest);
	}
	if (entry_count == entry_capacity)
	{
		int			capacity = Max(8, entry_capacity * 2);

		if (entries == NULL)
			entries = MemoryContextAlloc(TopMemoryContext, sizeof(CachedModel *) * capacity);
		else
			entries = repalloc(entries, sizeof(CachedModel *) * capacity);
		entry_capacity = capacity;
	}
}

static void
release_cached_plan(void *argument)
{
	CachedModel *cached = argument;

	if (cached->plan != NULL)	/* not yet freed by cache_release_all */
		cached->api->plan_free(cached->plan);
}

static vc_plan_options
inference_options(vc_precision precision, int max_batch)
{
	vc_plan_options options = {0};

	options.purpose = VC_INFERENCE;
	options.algorithm = setting_convolution;
	options.precision = precision;
	options.max_batch = max_batch;
	options.interrupted = query_canceled;
	return options;
}

/* Gives the device the ranges if it must, or may, run in int8. */
static void
allow_int8(const Model *model, vc_plan_options *options)
{
	if (options->precision == VC_INT8 && model->ranges == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" version %d is not calibrated for int8",
						model->name, model->version),
				 errhint("Its owner can calibrate it: SELECT visclf.calibrate_int8(model, table). Or set visclf.precision to auto or float32.")));
	if (options->precision == VC_INT8 ||
		(options->precision == VC_PRECISION_AUTO && model->int8_agreement >= LEAST_AGREEMENT))
		options->ranges = model->ranges;
}

static CachedModel *
cache_load(ModelKey key, int max_batch, vc_precision precision, MemoryContext context)
{
	CachedModel *cached = MemoryContextAllocZero(context, sizeof(*cached));
	vc_plan_options options = inference_options(precision, max_batch);
	vc_error	error;

	SPI_connect();
	cached->key = key;
	cached->precision = precision;
	cached->algorithm = setting_convolution;
	cached->shared = setting_shared_weights > 0;
	cached->context = context;
	cached->api = device.api;
	cached->max_batch = max_batch;
	cached->model = model_read(key.model_id, false, context);
	cached->memo = answer_memo_create(context, cached->model->class_count);
	allow_int8(cached->model, &options);
	if (device.api->shares_weights)
		shared_weights(key, cached->model, context, &options);
	check_status(device.api->plan(device.device, cached->model->network, &options,
							  &cached->plan, &error), &error);
	release_with_context(context, release_cached_plan, cached);
	if (options.parameters == NULL)
		weights_read(cached->model, cached->api, cached->plan);
	SPI_finish();
	return cached;
}

CachedModel *
cached_model(ModelKey key, int max_batch, vc_precision precision)
{
	MemoryContext context;
	CachedModel *cached;
	int			i;

	cache_open_device();
	i = cache_find(key, precision);
	if (i >= 0 && entries[i]->max_batch >= max_batch)
	{
		entries[i]->last_use = ++uses;
		return entries[i];
	}
	if (i >= 0)
		cache_drop(i);
	cache_make_room();

	/* until the entry is complete, an error frees the context */
	context = AllocSetContextCreate(CurrentMemoryContext, "visclf model",
									ALLOCSET_DEFAULT_SIZES);
	cached = cache_load(key, max_batch, precision, context);
	MemoryContextSetParent(context, TopMemoryContext);
	cached->last_use = ++uses;
	entries[entry_count++] = cached;
	return cached;
}

void
cached_model_forget(int model_id)
{
	for (int i = entry_count - 1; i >= 0; i--)
		if (entries[i]->key.model_id == model_id)
			cache_drop(i);
}

void
cached_model_run(CachedModel *cached, const uint8_t *images, int count,
				 float *logits, float *features)
{
	vc_error	error;
	vc_status	status;

	elog(DEBUG1, "forward pass of %d images", count);
	status = cached->api->forward(cached->plan, images, count, logits, features, &error);
	if (status != VC_OK)
	{
		for (int i = entry_count - 1; i >= 0; i--)
			if (entries[i] == cached)
				cache_drop(i);
		throw_error(&error);
	}
	model_check_numbers(cached->model, logits, (int64) count * cached->model->class_count);
	if (features != NULL)
		model_check_numbers(cached->model, features, (int64) count * cached->model->network->features);
}

/* A plan that ends with a memory context. */
typedef struct InferencePlan
{
	const vc_device_api *api;
	vc_plan    *plan;
} InferencePlan;

static void
release_inference_plan(void *argument)
{
	InferencePlan *inference = argument;

	inference->api->plan_free(inference->plan);
}

vc_plan *
inference_plan(const OpenDevice *opened, const Model *model, vc_precision precision,
			   const float *ranges, int max_batch)
{
	InferencePlan *inference = palloc0(sizeof(*inference));
	vc_plan_options options = inference_options(precision, max_batch);
	vc_error	error;

	options.ranges = ranges;
	inference->api = opened->api;
	check_status(opened->api->plan(opened->device, model->network, &options, &inference->plan, &error), &error);
	release_with_context(CurrentMemoryContext, release_inference_plan, inference);
	return inference->plan;
}

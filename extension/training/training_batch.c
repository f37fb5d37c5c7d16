/*
 * training_batch.c
 *		Prepares a batch of training or validation rows: pixels, targets, class
 *		weights.
 */
#include "extension/support/pgcompat.h"

#include "miscadmin.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/training/training.h"

void
training_load_targets(Training *t, const uint32 *rows, int count)
{
	for (int i = 0; i < count; i++)
		if (t->data->multi_label)
			dataset_members(t->data, rows[i], t->members + (Size) i * t->model->class_count);
		else
			t->labels[i] = t->data->rows[rows[i]].labels[0];
}

static void
release_kept(void *argument)
{
	Training   *t = argument;

	t->device.api->images_free(t->kept);
}

/* Sends all rows to the device, in parts. */
static void
send_rows(Training *t)
{
	vc_error	error;

	for (int64 first = 0; first < t->data->count; first += t->batch_size)
	{
		int			count = (int) Min(t->batch_size, t->data->count - first);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
			dataset_read(t->data, (uint32) (first + i), t->images + t->data->image_bytes * i);
		check_status(t->device.api->images_put(t->kept, first, t->images, count, &error), &error);
	}
}

void
training_keep(Training *t)
{
	vc_status	status;
	vc_error	error;

	if (!device_has_memory(&t->device) || t->options->augment != VC_AUGMENT_NONE)
		return;
	status = t->device.api->images_create(t->device.device, t->data->count,
										  (int64) t->data->image_bytes, &t->kept, &error);
	if (status == VC_OUT_OF_MEMORY)
	{
		ereport(DEBUG1, (errmsg("images are sent batch by batch: %s", error.message)));
		return;
	}
	check_status(status, &error);
	release_with_context(t->context, release_kept, t);
	t->kept_rows = palloc(sizeof(int64) * t->batch_size);
	send_rows(t);
}

/* Selects kept rows as the next batch. */
static void
select_rows(Training *t, const uint32 *rows, int count)
{
	vc_error	error;

	for (int i = 0; i < count; i++)
		t->kept_rows[i] = rows[i];
	check_status(t->device.api->images_select(t->plan, t->kept, t->kept_rows, count, &error), &error);
	t->sent = NULL;
}

static void
read_rows(Training *t, const uint32 *rows, int count, uint8_t *images)
{
	for (int i = 0; i < count; i++)
		dataset_read(t->data, rows[i], images + t->data->image_bytes * i);
}

void
training_load(Training *t, const uint32 *rows, int count)
{
	training_load_targets(t, rows, count);
	if (t->kept != NULL)
	{
		select_rows(t, rows, count);
		return;
	}
	if (rows == t->next_rows)
	{
		uint8_t    *sent = t->next_images;

		t->next_images = t->images;
		t->images = sent;
		t->next_rows = NULL;
	}
	else
		read_rows(t, rows, count, t->images);
	t->sent = t->images;
}

void
training_load_ahead(Training *t, const uint32 *rows, int count)
{
	vc_error	error;

	if (t->kept != NULL || t->device.api->images_ahead == NULL)
		return;
	if (t->next_images == NULL)
		t->next_images = MemoryContextAllocHuge(t->context, t->data->image_bytes * t->batch_size);
	read_rows(t, rows, count, t->next_images);
	check_status(t->device.api->images_ahead(t->plan, t->next_images, count, &error), &error);
	t->next_rows = rows;
}

/* One image to be augmented. */
typedef struct AugmentJob
{
	const uint8_t *image;
	uint8_t    *out;
	int			size;
	vc_change	change;
} AugmentJob;

static void
augment_image(void *argument, const void *unused)
{
	const AugmentJob *job = argument;

	vc_augment_apply(&job->change, job->image, job->size, job->out);
}

/*
 * Runs jobs on the pool's threads, or on the backend's own. Jobs and pixels
 * belong to the pool's context, so that a cancel first ends the threads.
 */
static void
run_jobs(vc_pool *pool, AugmentJob *jobs, int count)
{
	for (int i = 0; pool == NULL && i < count; i++)
		augment_image(&jobs[i], NULL);
	if (pool == NULL)
		return;
	vc_pool_submit(pool, augment_image, jobs, sizeof(AugmentJob), count, NULL);
	pool_wait(pool);
}

void
training_load_augmented(Training *t, const uint32 *rows, int count, uint64 seed, int epoch,
						int64 first)
{
	Size		bytes = t->data->image_bytes;
	AugmentJob *jobs = palloc(sizeof(AugmentJob) * count);

	t->sent = t->images;
	for (int i = 0; i < count; i++)
	{
		dataset_read(t->data, rows[i], t->originals + bytes * i);
		jobs[i].image = t->originals + bytes * i;
		jobs[i].out = t->images + bytes * i;
		jobs[i].size = t->model->image_size;
		vc_augment_draw(t->options->augment, seed, epoch, first + i, &jobs[i].change);
	}
	run_jobs(t->pool, jobs, count);
	pfree(jobs);
	training_load_targets(t, rows, count);
}

/*
 * Returns the class weights. With one label for each image, all classes have
 * the same total weight, as scikit-learn's "balanced". With any number, images
 * with a class weigh as much as those without, as torch's pos_weight is meant.
 */
float *
training_class_weights(const Training *t)
{
	int			classes = t->data->class_count;
	double		rows = t->data->train_images;
	int64	   *counts;
	float	   *weights;

	if (t->options->balance != BALANCE_WEIGHT)
		return NULL;
	counts = palloc(sizeof(int64) * classes);
	weights = palloc(sizeof(float) * classes);
	dataset_count(t->data, t->data->train, t->data->train_images, counts);
	for (int k = 0; k < classes; k++)
	{
		double		n = counts[k];

		if (!t->data->multi_label)
			weights[k] = n > 0 ? rows / (n * classes) : 1;
		else
			weights[k] = n > 0 && n < rows ? (rows - n) / n : 1;
	}
	pfree(counts);
	return weights;
}

void
training_take(Training *t)
{
	dataset_take(t->data, training_fold(t));
	if (t->options->balance == BALANCE_OVERSAMPLE)
		dataset_oversample(t->data, (uint64) t->options->seed);
	t->targets.class_weights = training_class_weights(t);
}

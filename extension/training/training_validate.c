/*
 * training_validate.c
 *		What a network says of the images that were held out of its training.
 */
#include "extension/support/pgcompat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/training/training.h"

#include "engine/training/metrics.h"

uint64
training_predicted(Training *t, int i)
{
	return model_predicted(t->model, t->logits + (Size) i * t->model->class_count, t->probabilities);
}

/* Loss of image i of the batch; t->probabilities become its own. */
static double
image_loss(Training *t, int i)
{
	int			classes = t->model->class_count;
	const float *logits = t->logits + (Size) i * classes;

	model_probabilities(t->model, logits, t->probabilities);
	return t->data->multi_label ?
		vc_binary_cross_entropy(logits, classes, t->members + (Size) i * classes) :
		vc_cross_entropy(logits, classes, t->labels[i]);
}

/*
 * Runs all validation rows.  Each is counted in the tally (NULL: none), and
 * kept as a row where asked to.
 */
static Validation
run_rows(Training *t, vc_tally *tally, bool keep)
{
	const Dataset *d = t->data;
	int			classes = t->model->class_count;
	Validation	v = {0};

	for (int64 first = 0; first < d->valid_count; first += t->batch_size)
	{
		int			count = (int) Min(t->batch_size, d->valid_count - first);
		vc_error	error;

		CHECK_FOR_INTERRUPTS();
		training_load(t, d->valid + first, count);
		check_status(t->device.api->forward(t->plan, t->sent, count, t->logits, NULL, &error),
				 &error);
		for (int i = 0; i < count; i++)
		{
			double		loss = image_loss(t, i);

			training_check_finite(t, loss);
			v.loss += loss;
			if (tally)
				vc_tally_add(tally, t->probabilities, t->members + (Size) i * classes);
			else if (!d->multi_label)
				v.accuracy += vc_argmax(t->probabilities, classes) == t->labels[i];
			if (!keep)
				continue;
			t->predicted[first + i] = training_predicted(t, i);
			validation_write(t, (int) (first + i + 1), d->valid[first + i], loss);
		}
	}
	v.loss /= d->valid_count;
	v.accuracy /= d->valid_count;
	return v;
}

static void
release_tally(void *tally)
{
	vc_tally_free(tally);
}

/* Gives each class the threshold that its validation images are told best with. */
static void
choose_thresholds(Training *t, const vc_tally *tally)
{
	t->model->thresholds = palloc(sizeof(float) * t->model->class_count);
	for (int k = 0; k < t->model->class_count; k++)
		t->model->thresholds[k] = (float) vc_tally_best(tally, k);
}

/* The rows are kept in a second run, once the thresholds are known. */
static Validation
validate_multi_label(Training *t, bool last)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "visclf tally",
												  ALLOCSET_SMALL_SIZES);
	vc_tally   *tally;
	Validation	v;
	vc_error	error;

	check_status(vc_tally_create(t->model->class_count, &tally, &error), &error);
	release_with_context(context, release_tally, tally);
	v = run_rows(t, tally, false);
	v.accuracy = vc_tally_accuracy(tally, 0.5);
	v.f1 = vc_tally_f1(tally, 0.5);
	if (last)
	{
		choose_thresholds(t, tally);
		run_rows(t, NULL, true);
	}
	MemoryContextDelete(context);
	return v;
}

Validation
training_validate(Training *t, bool last)
{
	return t->data->multi_label ? validate_multi_label(t, last) : run_rows(t, NULL, last);
}

/*
 * training_validate.c
 *		Predicts the images that were held out of a training.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/support/sql.h"
#include "extension/training/training.h"

#include "engine/training/metrics.h"

uint64
training_predicted(Training *t, int i)
{
	return model_predicted(t->model, t->logits + (Size) i * t->model->class_count, t->probabilities);
}

/* Returns the loss of image i of the batch, and sets t->probabilities. */
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

/* What to store of each validation row. */
typedef enum Remains
{
	NOTHING,
	WHAT_IS_SAID,				/* in t->said */
	A_ROW						/* of visclf.validation, and that */
} Remains;

/* Runs all validation rows, and counts each in the tally (may be NULL). */
static Validation
run_rows(Training *t, vc_tally *tally, Remains remains)
{
	const Dataset *d = t->data;
	int			classes = t->model->class_count;
	int64		before = dataset_fold_start(d, training_fold(t));
	Validation	v = {0};

	for (int64 first = 0; first < d->valid_count; first += t->batch_size)
	{
		int			count = (int) Min(t->batch_size, d->valid_count - first);
		vc_error	error;

		CHECK_FOR_INTERRUPTS();
		if (training_fold(t) && t->features != NULL)
			probe_forward(t, d->valid + first, count);
		else
		{
			training_load(t, d->valid + first, count);
			check_status(t->device.api->forward(t->plan, t->sent, count, t->logits, NULL, &error),
					 &error);
		}
		for (int i = 0; i < count; i++)
		{
			double		loss = image_loss(t, i);

			training_check_finite(t, loss);
			v.loss += loss;
			if (tally)
				vc_tally_add(tally, t->probabilities, t->members + (Size) i * classes);
			else if (!d->multi_label)
				v.accuracy += vc_argmax(t->probabilities, classes) == t->labels[i];
			if (remains != NOTHING)
				t->predicted[first + i] = training_predicted(t, i);
			if (remains == A_ROW)
				validation_write(t, (int) (before + first + i + 1), d->valid[first + i], loss);
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

/* Chooses the threshold of each class that gives the best F1 on its validation images. */
static void
choose_thresholds(Training *t, const vc_tally *tally)
{
	t->model->thresholds = palloc(sizeof(float) * t->model->class_count);
	for (int k = 0; k < t->model->class_count; k++)
		t->model->thresholds[k] = (float) vc_tally_best(tally, k);
}

/* Stores the rows in a second run, once the thresholds are known. */
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
	v = run_rows(t, tally, NOTHING);
	v.accuracy = vc_tally_accuracy(tally, 0.5);
	v.f1 = vc_tally_f1(tally, 0.5);
	if (last && !training_fold(t))
		choose_thresholds(t, tally);
	if (last)
		run_rows(t, NULL, A_ROW);
	MemoryContextDelete(context);
	return v;
}

Validation
training_validate(Training *t, bool last)
{
	return t->data->multi_label ? validate_multi_label(t, last) : run_rows(t, NULL, last ? A_ROW : NOTHING);
}

/* Adds the predictions of the folds' networks for one image, a row of the last result, to the tally. */
static void
tally_row(Training *t, vc_tally *tally, uint64 row)
{
	int			classes = t->model->class_count;
	int			count;
	int			count_probabilities;
	char	  **labels = text_array_values(result_not_null(row, 1, TEXTARRAYOID), &count);
	float	   *probabilities = real_array_values(result_not_null(row, 2, FLOAT4ARRAYOID), &count_probabilities);
	uint8_t    *members = palloc0(classes);

	if (count_probabilities != classes)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a row of visclf.validation has %d probabilities, but model \"%s\" has %d classes",
						count_probabilities, t->model->name, classes),
				 errhint("Somebody wrote to the rows of this training; CALL visclf.train again.")));
	for (int i = 0; i < count; i++)
		for (int k = 0; k < classes; k++)
			members[k] |= strcmp(labels[i], t->model->classes[k]) == 0;
	vc_tally_add(tally, probabilities, members);
}

/* Chooses thresholds, and computes the metrics, by all images. */
static Validation
finish_multi_label(Training *t)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "visclf tally",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller;
	Validation	v = {0};
	vc_tally   *tally;
	vc_error	error;
	uint64		rows;
	Sql			sql;

	check_status(vc_tally_create(t->model->class_count, &tally, &error), &error);
	release_with_context(context, release_tally, tally);
	sql_begin(&sql, "SELECT labels, probabilities FROM visclf.validation WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	rows = sql_read_latest(&sql);
	caller = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < rows; i++)
		tally_row(t, tally, i);
	MemoryContextSwitchTo(caller);
	v.accuracy = vc_tally_accuracy(tally, 0.5);
	v.f1 = vc_tally_f1(tally, 0.5);
	choose_thresholds(t, tally);
	MemoryContextDelete(context);
	sql_begin(&sql, "UPDATE visclf.validation v SET predicted_labels = ARRAY("
			  "SELECT c.class FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest(v.probabilities)) "
			  "WITH ORDINALITY c(class, threshold, probability, place) "
			  "WHERE c.probability OPERATOR(pg_catalog.>=) c.threshold ORDER BY c.place) "
			  "WHERE v.model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_datum(&sql, TEXTARRAYOID, text_array(t->model->classes, t->model->class_count));
	sql_reals(&sql, t->model->thresholds, t->model->class_count);
	sql_write(&sql);
	return v;
}

Validation
training_validate_folds(Training *t)
{
	Validation	v = {0};
	Sql			sql;

	if (t->data->multi_label)
		v = finish_multi_label(t);
	sql_begin(&sql, "SELECT pg_catalog.avg(loss), pg_catalog.avg((label OPERATOR(pg_catalog.=) predicted)::pg_catalog.int4)::pg_catalog.float8 "
			  "FROM visclf.validation WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, t->model->model_id);
	sql_read_latest(&sql);
	v.loss = result_float8(0, 1);
	if (!t->data->multi_label)
		v.accuracy = result_float8(0, 2);
	return v;
}

void
training_say(Training *t)
{
	if (t->device.api->calibrate != NULL)
		run_rows(t, NULL, WHAT_IS_SAID);
}

/*
 * training_batch.c
 *		A batch of training or validation rows: pixels, targets, class weights.
 */
#include "postgres.h"

#include "training.h"

static void
load_targets(Training *t, const uint32 *rows, int count)
{
	for (int i = 0; i < count; i++)
		if (t->data->multi_label)
			dataset_members(t->data, rows[i], t->members + (Size) i * t->model->class_count);
		else
			t->labels[i] = t->data->rows[rows[i]].labels[0];
}

void
training_load(Training *t, const uint32 *rows, int count)
{
	for (int i = 0; i < count; i++)
		dataset_read(t->data, rows[i], t->images + t->data->image_bytes * i);
	load_targets(t, rows, count);
}

void
training_load_augmented(Training *t, const uint32 *rows, int count, uint64 seed, int epoch,
						int64 first)
{
	for (int i = 0; i < count; i++)
	{
		vc_change	change;

		dataset_read(t->data, rows[i], t->original);
		vc_augment_draw(t->options->augment, seed, epoch, first + i, &change);
		vc_augment_apply(&change, t->original, t->model->image_size,
						 t->images + t->data->image_bytes * i);
	}
	load_targets(t, rows, count);
}

/*
 * One label an image: each class weighs as much as another in all, as
 * scikit-learn's "balanced".  Any number: what carries a class weighs as much
 * as what does not, as torch's pos_weight is meant.
 */
float *
training_class_weights(const Training *t)
{
	int			classes = t->data->class_count;
	double		rows = t->data->train_count;
	int64	   *counts;
	float	   *weights;

	if (t->options->balance != BALANCE_WEIGHT)
		return NULL;
	counts = palloc(sizeof(int64) * classes);
	weights = palloc(sizeof(float) * classes);
	dataset_count(t->data, SIDE_TRAIN, counts);
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

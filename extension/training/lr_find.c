/*
 * lr_find.c
 *		visclf.lr_find: a mock training whose learning rate grows with each
 *		step.
 *
 * It keeps nothing but the rows that it returns.
 */
#include "extension/support/clock.h"
#include "extension/support/pgcompat.h"

#include <math.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

#include "extension/support/settings.h"
#include "extension/training/source.h"
#include "extension/training/training.h"

#include "engine/training/lr_find.h"
#include "engine/support/random.h"

PG_FUNCTION_INFO_V1(visclf_lr_find);

/* The rate of each step and the smoothed loss after it. */
typedef struct Record
{
	int			count;
	double	   *rates;
	double	   *losses;
} Record;

/* Describes the network, without a row in visclf.model. */
static Model *
describe_model(const Training *t)
{
	const TrainOptions *o = t->options;
	Model	   *model = palloc0(sizeof(*model));

	model->name = "lr_find";
	model->architecture = o->architecture;
	model->head = o->head;
	model->class_count = t->data->class_count;
	model->classes = dataset_class_names(t->data);
	model->multi_label = t->data->multi_label;
	model->image_size = o->image_size;
	memcpy(model->mean, o->parent ? o->parent->mean : vc_imagenet_mean, sizeof(model->mean));
	memcpy(model->std, o->parent ? o->parent->std : vc_imagenet_std, sizeof(model->std));
	model_describe(model, o->dropout, CurrentMemoryContext);
	return model;
}

/* Runs and records one step; returns false if the loss says to stop. */
static bool
find_step(Training *t, const uint32 *order, int64 place, uint64 seed, double *best,
		  Record *record)
{
	const TrainOptions *o = t->options;
	int			number = record->count;
	double		rate = vc_lr_find_rate(o->start_lr, o->end_lr, o->steps, number);
	vc_step		step;
	double		loss;

	vc_lr_find_step(rate, number, o->recipe.weight_decay, &step);
	step.seed = seed;
	step.frozen_groups = o->parent ? VC_GROUP_HEAD : 0;
	vc_smooth_loss_add(&t->loss, training_step(t, order, place, -1, t->epoch, &step));
	loss = vc_smooth_loss_value(&t->loss);
	if (!isfinite(loss))
		return false;
	record->rates[number] = rate;
	record->losses[number] = loss;
	record->count++;
	*best = fmin(*best, loss);
	return !vc_lr_find_diverged(loss, *best);
}

/* Runs steps until there are enough, or the loss has diverged. */
static Record
lr_find_run(Training *t)
{
	int			wanted = t->options->steps;
	int64		size = t->batch_size;
	uint64		seed = vc_random_bits((uint64) t->options->seed, 0, 0);
	Record		record = {0, palloc(sizeof(double) * wanted), palloc(sizeof(double) * wanted)};
	double		best = INFINITY;
	bool		going = true;
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	t->last_progress = start;
	for (t->epoch = 0; going && record.count < wanted; t->epoch++)
	{
		uint32	   *order = training_order(t, seed, t->epoch);

		for (int64 first = 0; going && record.count < wanted &&
			 first + size <= t->data->train_count; first += size)
		{
			going = find_step(t, order, first, seed, &best, &record);
			if (!going)
				break;
			log_progress(t, record.count * size, wanted * size, (wanted - record.count) * size,
						 seconds_since(start));
		}
		pfree(order);
	}
	return record;
}

static void
put_rows(ReturnSetInfo *result, const Record *record, int steps)
{
	int			first;
	int			last;
	int			valley = -1;
	int			steep = -1;

	vc_lr_find_range(steps, record->count, &first, &last);
	if (last <= first)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("the loss diverged after %d steps, too few to suggest a rate", record->count),
				 errhint("Lower start_lr, or raise batch_size or steps.")));
	else
	{
		valley = first + vc_lr_valley(record->losses + first, last - first);
		steep = first + vc_lr_steep(record->rates + first, record->losses + first, last - first);
	}
	for (int i = 0; i < record->count; i++)
	{
		Datum		values[] = {
			Int32GetDatum(i), Float8GetDatum(record->rates[i]), Float8GetDatum(record->losses[i]),
			BoolGetDatum(i == valley), BoolGetDatum(i == steep)
		};
		bool		nulls[lengthof(values)] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* visclf.lr_find(source, ...) */
Datum
visclf_lr_find(PG_FUNCTION_ARGS)
{
	Training   *t;
	Record		record;

	InitMaterializedSRF(fcinfo, 0);
	t = training_begin(true);
	t->options = options_from_lr_find(fcinfo);
	training_open_device(t);
	t->data = source_read(t->options);
	t->model = describe_model(t);
	training_plan(t);
	t->recipe.phase[0].name = "lr_find";
	training_start(t);
	record = lr_find_run(t);
	put_rows((ReturnSetInfo *) fcinfo->resultinfo, &record, t->options->steps);
	SPI_finish();
	return (Datum) 0;
}

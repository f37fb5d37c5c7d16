/*
 * training.h
 *		One training, from the first batch to the finished version.
 */
#ifndef VISCLF_TRAINING_H
#define VISCLF_TRAINING_H

#include "postgres.h"

#include "portability/instr_time.h"

#include "dataset.h"
#include "devices.h"
#include "model.h"
#include "options.h"

#include "../engine/recipe.h"

typedef struct Training
{
	TrainOptions *options;
	Dataset    *data;
	Model	   *model;
	OpenDevice	device;
	vc_plan    *plan;
	vc_recipe	recipe;
	bool		atomic;			/* inside a transaction block: no commits */

	/* where it is */
	int			phase;
	int			epoch;			/* next to run, in the phase */
	vc_smooth_loss loss;		/* of the phase */

	/* of one batch */
	int			batch_size;
	uint8_t    *images;
	int32	   *labels;
	float	   *logits;

	instr_time	last_checkpoint;
	instr_time	last_progress;
} Training;

/* What the validation images say after an epoch. */
typedef struct Validation
{
	double		loss;			/* mean cross entropy, nats */
	double		accuracy;		/* 0 to 1 */
} Validation;

/* train.c: reads pixels and labels of some rows into t's batch. */
extern void training_load(Training *t, const uint32 *rows, int count);

/* probe.c: fits the linear head to a frozen body; returns the cross entropy. */
extern double probe_train(Training *t);

/* training_log.c: what an epoch leaves behind. */
extern void log_header(const Training *t);
extern void log_epoch(const Training *t, double train_loss, const Validation *v, double seconds);
extern void log_progress(Training *t, int64 done, int64 of, int64 left, double seconds);

/* checkpoint.c: what a training leaves in the database.  SPI connected. */

/* Where the training is, as jsonb. */
extern char *training_progress(const Training *t);

/* Weights, optimiser and place, so that visclf.resume can go on. */
extern void checkpoint_write(Training *t);

/*
 * Goes back to the last checkpoint; false where there is none.  An error
 * where the rows trained on have changed.
 */
extern bool checkpoint_read(Training *t);

/* One validation image's row; number counts them from 1. */
extern void validation_write(const Training *t, int number, uint32 row,
							 const float *logits, double loss);

/* Writes the weights and makes the version ready. */
extern void training_finish(const Training *t, const Validation *v);

/* Seconds since a time that INSTR_TIME_SET_CURRENT took. */
extern double seconds_since(instr_time start);

#endif							/* VISCLF_TRAINING_H */

/*
 * training.h
 *		One training, from the first batch to the finished version.
 */
#ifndef VISCLF_TRAINING_H
#define VISCLF_TRAINING_H

#include "extension/support/pgcompat.h"

#include "portability/instr_time.h"

#include "extension/support/decoding_batch.h"
#include "extension/training/dataset.h"
#include "extension/devices/devices.h"
#include "extension/models/model.h"
#include "extension/training/options.h"

#include "engine/training/recipe.h"

typedef struct Training
{
	MemoryContext context;		/* device, plan and images hang on it, in this
								 * order */
	TrainOptions *options;
	Dataset    *data;
	Model	   *model;
	OpenDevice	device;
	vc_plan    *plan;
	vc_images  *kept;			/* all rows, on the device; or NULL */
	int64	   *kept_rows;		/* of one batch */
	vc_recipe	recipe;
	bool		atomic;			/* inside a transaction block: no commits */
	bool		resumable;		/* an error leaves what visclf.resume goes on with */

	/* where it is: runs are of the folds, in their order, then of all images */
	int			run;			/* from 0 */
	int			phase;
	int			epoch;			/* next to run, in the phase */
	vc_smooth_loss loss;		/* of the phase */

	/* of one batch */
	int			batch_size;
	uint8_t    *images;
	uint8_t    *originals;		/* before they are augmented; NULL: they are not */
	vc_pool    *pool;			/* augments; NULL: the backend does */
	const uint8_t *sent;		/* images, or NULL: rows of kept are selected */
	int32	   *labels;			/* these two are what targets points to: */
	uint8_t    *members;		/* the one or the other */
	vc_targets	targets;
	float	   *logits;
	float	   *probabilities;	/* of one image */
	float	   *features;		/* [data->count][features], of a probe; NULL: not yet computed */
	float	   *head;			/* that was fitted to them: weights, then biases */
	uint64	   *predicted;			/* of each validation image, see training_predicted */

	instr_time	last_checkpoint;
	instr_time	last_progress;
} Training;

/* What the validation images say after an epoch. */
typedef struct Validation
{
	double		loss;			/* mean of vc_targets' loss without class weights, nats */
	double		accuracy;		/* 0 to 1; multi-label: of images and classes, at 0.5 */
	double		f1;				/* multi-label: mean of the classes', at 0.5; else 0 */
} Validation;

/*
 * training.c: the steps of a training, in their order.
 */

/*
 * Connects to SPI and makes a context current that lives until SPI_finish,
 * over commits, or until an error; all of the training hangs on it.
 */
extern Training *training_begin(bool atomic);

/* Opens the device for the training alone. */
extern void training_open_device(Training *t);

/* Plans the network and makes room for one batch; options, data, model are set. */
extern void training_plan(Training *t);

/* Sets the weights that a run begins with. */
extern void training_start(Training *t);

/* training_batch.c: takes the rows of the run. */
extern void training_take(Training *t);

/* The fold that is held out of the run; 0: none. */
static inline int
training_fold(const Training *t)
{
	return t->run < t->data->folds ? t->run + 1 : 0;
}

/* Whether the run makes the version itself. */
static inline bool
training_is_final(const Training *t)
{
	return t->run == t->data->folds;
}

/* From where the training is to its end. */
extern void training_run(Training *t);

/* Outside a transaction block: keeps what is done. */
extern void training_commit(const Training *t);

/* The training rows in the random order of an epoch; to be freed. */
extern uint32 *training_order(const Training *t, uint64 seed, int epoch);

/*
 * One step on the batch that begins at `first` of the order; returns the
 * loss.  step->seed and the epoch decide how images are augmented.
 */
extern double training_step(Training *t, const uint32 *order, int64 first, int epoch,
							const vc_step *step);

/* divergence.c: throws where a loss is not a number. */
extern void training_check_finite(Training *t, double loss);

/* Throws where a weight is not finite, which a loss need not show: relu makes NaN 0. */
extern void training_check_weights(Training *t);

/* training_batch.c: reads pixels and targets of some rows into t's batch. */
/*
 * Keeps all images on a device that has memory for them, so that batches
 * need not be sent.  Not where they are augmented: no two epochs' are alike.
 */
extern void training_keep(Training *t);

extern void training_load(Training *t, const uint32 *rows, int count);

/* Targets alone. */
extern void training_load_targets(Training *t, const uint32 *rows, int count);

/* The same, augmented as image `first` and on of an epoch. */
extern void training_load_augmented(Training *t, const uint32 *rows, int count,
									uint64 seed, int epoch, int64 first);

/*
 * What balance => 'weight' makes of the training rows; NULL for the other
 * kinds of balance.
 */
extern float *training_class_weights(const Training *t);

/*
 * training_validate.c: runs the validation rows.  After the last epoch
 * also chooses a multi-label model's thresholds, and keeps a row an image.
 */
extern Validation training_validate(Training *t, bool last);

/*
 * What the networks of all folds have said, once the last has; chooses thresholds
 * by that.  SPI connected.
 */
extern Validation training_validate_folds(Training *t);

/* What the version says of its validation images, for training_calibrate. */
extern void training_say(Training *t);

/* Identifies the labels that the model says of image i of the batch, by t->logits. */
extern uint64 training_predicted(Training *t, int i);

/*
 * training_calibrate.c: after the last epoch's validation, finds the ranges of
 * the activations on some training images, and the share of the validation
 * images of which int8 says the same as float32; both become t->model's.
 * Does nothing on a device without int8.
 */
extern void training_calibrate(Training *t);

/* probe.c: fits the linear head to a frozen body; returns the loss. */
extern double probe_train(Training *t);

/* The logits of some rows by the head, into t->logits. */
extern void probe_forward(Training *t, const uint32 *rows, int count);

/* training_log.c: what an epoch leaves behind. */
extern void log_header(const Training *t);
extern void log_epoch(const Training *t, double train_loss, const Validation *v, double seconds);	/* v may be NULL */
extern void log_classes(const Training *t);
extern void log_folds(const Training *t);
extern void log_progress(Training *t, int64 done, int64 of, int64 left, double seconds);

/* checkpoint.c: what a training leaves in the database.  SPI connected. */

/* Where the training is, as jsonb. */
extern char *training_progress(const Training *t);

/* Weights, optimiser and place, so that visclf.resume can go on. */
extern void checkpoint_write(Training *t);

/* The place alone, at the beginning of a run. */
extern void checkpoint_place(Training *t);

/*
 * Goes back to the last checkpoint; false where there is none.  An error
 * where the rows trained on have changed.
 */
extern bool checkpoint_read(Training *t);

/* One validation image's row; number counts them from 1 in all folds. */
extern void validation_write(const Training *t, int number, uint32 row, double loss);

/* Writes the weights and makes the version ready. */
extern void training_finish(const Training *t, const Validation *v);

#endif							/* VISCLF_TRAINING_H */

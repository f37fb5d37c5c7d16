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
	MemoryContext context;		/* owns device, plan and images, in this order */
	TrainOptions *options;
	Dataset    *data;
	Model	   *model;
	OpenDevice	device;
	vc_plan    *plan;
	vc_images  *kept;			/* all rows, on the device; or NULL */
	int64	   *kept_rows;		/* of one batch */
	vc_recipe	recipe;
	bool		atomic;			/* inside a transaction block: no commits */
	bool		resumable;		/* after an error, visclf.resume can continue */

	/* position: runs are for the folds, in their order, then for all images */
	int			run;			/* from 0 */
	int			phase;
	int			epoch;			/* next to run, in the phase */
	vc_smooth_loss loss;		/* of the phase */

	/* of one batch */
	int			batch_size;
	uint8_t    *images;
	uint8_t    *next_images;	/* a coming batch's, sent ahead; or NULL */
	const uint32 *next_rows;	/* whose they are, or NULL */
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

/* Results for the validation images after an epoch. */
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
 * Connects to SPI and switches to a context that lives until SPI_finish, over
 * commits, or until an error. It owns everything of the training.
 */
extern Training *training_begin(bool atomic);

/* Opens the device for the training alone. */
extern void training_open_device(Training *t);

/* Plans the network and allocates one batch; options, data and model are set. */
extern void training_plan(Training *t);

/* Sets the initial weights of a run. */
extern void training_start(Training *t);

/* training_batch.c: takes the rows of the run. */
extern void training_take(Training *t);

/* Returns the fold that is held out of the run, or 0. */
static inline int
training_fold(const Training *t)
{
	return t->run < t->data->folds ? t->run + 1 : 0;
}

/* Returns true if the run trains the version itself. */
static inline bool
training_is_final(const Training *t)
{
	return t->run == t->data->folds;
}

/* Runs the training from its position to its end. */
extern void training_run(Training *t);

/* Commits, outside a transaction block. */
extern void training_commit(const Training *t);

/* Returns the training rows in the random order of an epoch; pfree them. */
extern uint32 *training_order(const Training *t, uint64 seed, int epoch);

/*
 * Trains one step on the batch that begins at `first` of the order; returns
 * the loss. step->seed and the epoch decide how images are augmented. The
 * batch that begins at `next` follows it, and is sent ahead if the device can;
 * -1: not known.
 */
extern double training_step(Training *t, const uint32 *order, int64 first, int64 next, int epoch,
							const vc_step *step);

/* divergence.c: throws if a loss is not finite. */
extern void training_check_finite(Training *t, double loss);

/* Throws if a weight is not finite. The loss may not show it, because relu turns NaN into 0. */
extern void training_check_weights(Training *t);

/*
 * training_batch.c: reads pixels and targets of some rows into t's batch.
 *
 * Keeps all images on a device with memory for them, so that batches need not
 * be sent. Not if they are augmented, because they then differ in each epoch.
 */
extern void training_keep(Training *t);

extern void training_load(Training *t, const uint32 *rows, int count);

/* Sets the targets alone. */
extern void training_load_targets(Training *t, const uint32 *rows, int count);

/*
 * Sends the pixels of rows ahead, while the next step runs, for a training_load
 * of the same rows. Does nothing if images are kept, or the device has no
 * memory of its own.
 */
extern void training_load_ahead(Training *t, const uint32 *rows, int count);

/* The same, augmented as images `first` and following of an epoch. */
extern void training_load_augmented(Training *t, const uint32 *rows, int count,
									uint64 seed, int epoch, int64 first);

/*
 * Returns the class weights of balance => 'weight', or NULL for other kinds of
 * balance.
 */
extern float *training_class_weights(const Training *t);

/*
 * training_validate.c: runs the validation rows. After the last epoch it also
 * chooses a multi-label model's thresholds, and stores a row for each image.
 */
extern Validation training_validate(Training *t, bool last);

/*
 * After the last fold, collects the predictions of all folds' networks and
 * chooses thresholds by them. SPI must be connected.
 */
extern Validation training_validate_folds(Training *t);

/* Predicts the validation images, for training_calibrate. */
extern void training_say(Training *t);

/* Returns a hash of the predicted labels of image i of the batch, by t->logits. */
extern uint64 training_predicted(Training *t, int i);

/*
 * training_calibrate.c: after the last epoch's validation, finds the ranges of
 * the activations on some training images, and how often int8 agrees with the
 * predictions for the validation images; both are set in t->model. Does
 * nothing on a device without int8.
 */
extern void training_calibrate(Training *t);

/* probe.c: fits the linear head to a frozen body; returns the loss. */
extern double probe_train(Training *t);

/* Computes the logits of some rows by the head, into t->logits. */
extern void probe_forward(Training *t, const uint32 *rows, int count);

/* training_log.c: reports an epoch. */
extern void log_header(const Training *t);
extern void log_epoch(const Training *t, double train_loss, const Validation *v, double seconds);	/* v may be NULL */
extern void log_classes(const Training *t);
extern void log_folds(const Training *t);
extern void log_progress(Training *t, int64 done, int64 of, int64 left, double seconds);

/* checkpoint.c: stores a training in the database. SPI must be connected. */

/* Returns the position of the training, as jsonb. */
extern char *training_progress(const Training *t);

/* Stores weights, optimiser and position, so that visclf.resume can continue. */
extern void checkpoint_write(Training *t);

/* Stores the position alone, at the beginning of a run. */
extern void checkpoint_place(Training *t);

/*
 * Returns to the last checkpoint; false if there is none. Throws if the
 * training rows have changed.
 */
extern bool checkpoint_read(Training *t);

/* Writes one validation image's row; number counts them from 1 in all folds. */
extern void validation_write(const Training *t, int number, uint32 row, double loss);

/* Writes the weights and makes the version ready. */
extern void training_finish(const Training *t, const Validation *v);

#endif							/* VISCLF_TRAINING_H */

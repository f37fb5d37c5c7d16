/*
 * option_list.h
 *		The options of training: names and limits.
 */
#ifndef VISCLF_OPTION_LIST_H
#define VISCLF_OPTION_LIST_H

#include "extension/training/options.h"

#define MAX_EPOCHS	10000
#define MAX_BATCH	4096
#define MAX_FOLDS	100
#define VALIDATION_SHARE 0.2	/* default */
#define PROBE_FOLDS	5			/* default of a probe */

typedef enum Option
{
	OPTION_MODEL,
	OPTION_SOURCE,
	OPTION_IMAGE_COLUMN,
	OPTION_LABEL_COLUMN,
	OPTION_KEY_COLUMN,
	OPTION_GROUP_COLUMN,
	OPTION_SPLIT_COLUMN,
	OPTION_ARCHITECTURE,
	OPTION_PRETRAINED,
	OPTION_METHOD,
	OPTION_HEAD,
	OPTION_IMAGE_SIZE,
	OPTION_RESIZE,
	OPTION_BALANCE,
	OPTION_AUGMENT,
	OPTION_EPOCHS,
	OPTION_FREEZE_EPOCHS,
	OPTION_LEARNING_RATE,
	OPTION_LR_MULT,
	OPTION_WEIGHT_DECAY,
	OPTION_DROPOUT,
	OPTION_BATCH_SIZE,
	OPTION_VALIDATION_SHARE,
	OPTION_FOLDS,
	OPTION_SEED,
	OPTION_START_LR,
	OPTION_END_LR,
	OPTION_STEPS,
	OPTIONS
} Option;

extern const char *const option_names[OPTIONS];

/* Throws an error that names the option unless value is in [low, high]. */
extern void check_int_option(Option option, int64 value, int64 low, int64 high);

extern bool method_from_name(const char *name, TrainMethod *method);
extern bool balance_from_name(const char *name, TrainBalance *balance);

#endif							/* VISCLF_OPTION_LIST_H */

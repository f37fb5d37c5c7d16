/*
 * options.h
 *		Reads and checks the options of visclf.train and lr_find, before any
 *		work starts.
 */
#ifndef VISCLF_OPTIONS_H
#define VISCLF_OPTIONS_H

#include "extension/support/pgcompat.h"

#include "fmgr.h"

#include "extension/models/model.h"

#include "engine/image/augment.h"
#include "engine/training/recipe.h"

typedef enum TrainMethod
{
	METHOD_FINE_TUNE,			/* all layers, as fastai's fine_tune */
	METHOD_PROBE				/* softmax regression on a pretrained body */
} TrainMethod;

/* How classes of unequal size are balanced. */
typedef enum TrainBalance
{
	BALANCE_NONE,
	BALANCE_OVERSAMPLE,			/* training rows are repeated */
	BALANCE_WEIGHT				/* the loss weighs classes */
} TrainBalance;

typedef struct TrainOptions
{
	char	   *model;
	Oid			source;
	char	   *image_column;
	char	   *label_column;
	char	   *key_column;		/* NULL: none */
	char	   *group_column;	/* rows of one group stay together; NULL: none */
	char	   *split_column;	/* column that gives the side; NULL: the hash decides */
	TrainMethod method;
	char	   *architecture;
	int			parent_id;		/* model_id whose weights it starts from; 0: random */
	Model	   *parent;			/* read when it is needed */
	vc_head		head;
	int			image_size;		/* pixels */
	vc_resize	resize;
	char	   *resize_name;
	TrainBalance balance;
	vc_augment	augment;
	vc_recipe_options recipe;
	double		dropout;
	int			batch_size;
	double		validation_share;
	int			folds;			/* 0: none; negative: that many, or one for each group if fewer */
	int64		seed;

	/* of lr_find alone */
	double		start_lr;
	double		end_lr;
	int			steps;
} TrainOptions;

extern const char *method_name(TrainMethod method);
extern const char *balance_name(TrainBalance balance);

/*
 * Reads and checks the arguments of visclf.train, in the current context.
 * SPI must be connected.
 */
extern TrainOptions *options_from_train(FunctionCallInfo fcinfo);

/* The same for visclf.lr_find. */
extern TrainOptions *options_from_lr_find(FunctionCallInfo fcinfo);

/*
 * The same from the hyperparameters of a version whose training was
 * interrupted.  SPI must be connected.
 */
extern TrainOptions *options_from_model(int model_id);

/* Returns the options that are not columns of visclf.model, as jsonb. SPI must be connected. */
extern Datum options_to_jsonb(const TrainOptions *options);

#endif							/* VISCLF_OPTIONS_H */

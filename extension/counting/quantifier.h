/*
 * quantifier.h
 *		What counting by class needs to know of a model: its classes and how it
 *		errs, from its validation images.
 */
#ifndef VISCLF_QUANTIFIER_H
#define VISCLF_QUANTIFIER_H

#include "extension/support/pgcompat.h"

#include "engine/counting/prevalence.h"

#define FEW_IMAGES 30			/* a group of fewer is to be doubted */

typedef struct Quantifier
{
	char	   *model;
	int			model_id;
	char	  **classes;
	int			class_count;
	vc_quantification method;
	vc_quantifier_options options;
	vc_quantifier *engine;
	int64	   *confusion;		/* [class_count][class_count]: validation images by true, then predicted class */
} Quantifier;

/* The images of one group. */
typedef struct ImageGroup
{
	int64		classified;
	int64		failed;			/* images without a prediction */
	int64		flawed;			/* images whose prediction has a warning */
	int64	   *predicted;			/* [class_count] */
	float	   *probabilities;	/* [classified][class_count], of soft methods */
	int64		room;			/* images that there is memory for, in the context */
	MemoryContext context;
} ImageGroup;

/* The method of a name, or an error. */
extern vc_quantification quantification_from_name(const char *name);

/*
 * Learns how a version errs; lasts as long as the context.  An error for a
 * multi-label model, and where the method needs validation images and there
 * are none.  SPI must be connected.
 */
extern Quantifier *quantifier_create(int model_id, vc_quantification method, double confidence,
									 int resamples, int64 seed, MemoryContext context);

/* The index of a class; an error where the model has none of that name. */
extern int	quantifier_class(const Quantifier *q, const char *label);

/* Throws: there are predictions of another version than the one whose errors are known. */
pg_noreturn extern void quantifier_other_version(const Quantifier *q, int model_id);

/* An empty group, in the current context; and the same one emptied. */
extern ImageGroup *group_create(const Quantifier *q);
extern void group_reset(const Quantifier *q, ImageGroup *group);

/*
 * Adds images of one predicted class, or failed ones where label is NULL.  For
 * soft methods it is one image, with a real[] of probabilities; without them
 * it has failed.
 */
extern void group_add(const Quantifier *q, ImageGroup *group, const char *label, int64 images,
					  Datum probabilities, bool no_probabilities);

/* Estimates of each class, [class_count], in the current context; NULL where no image is classified. */
extern vc_prevalence *group_estimate(const Quantifier *q, const ImageGroup *group);

/* What to doubt about one class of a group, or NULL. */
extern char *group_warning(const Quantifier *q, const ImageGroup *group, int class_index);

#endif							/* VISCLF_QUANTIFIER_H */

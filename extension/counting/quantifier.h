/*
 * quantifier.h
 *		A model's classes, and its errors on its validation images.
 */
#ifndef VISCLF_QUANTIFIER_H
#define VISCLF_QUANTIFIER_H

#include "extension/support/pgcompat.h"

#include "lib/stringinfo.h"

#include "engine/counting/prevalence.h"

#define FEW_IMAGES 30			/* images of a group, below which it is doubted */
#define BINS 20					/* of confidences, from 0 to 1 */

typedef struct Quantifier
{
	char	   *model;
	int			model_id;
	bool		multi_label;
	bool		balanced;		/* trained as if all classes were equally frequent */
	bool		trained;		/* the relation has images that it was trained on */
	int			folds;
	char	   *key_column;		/* of its training; NULL: none */
	char	   *group_column;
	char	  **classes;
	int			class_count;
	vc_quantification method;
	vc_quantifier_options options;
	vc_quantifier *engine;
	int64	   *confusion;		/* [class_count][class_count]: validation images by true, then predicted class */
	int64	   *confidences;	/* [class_count][BINS]: of them, by predicted class; NULL: not read */
	struct KnownHeld *held;		/* predictions out of fold or held out, see known.h; NULL: not read */
	int			held_count;
	MemoryContext context;
} Quantifier;

/* The images of one group. */
typedef struct ImageGroup
{
	int64		classified;		/* of unknown label */
	int64		known;			/* images of known label, if labels count */
	int64		failed;			/* images without a prediction */
	int64		flawed;			/* images whose prediction has a warning */
	int64	   *predicted;			/* [class_count]: of those of unknown label */
	int64	   *labels;			/* [class_count]: of those whose label is known */
	int64	   *raw;			/* [class_count]: predictions for all */
	int64		confidences[BINS];	/* of those of unknown label */
	float	   *probabilities;	/* [classified][class_count], of soft methods */
	int64		room;			/* images that there is memory for, in the context */
	MemoryContext context;
} ImageGroup;

/* Returns the method of a name; throws for an unknown one. */
extern vc_quantification quantification_from_name(const char *name);

/*
 * Reads a version's errors; the result lives in the context. Throws for a
 * multi-label model, and if the method needs validation images and there are
 * none. SPI must be connected.
 */
extern Quantifier *quantifier_create(int model_id, vc_quantification method, double confidence,
									 int resamples, int64 seed, MemoryContext context);

/* The same without its errors; for multi-label models too. */
extern Quantifier *quantifier_open(int model_id, vc_quantification method, MemoryContext context);

/* Throws for a multi-label model. */
extern void quantifier_refuse_multi_label(const Quantifier *q);

/* Returns the index of a class; throws if the model has none of that name. */
extern int	quantifier_class(const Quantifier *q, const char *label);

/* Throws because there are predictions of another version than the one whose errors are known. */
pg_noreturn extern void quantifier_other_version(const Quantifier *q, int model_id);

/* Create an empty group, in the current context; empty a group. */
extern ImageGroup *group_create(const Quantifier *q);
extern void group_reset(const Quantifier *q, ImageGroup *group);

/*
 * Equal images: of one predicted and one known class. With methods that use
 * probabilities, one image.
 */
typedef struct PredictionRow
{
	char	   *known;			/* known label; NULL: not known */
	char	   *label;			/* predicted label; NULL: they failed */
	int64		images;
	int64		flawed;			/* of them, with a warning */
	int			bin;			/* of their confidence; -1: it is not known */
	Datum		probabilities;	/* real[] */
	bool		no_probabilities;	/* the image failed, for a method that uses them */
} PredictionRow;

extern void group_add(const Quantifier *q, ImageGroup *group, const PredictionRow *row);

/* Estimates each class, [class_count], in the current context; NULL if no image is classified. */
extern vc_prevalence *group_estimate(const Quantifier *q, const ImageGroup *group);

/* The same, with each resample's shares in draws[class_count][resamples]. */
extern vc_prevalence *group_draws(const Quantifier *q, const ImageGroup *group, int resamples, double *draws);

/* Reads confidences. SPI must be connected. */
extern void quantifier_read_confidences(Quantifier *q);

/* Returns SQL for a confidence's bin. */
#define BIN_OF(confidence) "CASE WHEN " confidence " OPERATOR(pg_catalog.>=) 0 AND " confidence " OPERATOR(pg_catalog.<=) 1 " \
	"THEN least(pg_catalog.floor(" confidence " OPERATOR(pg_catalog.*) 20)::pg_catalog.int4, 19) END"

/*
 * Appends a doubt if a Kolmogorov-Smirnov test tells the images' confidences
 * apart from those of validation images with the same prediction:
 * predicted[class_count] and confidences[BINS] are of the images.
 */
extern void doubt_confidences(const Quantifier *q, const int64 *predicted, const int64 *confidences, StringInfo text);

/* Appends one doubt, of at most 511 bytes. */
extern void doubt(StringInfo text, const char *format,...) pg_attribute_printf(2, 3);

/* Returns the doubts about one class of a group, or NULL. */
extern char *group_warning(const Quantifier *q, const ImageGroup *group, int class_index);

#endif							/* VISCLF_QUANTIFIER_H */

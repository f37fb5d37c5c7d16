/*
 * prevalence.h
 *		How many images of a group are of each class, when the classifier that
 *		says so is not perfect ("quantification").
 *
 * A quantifier knows a classifier's errors from its validation images; it is
 * made once and asked about each group.  Shares are from 0 to 1.
 *
 * Methods, after Forman (2008), "Quantifying counts and costs via
 * classification", Bella et al. (2010) and Saerens et al. (2002):
 *
 * cc		classify and count
 * pcc		the mean of the probabilities
 * acc		cc, corrected: the shares p with the least |A p - cc|, where
 *			A[i][j] is how often an image of class j is said to be of class i
 * pacc		the same of pcc, where A[i][j] is the mean probability of class i
 *			that images of class j are given
 * emq		expectation-maximisation: the probabilities are reweighed by the
 *			ratio of the group's shares to those trained on, until the shares
 *			are the mean of the probabilities
 *
 * Intervals are percentiles of a Bayesian bootstrap (Rubin 1981) of both the
 * validation images and the group's: the weights of the images are drawn from
 * a Dirichlet distribution.  Images that are alike share one draw: for cc and
 * acc those of one predicted class, where the classes share one image more than
 * there are (half each of two: Jeffreys' prior), for what was not seen may
 * still be; otherwise those whose probabilities are the same to a hundredth.
 * Validation images of one cluster, as a page, share a draw; where clusters are few,
 * draws vary more, as Student's distribution is wider than the normal.
 */
#ifndef VISCLF_PREVALENCE_H
#define VISCLF_PREVALENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/support/status.h"

typedef enum vc_quantification
{
	VC_CC,
	VC_PCC,
	VC_ACC,
	VC_PACC,
	VC_EMQ
} vc_quantification;

/* Classified images; what the method has no use for may be NULL. */
typedef struct vc_classified
{
	int64_t		count;
	const int64_t *predicted;		/* [classes]: images of each predicted class */
	const float *probabilities; /* [count][classes] */

	/* of validation images, where they come in clusters (vc_quantifier_options) */
	const int32_t *labels;		/* [count]: predicted class */
	const int32_t *clusters;	/* [count] */
} vc_classified;

typedef struct vc_quantifier_options
{
	vc_quantification method;
	int			classes;		/* 2 or more */
	double		confidence;		/* of the interval, above 0 and below 1 */
	int			resamples;		/* 0: no intervals */
	uint64_t	seed;
	int64_t		memory;			/* bytes that may be needed; 0: any */
	int			clusters;		/* of validation images, which are drawn together; 0: each for itself */
	bool		balanced;		/* trained as if all classes were as frequent: emq */
	bool		(*canceled) (void *argument);	/* may be NULL */
	void	   *argument;
} vc_quantifier_options;

/* What is estimated of one class in one group. */
typedef struct vc_prevalence
{
	double		raw;			/* classify and count; NAN without said */
	double		share;
	double		low;			/* of the interval; NAN without resamples */
	double		high;
} vc_prevalence;

typedef struct vc_quantifier vc_quantifier;

/* True where the method looks at probabilities, at validation images. */
extern bool vc_quantification_soft(vc_quantification method);
extern bool vc_quantification_corrects(vc_quantification method);

/* The method of a name; false where there is none of that name. */
extern bool vc_quantification_from_name(const char *name, vc_quantification *method);

/*
 * Fails with VC_LIMIT_EXCEEDED and both numbers where learning, and the
 * estimate of a group of so many images, or learning from so many, may need
 * more than options->memory.  An image's probabilities count, which the caller
 * has; ask before they are allocated.
 */
extern vc_status vc_quantifier_check_memory(const vc_quantifier_options *options, int64_t images,
											vc_error *error);

/*
 * Learns from the validation images of one class after the other:
 * validation[classes], those that truly are of each class.  It may be NULL for
 * methods that do not correct.  Errors: VC_INVALID_ARGUMENT, VC_LIMIT_EXCEEDED,
 * VC_OUT_OF_MEMORY, VC_CANCELED.
 */
extern vc_status vc_quantifier_create(const vc_quantifier_options *options,
									  const vc_classified *validation,
									  vc_quantifier **quantifier, vc_error *error);
extern void vc_quantifier_free(vc_quantifier *quantifier);

/*
 * Estimates the shares of a group of one image or more, into out[classes].
 * The answer depends on the group and the seed alone.
 */
extern vc_status vc_quantify(const vc_quantifier *quantifier, const vc_classified *group,
							 vc_prevalence *out, vc_error *error);

/*
 * The same, with the shares by each resample in draws[classes][resamples] (NULL: not
 * wanted).  A resample has the same errors for every group, so what groups' draws
 * differ in is without what their errors have in common.
 */
extern vc_status vc_quantify_draws(const vc_quantifier *quantifier, const vc_classified *group,
								   vc_prevalence *out, double *draws, vc_error *error);

/* The bounds that leave out as many draws on each side; sorts them. */
extern void vc_draws_interval(double *draws, int count, double confidence, double *low, double *high);

/* The 95 % interval of a share of which hits of trials, 1 or more, are known (Wilson 1927). */
extern void vc_wilson_interval(double hits, double trials, double *low, double *high);

/*
 * Returns how well the classifier tells a class from the rest: the true
 * positive rate minus the false positive rate of the validation images, and
 * the lower bound of its 95 % interval (Newcombe 1998, method 10).
 * confusion[classes][classes] is by true, then predicted class.  NAN if there
 * are no images of one kind.
 */
extern double vc_informedness(const int64_t *confusion, int classes, int class_index, double *low);

#endif							/* VISCLF_PREVALENCE_H */

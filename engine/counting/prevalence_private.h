/*
 * prevalence_private.h
 *		What the files about prevalence share.
 */
#ifndef VISCLF_PREVALENCE_PRIVATE_H
#define VISCLF_PREVALENCE_PRIVATE_H

#include "engine/counting/prevalence.h"

/* Images that are alike: how many, and of what probabilities. */
typedef struct vc_cells
{
	int			count;
	double	   *weights;		/* [count]: images of each */
	double	   *means;			/* [count][classes]; NULL: cell i is predicted class i */
} vc_cells;

/*
 * What is learnt of the validation images: once as they are, and once for
 * each resample.
 */
typedef struct vc_learnt
{
	double	   *rates;			/* [classes][classes]: A of prevalence.h */
	double	   *inverse;		/* its inverse; NULL where it has none */
	double	   *prior;			/* [classes]: the shares that were trained on; emq */
} vc_learnt;

struct vc_quantifier
{
	vc_quantifier_options options;
	vc_learnt	observed;
	vc_learnt  *resampled;		/* [resamples] */
	double	   *numbers;		/* that they all point into */
};

/* Random numbers in sequence. */
typedef struct vc_draws
{
	uint64_t	seed;
	uint64_t	stream;
	uint64_t	next;
} vc_draws;

/* A draw from the gamma distribution of a shape above 0 and scale 1. */
extern double vc_draw_gamma(vc_draws *draws, double shape);

/*
 * Puts images that are alike together: by predicted class, or by probabilities
 * where soft.  Errors: VC_OUT_OF_MEMORY.
 */
extern vc_status vc_cells_make(const vc_classified *images, int classes, bool soft, vc_cells *cells,
							   vc_error *error);
extern void vc_cells_free(vc_cells *cells);

/* The weighted mean of the cells into mean[classes]; their shares where they are classes. */
extern void vc_cells_mean(const vc_cells *cells, const double *weights, int classes, double *mean);

/* Each image a cell of its own. */
extern vc_status vc_cells_single(const vc_classified *images, int classes, vc_cells *cells,
								 vc_error *error);

/*
 * The shares[classes] under which the cells are likeliest, for a classifier that
 * gave its probabilities where learnt->prior held.  shares has where to start
 * from; the end is a mean change below the tolerance, or a cancel.
 * scratch[2 * classes].
 */
extern void vc_expect_maximize(const vc_quantifier *quantifier, const vc_learnt *learnt,
							   const vc_cells *cells, const double *weights, double tolerance,
							   double *shares, double *scratch);

/* Where to start from near some shares: one of 0 would stay so.  May be the same. */
extern void vc_away_from_zero(const double *shares, int classes, double *start);

/* True for methods that solve equations with the classifier's rates. */
extern bool vc_uses_rates(vc_quantification method);

extern bool vc_canceled(const vc_quantifier *quantifier);

/* Fills the resampled part of a quantifier from the images and the cells of each class, [classes]. */
extern vc_status vc_resample_validation(vc_quantifier *quantifier, const vc_classified *images,
										const vc_cells *cells, vc_error *error);

/* Computes the errors in the validation images with one set of weights, for each class. */
extern void vc_learn(const vc_quantifier *quantifier, const vc_cells *cells,
					 double *const *weights, vc_learnt *learnt, double *scratch);

/* The estimate from one set of weights of a group's cells; see VC_ESTIMATE_SCRATCH. */
extern void vc_estimate(const vc_quantifier *quantifier, const vc_learnt *learnt,
						const vc_cells *cells, const double *weights, double *shares,
						double *scratch);
#define VC_ESTIMATE_SCRATCH(classes) (VC_SIMPLEX_SCRATCH(classes) + (size_t) (classes))

/* Fills low and high of out[classes], and kept[classes][resamples] unless it is NULL. */
extern vc_status vc_interval(const vc_quantifier *quantifier, const vc_cells *cells,
							 vc_prevalence *out, double *kept, vc_error *error);

#endif							/* VISCLF_PREVALENCE_PRIVATE_H */

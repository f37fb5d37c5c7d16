/*
 * ppi.h
 *		How many images of each group are of each class, where the label of some
 *		is known and a classifier says one of all ("prediction-powered inference").
 *
 * The estimate for a class: what is known counts as it is; of the others, those
 * that are said to be of the class are of it as often as the labelled images of
 * which that is said, and the rest as often as the labelled images of the rest.
 * For one group that equals the power-tuned mean of Angelopoulos, Duchi and Zrnic
 * (2023, "PPI++") in a corpus of known size: the mean of lambda f over all images
 * plus the mean of y - lambda f over the labelled ones, lambda being the slope of
 * y on f, which has the least variance.  It holds whatever the classifier is worth,
 * if the labelled images are a random sample, or weighted as one (Egami et al. 2023),
 * and said of by a classifier that was not trained on them.
 *
 * Groups with few labels borrow from the others, the more the fewer labels they have
 * and the less groups differ: a small area estimate as Fay and Herriot's (1979), for
 * shares (ppi_shift.c).  How much groups differ is averaged over what the labels leave
 * possible, so a spread that happens not to show does not count as none.
 *
 * Intervals are quantiles of a beta distribution of the estimate's mean and variance,
 * which count half an image more of the class and half an image less on each side
 * (Jeffreys): they hold for few labels and near 0 and 1, have width wherever a label is
 * unknown, and none where all are known.  Labels of one cluster count as fewer by the
 * design effect.
 */
#ifndef VISCLF_PPI_H
#define VISCLF_PPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/support/status.h"

/* Equal labelled images, evidence of the classifier's errors. */
typedef struct vc_ppi_row
{
	int64_t		images;
	uint64_t	cluster;		/* images of one are sampled together; 0: each for itself */
	double		weight;			/* images of unknown label that each stands for, in proportion; 0: none */
	int32_t		group;			/* -1: none of those counted */
	int32_t		truth;			/* class */
	int32_t		predicted;			/* class, by a classifier not trained on the image */
} vc_ppi_row;

typedef struct vc_ppi_data
{
	int32_t		groups;
	int32_t		classes;		/* 2 or more */
	const int64_t *known;		/* [groups][classes]: images whose label is known, by label */
	const int64_t *predicted;		/* [groups][classes]: the other images, by predicted class */
	const vc_ppi_row *rows;		/* [row_count] */
	int64_t		row_count;
} vc_ppi_data;

typedef struct vc_ppi_options
{
	double		confidence;		/* of the intervals, above 0 and below 1 */
	bool		(*canceled) (void *argument);	/* may be NULL */
	void	   *argument;
} vc_ppi_options;

/* One class in one group, from 0 to 1. */
typedef struct vc_ppi_share
{
	double		share;
	double		low;
	double		high;
	double		borrowed;		/* how much of the evidence of errors comes from other groups */
} vc_ppi_share;

/* A difference of groups, or another sum of their shares. */
typedef struct vc_ppi_contrast
{
	double		value;
	double		low;
	double		high;
	double		above;			/* the part of the value whose coefficients are above 0 */
	double		below;			/* and the other, with its sign turned: value = above - below */
} vc_ppi_contrast;

typedef struct vc_ppi vc_ppi;

/* Bytes that vc_ppi_create will take. */
extern size_t vc_ppi_memory(const vc_ppi_data *data);

/*
 * Estimates all groups and classes; shares of a group add up to 1, or are 0 where it
 * has no image.  Errors: VC_INVALID_ARGUMENT (no labelled image, a confidence out
 * of range), VC_OUT_OF_MEMORY, VC_CANCELED.
 */
extern vc_status vc_ppi_create(const vc_ppi_options *options, const vc_ppi_data *data, vc_ppi **ppi,
							   vc_error *error);
extern void vc_ppi_free(vc_ppi *ppi);
extern vc_ppi_share vc_ppi_get(const vc_ppi *ppi, int group, int class_index);

/*
 * The sum of coefficients[groups] times the shares of a class: a difference, a slope.
 * Errors that are common to the groups do not count where they cancel out.  Groups
 * borrow from each other, but not in what is asked, so the value may be further
 * from 0 than the same sum of vc_ppi_get's shares.
 */
extern vc_ppi_contrast vc_ppi_compare(vc_ppi *ppi, int class_index, const double *coefficients);

/*
 * Returns the least number of further labels, of images sampled at random from
 * a group, with which the interval of a class is no wider than `width`; the
 * number of unknown ones if no fewer suffice. It assumes that new labels are
 * like those at hand.
 */
extern int64_t vc_ppi_labels_for(const vc_ppi *ppi, int group, int class_index, double width);

#endif							/* VISCLF_PPI_H */

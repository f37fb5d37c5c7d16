/*
 * ppi_private.h
 *		What the files about counting with known labels share.
 */
#ifndef VISCLF_PPI_PRIVATE_H
#define VISCLF_PPI_PRIVATE_H

#include "engine/counting/ppi.h"

/* Sides of images: not predicted to be of the class, or predicted. */
#define SIDES 2

/* What the log odds of a side in a group are made of: those of each side, and effects of covariates. */
#define MOST_COVARIATES 2
#define MOST_PARAMETERS (SIDES + MOST_COVARIATES)

/* One side of one group. */
typedef struct vc_ppi_side
{
	double		labels;			/* effective number of labelled images */
	double		seen;			/* the share of them that is of the class; 0 without any */
	double		unknown;		/* images whose label is not known */
} vc_ppi_side;

/* One class, while it is estimated. */
typedef struct vc_ppi_work
{
	int			class_index;
	bool		merged;			/* predictions are ignored: one side has no label in any group */
	double		design_effect;	/* 1 or more */
	double		quantile;		/* of the interval: normal, or Student's for clusters */
	vc_ppi_side *sides;			/* [groups + 1][SIDES]; the last are those of no group */
	int			covariates;
	const double *covariate[MOST_COVARIATES];	/* [groups], between -1 and 1 */
} vc_ppi_work;

/* One value of the standard deviation of groups' shifts, and what follows from it. */
typedef struct vc_ppi_fit
{
	double		deviation;
	double		parameters[MOST_PARAMETERS];
	double		covariance[MOST_PARAMETERS * MOST_PARAMETERS];
	double		weight;			/* how likely the value is; they add up to 1 */
} vc_ppi_fit;

/* Values of the deviation that are tried, at most. */
#define MOST_FITS 12

#define NODES 9

/* What is known of a group's shift: values, and how likely they are. */
typedef struct vc_ppi_shifts
{
	int			count;
	double		share[NODES][SIDES];	/* of the class, by side */
	double		weight[NODES];	/* they add up to 1 */
	double		log_likelihood; /* of the group's labels */
} vc_ppi_shifts;

/* A fit's estimate for a group's images of unknown label; shares are of all its images. */
typedef struct vc_ppi_guess
{
	double		share;			/* those that are of the class */
	double		variance;		/* of that, were the parameters known */
	double		single;			/* the variance of one image, mean of those unknown, times their share */
	double		borrowed;
	double		loading[MOST_PARAMETERS];	/* how far the share moves with each parameter */
} vc_ppi_guess;

/* What is kept of a class in a group. */
typedef struct vc_ppi_part
{
	vc_ppi_share found;
	double		variance;
	double		single;			/* see vc_ppi_guess */
} vc_ppi_part;

/* What is kept of a class. */
typedef struct vc_ppi_class
{
	double		design_effect;
	double		quantile;
} vc_ppi_class;

struct vc_ppi
{
	vc_ppi_options options;
	vc_ppi_data data;			/* known and said stay the caller's */
	vc_ppi_row *rows;			/* sorted by group and cluster */
	int64_t    *images;			/* [groups][2]: all, and those of unknown label */
	vc_ppi_part *parts;			/* [groups][classes] */
	vc_ppi_class *by_class;		/* [classes] */
	vc_ppi_side *sides;			/* of the class that is being estimated */
	double	   *scaled;			/* [groups]: a covariate */
};

static inline bool
vc_ppi_canceled(const vc_ppi *ppi)
{
	return ppi->options.canceled != NULL && ppi->options.canceled(ppi->options.argument);
}

/* The side that a row is on. */
static inline int
vc_ppi_side_of(const vc_ppi_work *w, const vc_ppi_row *row)
{
	return !w->merged && row->predicted == w->class_index;
}

static inline int
vc_ppi_slot_of(const vc_ppi *ppi, const vc_ppi_row *row)
{
	return row->group < 0 ? ppi->data.groups : row->group;
}

/* Fills the sides, and with them merged, the design effect and the quantile. */
extern void vc_ppi_gather(const vc_ppi *ppi, vc_ppi_work *w);

/* What a fit makes of a group's shift. */
extern void vc_ppi_find_shifts(const vc_ppi_work *w, int group, int groups, const vc_ppi_fit *fit, vc_ppi_shifts *found);

/* Whether labels can tell how groups differ; otherwise they are taken to be the same. */
extern bool vc_ppi_may_differ(const vc_ppi *ppi, const vc_ppi_work *w);

/* Fills fits[MOST_FITS]; returns how many there are: one, where groups may not differ. */
extern int	vc_ppi_fit_all(const vc_ppi *ppi, const vc_ppi_work *w, vc_ppi_fit *fits);

extern vc_ppi_guess vc_ppi_guess_group(const vc_ppi *ppi, const vc_ppi_work *w, int group, const vc_ppi_fit *fit);

/* x'ax of the fit's covariance. */
extern double vc_ppi_square(const vc_ppi_work *w, const vc_ppi_fit *fit, const double *x);

/* The bounds of a share of at most `most`, by its mean and variance; the tails are the normal's beyond the quantile. */
extern void vc_ppi_bounds(double mean, double variance, double most, double quantile, double *low, double *high);

/* Fills a group's part from the fits. */
extern void vc_ppi_join(const vc_ppi *ppi, const vc_ppi_work *w, int group, const vc_ppi_fit *fits, int count,
						vc_ppi_part *part);

/* Has the shares of a group add up to 1. */
extern void vc_ppi_add_up(vc_ppi *ppi, int group);

#endif							/* VISCLF_PPI_PRIVATE_H */

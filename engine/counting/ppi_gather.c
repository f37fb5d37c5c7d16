/*
 * ppi_gather.c
 *		Sums up the labelled images of a class by group and prediction, and how
 *		much less they tell for being clustered.
 */
#include "engine/counting/ppi_private.h"
#include "engine/support/quantile.h"

#include <math.h>
#include <string.h>

#define FEW_CLUSTERS 10			/* beyond one a group; with fewer, groups are taken together */

/* Sums over the labelled images of each side of each group; by weights, n images count as (sum w)^2 / sum w^2 (Kish). */
static void
add_labels(const vc_ppi *ppi, vc_ppi_work *w)
{
	memset(w->sides, 0, sizeof(vc_ppi_side) * SIDES * ((size_t) ppi->data.groups + 1));
	for (int64_t i = 0; i < ppi->data.row_count; i++)
	{
		const vc_ppi_row *row = &ppi->rows[i];
		vc_ppi_side *s = &w->sides[vc_ppi_slot_of(ppi, row) * SIDES + vc_ppi_side_of(w, row)];

		s->labels += row->weight * row->images;
		s->unknown += row->weight * row->weight * row->images;	/* until the sums are complete */
		s->seen += row->truth == w->class_index ? row->weight * row->images : 0;
	}
	for (int i = 0; i < SIDES * (ppi->data.groups + 1); i++)
	{
		vc_ppi_side *s = &w->sides[i];

		s->seen = s->labels > 0 ? s->seen / s->labels : 0;
		s->labels = s->labels > 0 ? s->labels * s->labels / s->unknown : 0;
		s->unknown = 0;
	}
}

static void
add_unknown(const vc_ppi *ppi, vc_ppi_work *w)
{
	for (int g = 0; g < ppi->data.groups; g++)
		for (int c = 0; c < ppi->data.classes; c++)
		{
			int			side = !w->merged && c == w->class_index;

			w->sides[g * SIDES + side].unknown += ppi->data.predicted[(size_t) g * ppi->data.classes + c];
		}
}

/* Returns true if images of unknown label are on a side without labelled images. */
static bool
is_blind(const vc_ppi *ppi, const vc_ppi_work *w)
{
	for (int side = 0; side < SIDES; side++)
	{
		double		labels = 0;
		double		unknown = 0;

		for (int g = 0; g <= ppi->data.groups; g++)
		{
			labels += w->sides[g * SIDES + side].labels;
			unknown += w->sides[g * SIDES + side].unknown;
		}
		if (labels == 0 && unknown > 0)
			return true;
	}
	return false;
}

/* Squares of the residuals of labelled images, summed one by one and by cluster. */
typedef struct spread
{
	double		images;			/* with weights */
	double		clusters;
	double		single;			/* sum of squares of images */
	double		joint;			/* of clusters */
} spread;

/* Ends a cluster whose residuals add up to sum. */
static void
end_cluster(spread *s, double *sum)
{
	s->clusters++;
	s->joint += *sum * *sum;
	*sum = 0;
}

/* The rows from first on that are of one group, or all; residuals from the group's shares, or from pooled ones. */
static int64_t
add_spread(const vc_ppi *ppi, const vc_ppi_work *w, int64_t first, const double *pooled, spread *s)
{
	double		sum = 0;
	int64_t		i = first;

	for (; i < ppi->data.row_count; i++)
	{
		const vc_ppi_row *row = &ppi->rows[i];
		int			side = vc_ppi_side_of(w, row);
		double		share = pooled ? pooled[side] : w->sides[vc_ppi_slot_of(ppi, row) * SIDES + side].seen;
		double		residual = row->weight * ((row->truth == w->class_index) - share);

		if (!pooled && row->group != ppi->rows[first].group)
			break;
		s->images += row->images;
		s->single += row->images * residual * residual;
		if (row->cluster == 0)
		{
			s->clusters += row->images;
			s->joint += row->images * residual * residual;
			continue;
		}
		sum += row->images * residual;
		if (i + 1 == ppi->data.row_count || row[1].cluster != row->cluster || row[1].group != row->group)
			end_cluster(s, &sum);
	}
	return i;
}

/*
 * Returns how much more a sum over clusters varies than one over as many
 * images, and the number of squares in that mean.
 */
static double
ratio_within_groups(const vc_ppi *ppi, const vc_ppi_work *w, double *degrees)
{
	double		joint = 0;
	double		single = 0;

	*degrees = 0;
	for (int64_t first = 0; first < ppi->data.row_count;)
	{
		spread		s = {0};

		first = add_spread(ppi, w, first, NULL, &s);
		if (s.clusters < 2)
			continue;
		joint += s.joint * s.clusters / (s.clusters - 1);
		single += s.single * s.images / (s.images - 1);
		*degrees += s.clusters - 1;
	}
	return single > 0 ? joint / single : 1;
}

/* The same where groups have hardly more than one cluster each: what groups differ in counts too. */
static double
ratio_of_all(const vc_ppi *ppi, const vc_ppi_work *w, double *degrees)
{
	double		pooled[SIDES];
	spread		s = {0};

	for (int side = 0; side < SIDES; side++)
	{
		double		labels = 0;
		double		of_class = 0;

		for (int g = 0; g <= ppi->data.groups; g++)
		{
			labels += w->sides[g * SIDES + side].labels;
			of_class += w->sides[g * SIDES + side].labels * w->sides[g * SIDES + side].seen;
		}
		pooled[side] = labels > 0 ? of_class / labels : 0;
	}
	add_spread(ppi, w, 0, pooled, &s);
	*degrees = s.clusters - 1;
	return s.clusters > 1 && s.single > 0 ? s.joint / s.single * s.clusters / (s.clusters - 1) : 1;
}

static bool
has_clusters(const vc_ppi *ppi)
{
	for (int64_t i = 0; i < ppi->data.row_count; i++)
		if (ppi->rows[i].cluster != 0)
			return true;
	return false;
}

void
vc_ppi_gather(const vc_ppi *ppi, vc_ppi_work *w)
{
	double		level = 0.5 + ppi->options.confidence / 2;
	double		degrees;

	w->merged = false;
	add_labels(ppi, w);
	add_unknown(ppi, w);
	if (is_blind(ppi, w))
	{
		w->merged = true;
		add_labels(ppi, w);
		add_unknown(ppi, w);
	}
	w->design_effect = 1;
	w->quantile = vc_normal_quantile(level);
	if (!has_clusters(ppi))
		return;
	w->design_effect = ratio_within_groups(ppi, w, &degrees);
	if (degrees < FEW_CLUSTERS)
		w->design_effect = ratio_of_all(ppi, w, &degrees);
	w->design_effect = fmax(1, w->design_effect);
	w->quantile = vc_t_quantile(level, fmax(1, degrees));
	for (int i = 0; i < SIDES * (ppi->data.groups + 1); i++)
		w->sides[i].labels /= w->design_effect;
}

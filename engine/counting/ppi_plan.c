/*
 * ppi_plan.c
 *		Estimates how many further labels an interval of a given width needs.
 */
#include "engine/counting/ppi_private.h"

#include <math.h>

/* The width of an interval after further labels of images of a group. */
static double
width_after(const vc_ppi *ppi, int group, int class_index, int64_t further)
{
	const vc_ppi_part *part = &ppi->parts[(size_t) group * ppi->data.classes + class_index];
	const vc_ppi_class *k = &ppi->by_class[class_index];
	double		images = ppi->images[2 * group];
	double		unknown = ppi->images[2 * group + 1];
	double		known = ppi->data.known[(size_t) group * ppi->data.classes + class_index];
	double		left = unknown - further;
	double		sampling = part->single * k->design_effect / images;
	double		labels = part->single * unknown / images / fmax(1e-12, part->variance - sampling);
	double		mean = (part->found.share - known / images) * left / unknown;
	double		variance = sampling * left / unknown +
		part->single * unknown / images * pow(left / unknown, 2) / (labels + further / k->design_effect);
	double		low;
	double		high;

	if (left <= 0)
		return 0;
	mean = fmax(mean, 1e-9);
	mean = fmin(mean, left / images - 1e-9);
	vc_ppi_bounds(mean, variance, left / images, k->quantile, &low, &high);
	return fmin(left / images, high + 0.5 / images) - fmax(0, low - 0.5 / images);
}

int64_t
vc_ppi_labels_for(const vc_ppi *ppi, int group, int class_index, double width)
{
	const vc_ppi_share found = vc_ppi_get(ppi, group, class_index);
	int64_t		least = 0;
	int64_t		enough = ppi->images[2 * group + 1];

	if (found.high - found.low <= width)
		return 0;
	while (least < enough)
	{
		int64_t		tried = least + (enough - least) / 2;

		if (width_after(ppi, group, class_index, tried) <= width)
			enough = tried;
		else
			least = tried + 1;
	}
	return enough;
}

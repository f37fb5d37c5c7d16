/*
 * ppi.c
 *		Estimates the share of each class in each group, with some labels known.
 */
#include "engine/counting/ppi_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t
parts_size(const vc_ppi_data *d)
{
	return sizeof(vc_ppi_part) * (size_t) d->groups * d->classes;
}

static size_t
sides_size(const vc_ppi_data *d)
{
	return sizeof(vc_ppi_side) * SIDES * ((size_t) d->groups + 1);
}

size_t
vc_ppi_memory(const vc_ppi_data *d)
{
	return sizeof(vc_ppi) + parts_size(d) + sides_size(d) + sizeof(vc_ppi_class) * (size_t) d->classes +
		(sizeof(double) + 2 * sizeof(int64_t)) * (size_t) d->groups + sizeof(vc_ppi_row) * (size_t) d->row_count;
}

/* By group, then cluster. */
static int
compare_rows(const void *a, const void *b)
{
	const vc_ppi_row *x = a;
	const vc_ppi_row *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->cluster > y->cluster) - (x->cluster < y->cluster);
}

static vc_status
check(const vc_ppi_options *o, const vc_ppi_data *d, vc_error *error)
{
	if (!(o->confidence > 0 && o->confidence < 1))
	{
		vc_fail(error, VC_INVALID_ARGUMENT, "confidence %g is not between 0 and 1", o->confidence);
		return vc_hint(error, VC_INVALID_ARGUMENT, "0.95 gives 95 %% intervals.");
	}
	if (d->classes < 2)
		return vc_fail(error, VC_INVALID_ARGUMENT, "%d classes are too few to estimate shares of", d->classes);
	for (int64_t i = 0; i < (int64_t) d->groups * d->classes; i++)
		if (d->predicted[i] > 0 && d->row_count == 0)
		{
			vc_fail(error, VC_INVALID_ARGUMENT, "no labelled image says how the model errs");
			return vc_hint(error, VC_INVALID_ARGUMENT, "Label images at random, and leave out no class.");
		}
	return VC_OK;
}

static vc_status
allocate(vc_ppi *ppi, const vc_ppi_data *d, vc_error *error)
{
	ppi->rows = malloc(sizeof(vc_ppi_row) * (size_t) d->row_count + 1);
	ppi->parts = malloc(parts_size(d) + 1);
	ppi->by_class = malloc(sizeof(vc_ppi_class) * (size_t) d->classes);
	ppi->sides = malloc(sides_size(d));
	ppi->scaled = malloc(sizeof(double) * (size_t) d->groups + 1);
	ppi->images = calloc((size_t) d->groups + 1, 2 * sizeof(int64_t));
	if (ppi->rows == NULL || ppi->parts == NULL || ppi->by_class == NULL || ppi->sides == NULL ||
		ppi->scaled == NULL || ppi->images == NULL)
		return vc_no_memory(error, vc_ppi_memory(d));
	if (d->row_count > 0)
		memcpy(ppi->rows, d->rows, sizeof(vc_ppi_row) * (size_t) d->row_count);
	for (int64_t i = 0; i < (int64_t) d->groups * d->classes; i++)
	{
		ppi->images[i / d->classes * 2] += d->known[i] + d->predicted[i];
		ppi->images[i / d->classes * 2 + 1] += d->predicted[i];
	}
	qsort(ppi->rows, (size_t) d->row_count, sizeof(vc_ppi_row), compare_rows);
	return VC_OK;
}

static void
estimate_class(vc_ppi *ppi, int class_index)
{
	vc_ppi_work w = {.class_index = class_index, .sides = ppi->sides};
	vc_ppi_fit	fits[MOST_FITS];
	int			count;

	vc_ppi_gather(ppi, &w);
	count = vc_ppi_fit_all(ppi, &w, fits);
	for (int g = 0; g < ppi->data.groups; g++)
		vc_ppi_join(ppi, &w, g, fits, count, &ppi->parts[(size_t) g * ppi->data.classes + class_index]);
	ppi->by_class[class_index] = (vc_ppi_class) {w.design_effect, w.quantile};
}

static vc_status
estimate(vc_ppi *ppi, vc_error *error)
{
	for (int c = 0; c < ppi->data.classes; c++)
	{
		if (vc_ppi_canceled(ppi))
			return vc_fail(error, VC_CANCELED, "canceled");
		estimate_class(ppi, c);
	}
	for (int g = 0; g < ppi->data.groups; g++)
		vc_ppi_add_up(ppi, g);
	return VC_OK;
}

vc_status
vc_ppi_create(const vc_ppi_options *options, const vc_ppi_data *data, vc_ppi **ppi, vc_error *error)
{
	vc_status	status = check(options, data, error);
	vc_ppi	   *p;

	*ppi = NULL;
	if (status != VC_OK)
		return status;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return vc_no_memory(error, sizeof(*p));
	p->options = *options;
	p->data = *data;
	status = allocate(p, data, error);
	if (status == VC_OK)
		status = estimate(p, error);
	if (status != VC_OK)
		vc_ppi_free(p);
	else
		*ppi = p;
	return status;
}

void
vc_ppi_free(vc_ppi *ppi)
{
	if (ppi == NULL)
		return;
	free(ppi->rows);
	free(ppi->parts);
	free(ppi->by_class);
	free(ppi->sides);
	free(ppi->scaled);
	free(ppi->images);
	free(ppi);
}

vc_ppi_share
vc_ppi_get(const vc_ppi *ppi, int group, int class_index)
{
	return ppi->parts[(size_t) group * ppi->data.classes + class_index].found;
}

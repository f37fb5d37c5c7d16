/*
 * prevalence_cells.c
 *		Puts images with equal predictions together.
 */
#include "engine/counting/prevalence_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 100				/* a probability is the same to a hundredth */

/* An image's place among the others, by its rounded probabilities. */
typedef struct entry
{
	uint64_t	key;			/* a hash: alike by chance once in 10^9 pairs of cells or less */
	int64_t		image;
} entry;

static uint64_t
cell_key(const float *probabilities, int classes)
{
	uint64_t	key = 0xCBF29CE484222325u;	/* FNV-1a, on numbers for bytes */

	for (int c = 0; c < classes; c++)
		key = (key ^ (uint64_t) lroundf(probabilities[c] * STEPS)) * 0x100000001B3u;
	return key;
}

static int
compare_entries(const void *a, const void *b)
{
	const entry *x = a;
	const entry *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->image > y->image) - (x->image < y->image);
}

/* Sums of the cells of sorted entries, then means. */
static void
fill_cells(vc_cells *cells, const entry *entries, const vc_classified *images, int classes)
{
	cells->count = 0;
	for (int64_t i = 0; i < images->count; i++)
	{
		const float *row = images->probabilities + entries[i].image * classes;

		if (i == 0 || entries[i].key != entries[i - 1].key)
			cells->count++;
		cells->weights[cells->count - 1]++;
		for (int c = 0; c < classes; c++)
			cells->means[(size_t) (cells->count - 1) * classes + c] += row[c];
	}
	for (int i = 0; i < cells->count; i++)
		for (int c = 0; c < classes; c++)
			cells->means[(size_t) i * classes + c] /= cells->weights[i];
}

static int64_t
count_cells(const entry *entries, int64_t count)
{
	int64_t		cells = 0;

	for (int64_t i = 0; i < count; i++)
		cells += i == 0 || entries[i].key != entries[i - 1].key;
	return cells;
}

static vc_status
make_soft(const vc_classified *images, int classes, vc_cells *cells, vc_error *error)
{
	entry	   *entries = malloc(sizeof(*entries) * (images->count + 1));
	int64_t		count;

	if (entries == NULL)
		return vc_no_memory(error, sizeof(*entries) * (images->count + 1));
	for (int64_t i = 0; i < images->count; i++)
		entries[i] = (entry) {cell_key(images->probabilities + i * classes, classes), i};
	qsort(entries, images->count, sizeof(*entries), compare_entries);
	count = count_cells(entries, images->count);
	cells->weights = calloc(count + 1, sizeof(double));
	cells->means = calloc(count + 1, sizeof(double) * classes);
	if (cells->weights == NULL || cells->means == NULL)
	{
		free(entries);
		vc_cells_free(cells);
		return vc_no_memory(error, (count + 1) * sizeof(double) * (classes + 1));
	}
	fill_cells(cells, entries, images, classes);
	free(entries);
	return VC_OK;
}

vc_status
vc_cells_make(const vc_classified *images, int classes, bool soft, vc_cells *cells, vc_error *error)
{
	*cells = (vc_cells) {0};
	if (soft)
		return make_soft(images, classes, cells, error);
	cells->weights = malloc(sizeof(double) * classes);
	if (cells->weights == NULL)
		return vc_no_memory(error, sizeof(double) * classes);
	cells->count = classes;
	for (int c = 0; c < classes; c++)
		cells->weights[c] = (double) images->predicted[c];
	return VC_OK;
}

vc_status
vc_cells_single(const vc_classified *images, int classes, vc_cells *cells, vc_error *error)
{
	size_t		numbers = (size_t) images->count * classes;

	*cells = (vc_cells) {(int) images->count, malloc(sizeof(double) * images->count),
		malloc(sizeof(double) * numbers)};
	if (cells->weights == NULL || cells->means == NULL)
	{
		vc_cells_free(cells);
		return vc_no_memory(error, sizeof(double) * (images->count + numbers));
	}
	for (int i = 0; i < cells->count; i++)
		cells->weights[i] = 1;
	for (size_t i = 0; i < numbers; i++)
		cells->means[i] = images->probabilities[i];
	return VC_OK;
}

void
vc_cells_free(vc_cells *cells)
{
	free(cells->weights);
	free(cells->means);
	*cells = (vc_cells) {0};
}

void
vc_cells_mean(const vc_cells *cells, const double *weights, int classes, double *mean)
{
	double		total = 0;

	memset(mean, 0, sizeof(double) * classes);
	for (int i = 0; i < cells->count; i++)
	{
		total += weights[i];
		if (cells->means == NULL)
			mean[i] += weights[i];
		else
			for (int c = 0; c < classes; c++)
				mean[c] += weights[i] * cells->means[(size_t) i * classes + c];
	}
	for (int c = 0; c < classes; c++)
		mean[c] /= total;
}

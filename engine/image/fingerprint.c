/*
 * fingerprint.c
 *		What an image looks like in a few bytes, to find those that are nearly the same.
 *
 * The hash is that of Zauner's thesis (pHash): the image in grey at 32 x 32, its
 * cosine transform, and of the 64 lowest frequencies whether each is above their
 * median.  Text at that size is a texture, so that other adverts may share many
 * bits; images count as alike where the small pictures too are the same but for
 * brightness and contrast.
 */
#include "engine/image/fingerprint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE			32		/* of what is transformed */
#define FREQUENCIES		8
#define MOST_BITS		10		/* that differ */
#define LEAST_CORRELATION 0.97
#define BLANK_CONTRAST	3.0
/* Parts of the hash of which one is the same where few bits differ. */
#define BANDS			5
#define BAND_BITS		13
/* Images of one band that one is compared with. */
#define MOST_COMPARED	200

/* The mean brightness of the pixels in cell x, y of cells x cells. */
static double
cell_mean(const uint8_t *pixels, int side, int cells, int x, int y)
{
	int			left = x * side / cells,
				right = (x + 1) * side / cells,
				top = y * side / cells,
				bottom = (y + 1) * side / cells;
	double		sum = 0;

	right = right > left ? right : left + 1;
	bottom = bottom > top ? bottom : top + 1;
	for (int v = top; v < bottom; v++)
		for (int u = left; u < right; u++)
		{
			const uint8_t *p = pixels + ((size_t) v * side + u) * 3;

			sum += 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
		}
	return sum / ((right - left) * (bottom - top));
}

/* The lowest frequencies along one line of values, `step` apart. */
static void
transform_line(const double *from, int step, double out[FREQUENCIES])
{
	for (int k = 0; k < FREQUENCIES; k++)
	{
		out[k] = 0;
		for (int i = 0; i < SIDE; i++)
			out[k] += from[i * step] * cos(M_PI * (2 * i + 1) * (k + 1) / (2 * SIDE));
	}
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The signs of the lowest frequencies, about their median. */
static uint64_t
make_hash(double grey[SIDE][SIDE])
{
	double		rows[SIDE][FREQUENCIES];
	double		values[FREQUENCIES * FREQUENCIES];
	double		sorted[FREQUENCIES * FREQUENCIES];
	double		median;
	uint64_t	hash = 0;

	for (int y = 0; y < SIDE; y++)
		transform_line(grey[y], 1, rows[y]);
	for (int k = 0; k < FREQUENCIES; k++)
		transform_line(&rows[0][k], FREQUENCIES, values + k * FREQUENCIES);
	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, FREQUENCIES * FREQUENCIES, sizeof(double), compare_doubles);
	median = (sorted[31] + sorted[32]) / 2;
	for (int i = 0; i < FREQUENCIES * FREQUENCIES; i++)
		hash = hash << 1 | (values[i] > median);
	return hash;
}

void
vc_fingerprint_make(const uint8_t *pixels, int side, vc_fingerprint *print)
{
	double		grey[SIDE][SIDE];
	double		sum = 0;
	double		squares = 0;

	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++)
		{
			grey[y][x] = cell_mean(pixels, side, SIDE, x, y);
			sum += grey[y][x];
			squares += grey[y][x] * grey[y][x];
		}
	sum /= SIDE * SIDE;
	print->contrast = (float) sqrt(fmax(squares / (SIDE * SIDE) - sum * sum, 0));
	for (int y = 0; y < VC_FINGERPRINT_SIDE; y++)
		for (int x = 0; x < VC_FINGERPRINT_SIDE; x++)
			print->grey[y * VC_FINGERPRINT_SIDE + x] =
				(uint8_t) (cell_mean(pixels, side, VC_FINGERPRINT_SIDE, x, y) + 0.5);
	print->hash = make_hash(grey);
}

bool
vc_fingerprint_blank(const vc_fingerprint *print)
{
	return print->contrast < BLANK_CONTRAST;
}

/* How far two small pictures go up and down together, -1 to 1. */
static double
correlation(const uint8_t *a, const uint8_t *b)
{
	const int	count = VC_FINGERPRINT_SIDE * VC_FINGERPRINT_SIDE;
	int64_t		sum_a = 0,
				sum_b = 0,
				aa = 0,
				bb = 0,
				ab = 0;
	double		spread;

	for (int i = 0; i < count; i++)
	{
		sum_a += a[i];
		sum_b += b[i];
		aa += a[i] * a[i];
		bb += b[i] * b[i];
		ab += a[i] * b[i];
	}
	spread = ((double) aa * count - (double) sum_a * sum_a) * ((double) bb * count - (double) sum_b * sum_b);
	return spread > 0 ? ((double) ab * count - (double) sum_a * sum_b) / sqrt(spread) : 0;
}

bool
vc_fingerprint_alike(const vc_fingerprint *a, const vc_fingerprint *b)
{
	return __builtin_popcountll(a->hash ^ b->hash) <= MOST_BITS &&
		correlation(a->grey, b->grey) >= LEAST_CORRELATION;
}

/* An image in the order of a band. */
typedef struct banded
{
	uint32_t	band;
	uint32_t	index;
} banded;

static int
compare_bands(const void *a, const void *b)
{
	const banded *x = a;
	const banded *y = b;

	if (x->band != y->band)
		return x->band < y->band ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* The lowest index of an image's cluster. */
static int64_t
root(int64_t *cluster, int64_t i)
{
	while (cluster[i] != i)
		i = cluster[i] = cluster[cluster[i]];
	return i;
}

/* Joins images that are alike among those of one band, which follow each other. */
static void
join_band(const vc_fingerprint *prints, const banded *order, int64_t count, int64_t *cluster)
{
	for (int64_t i = 1; i < count; i++)
		for (int64_t k = i - 1; k >= 0 && k >= i - MOST_COMPARED && order[k].band == order[i].band; k--)
		{
			int64_t		a = root(cluster, order[i].index);
			int64_t		b = root(cluster, order[k].index);

			if (a == b || !vc_fingerprint_alike(&prints[order[i].index], &prints[order[k].index]))
				continue;
			cluster[a > b ? a : b] = a > b ? b : a;
		}
}

vc_status
vc_fingerprint_cluster(const vc_fingerprint *prints, int64_t count, int64_t *cluster, vc_error *error)
{
	banded	   *order = malloc((size_t) (count > 0 ? count : 1) * sizeof(*order));
	int64_t		marked = 0;

	if (order == NULL)
		return vc_no_memory(error, (unsigned long long) count * sizeof(*order));
	for (int64_t i = 0; i < count; i++)
		cluster[i] = i;
	for (int band = 0; band < BANDS; band++)
	{
		marked = 0;
		for (int64_t i = 0; i < count; i++)
			if (!vc_fingerprint_blank(&prints[i]))
				order[marked++] = (banded) {(uint32_t) (prints[i].hash >> band * BAND_BITS) & ((1 << BAND_BITS) - 1), (uint32_t) i};
		qsort(order, (size_t) marked, sizeof(*order), compare_bands);
		join_band(prints, order, marked, cluster);
	}
	for (int64_t i = 0; i < count; i++)
		cluster[i] = root(cluster, i);
	free(order);
	return VC_OK;
}

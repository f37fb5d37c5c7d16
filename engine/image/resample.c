/*
 * resample.c
 *		Part of an image to a square, row by row.
 *
 * Every output pixel is a weighted mean of the source pixels under a triangle
 * as wide as two output pixels (or two source pixels, when enlarging).  The
 * triangle is separable: a source row is first resampled across, rounded to 8
 * bits, and kept in a window of the last few rows; as soon as the window holds
 * all rows that an output row needs, that row is made of them.  So the memory
 * used does not depend on the image's area, and stays in the cache.
 *
 * To equal Pillow to the bit, the weights are computed in double precision in
 * the same order, scaled by 2^22 and rounded, and sums are rounded once a pass.
 * Pillow 13 goes down before across where the height shrinks much more than
 * the width; there it differs by at most 1 from this and from its predecessors.
 */
#include "engine/image/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_BITS	22
#define WEIGHT_HALF	(1 << (WEIGHT_BITS - 1))

/* Values of an output row that are summed up at a time. */
#define CHUNK		256

/* Lets the compiler use what vector registers the processor has. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && \
	defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__)
#define VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTOR_CLONES
#endif

/* The weights of one axis; first + taps never passes the source's end. */
typedef struct axis_filter
{
	int			taps;			/* weights an output pixel */
	int		   *first;			/* [size]: source pixel of the first weight */
	int32_t    *weight;			/* [size][taps] */
} axis_filter;

struct vc_resampler
{
	int			channels;
	int			size;
	axis_filter across;
	axis_filter down;
	int			rows_in;		/* source rows taken */
	int			rows_out;		/* output rows made */
	uint8_t    *window;			/* [down.taps][size * channels]; row r at r
								 * modulo down.taps */
	const uint8_t **rows;		/* [down.taps]: the window in row order */
	uint8_t    *line;			/* a grey output row */
	uint8_t    *out;
};

/*
 * The weights of output pixel x into weight[], in 22-bit fixed point, as seen
 * by a filter that starts `offset` into a row of `extent` pixels.  Sets the
 * first pixel and returns the number of weights.
 */
static int
pixel_weights(int x, double offset, double scale, int extent,
			  double *exact, int32_t *weight, int *first)
{
	double		support = scale < 1.0 ? 1.0 : scale;
	double		inverse = 1.0 / support;
	double		centre = offset + (x + 0.5) * scale;
	double		sum = 0.0;
	int			from = (int) (centre - support + 0.5);
	int			to = (int) (centre + support + 0.5);

	if (from < 0)
		from = 0;
	if (to > extent)
		to = extent;
	for (int i = 0; i < to - from; i++)
	{
		double		distance = fabs((i + from - centre + 0.5) * inverse);

		exact[i] = distance < 1.0 ? 1.0 - distance : 0.0;
		sum += exact[i];
	}
	for (int i = 0; i < to - from; i++)
	{
		if (sum != 0.0)
			exact[i] /= sum;
		weight[i] = (int32_t) (0.5 + exact[i] * (1 << WEIGHT_BITS));
	}
	*first = from;
	return to - from;
}

/*
 * Drops the weights of pixels outside 0..source-1, which are black, and zeros
 * at both ends; moves the rest to the front.  Returns how many are left.
 */
static int
trim_weights(int32_t *weight, int count, int source, int *first)
{
	int			begin = 0;
	int			end = count;

	while (begin < end && (*first + begin < 0 || weight[begin] == 0))
		begin++;
	while (end > begin && (*first + end > source || weight[end - 1] == 0))
		end--;
	memmove(weight, weight + begin, (size_t) (end - begin) * sizeof(*weight));
	*first += begin;
	return end - begin;
}

/*
 * Gives every output pixel the same number of weights, none past the source
 * pixel `end`: those of pixel x, count[x] of them, are at x * stride and move
 * to x * taps, which is not after it.
 */
static void
align_weights(axis_filter *filter, const int *count, int stride, int end, int size)
{
	int			taps = filter->taps;

	for (int x = 0; x < size; x++)
	{
		int32_t    *from = filter->weight + (size_t) x * stride;
		int32_t    *to = filter->weight + (size_t) x * taps;
		int			first = filter->first[x];
		int			shift;

		if (first > end - taps)
			first = end - taps;
		if (first < 0)
			first = 0;
		shift = count[x] > 0 ? filter->first[x] - first : 0;
		memmove(to + shift, from, (size_t) count[x] * sizeof(*to));
		memset(to, 0, (size_t) shift * sizeof(*to));
		memset(to + shift + count[x], 0,
			   (size_t) (taps - shift - count[x]) * sizeof(*to));
		filter->first[x] = first;
	}
}

/* Computes the weights that take `span` of `source` pixels to `size`. */
static vc_status
make_filter(axis_filter *filter, int source, vc_span span, int size, vc_error *error)
{
	double		origin = floor(span.start);
	double		offset = span.start - origin;
	double		scale = span.length / size;
	int			extent = (int) ceil(offset + span.length);
	int			stride = (int) ceil(scale < 1.0 ? 1.0 : scale) * 2 + 1;
	size_t		bytes = (size_t) size * stride * sizeof(int32_t);
	double	   *exact = malloc((size_t) stride * sizeof(double));
	int		   *count = malloc((size_t) size * sizeof(int));

	filter->first = malloc((size_t) size * sizeof(int));
	filter->weight = malloc(bytes);
	if (exact == NULL || count == NULL ||
		filter->first == NULL || filter->weight == NULL)
	{
		free(exact);
		free(count);
		return vc_no_memory(error, bytes);
	}

	filter->taps = 1;
	for (int x = 0; x < size; x++)
	{
		int32_t    *weight = filter->weight + (size_t) x * stride;

		count[x] = pixel_weights(x, offset, scale, extent, exact, weight,
								 &filter->first[x]);
		filter->first[x] += (int) origin;
		count[x] = trim_weights(weight, count[x], source, &filter->first[x]);
		if (count[x] > filter->taps)
			filter->taps = count[x];
	}
	if (origin + extent < source)
		source = (int) origin + extent;
	align_weights(filter, count, stride, source, size);
	free(exact);
	free(count);
	return VC_OK;
}

/* A sum of weighted samples as a sample. */
static inline uint8_t
to_sample(int32_t sum)
{
	sum >>= WEIGHT_BITS;
	return (uint8_t) (sum > 255 ? 255 : sum);
}

/* Resamples a row; inlined for constant `taps` and `channels`. */
static inline __attribute__((always_inline)) void
across_fixed(uint8_t *restrict out, const uint8_t *restrict row,
			 const axis_filter *filter, int size, int taps, int channels)
{
	const int32_t *weight = filter->weight;

	for (int x = 0; x < size; x++)
	{
		const uint8_t *p = row + (size_t) filter->first[x] * channels;
		int32_t		sum[3] = {WEIGHT_HALF, WEIGHT_HALF, WEIGHT_HALF};

		for (int t = 0; t < taps; t++)
			for (int c = 0; c < channels; c++)
				sum[c] += p[t * channels + c] * weight[t];
		for (int c = 0; c < channels; c++)
			out[c] = to_sample(sum[c]);
		out += channels;
		weight += taps;
	}
}

/* Resamples a row across. */
static void
across_row(uint8_t *restrict out, const uint8_t *restrict row,
		   const axis_filter *filter, int size, int channels)
{
#define CASE(n) \
	case n: \
		if (channels == 1) \
			across_fixed(out, row, filter, size, n, 1); \
		else \
			across_fixed(out, row, filter, size, n, 3); \
		break

	switch (filter->taps)
	{
			CASE(1);
			CASE(2);
			CASE(3);
			CASE(4);
			CASE(5);
			CASE(6);
		default:
			if (channels == 1)
				across_fixed(out, row, filter, size, filter->taps, 1);
			else
				across_fixed(out, row, filter, size, filter->taps, 3);
	}
#undef CASE
}

/* Makes an output row of `taps` rows of n values. */
VECTOR_CLONES static void
down_row(uint8_t *restrict out, const uint8_t *const *rows,
		 const int32_t *weight, int taps, int n)
{
	for (int start = 0; start < n; start += CHUNK)
	{
		int			count = n - start < CHUNK ? n - start : CHUNK;
		int32_t		sum[CHUNK];

		for (int i = 0; i < count; i++)
			sum[i] = WEIGHT_HALF;
		for (int t = 0; t < taps; t++)
		{
			const uint8_t *row = rows[t] + start;
			int32_t		w = weight[t];

			for (int i = 0; i < count; i++)
				sum[i] += row[i] * w;
		}
		for (int i = 0; i < count; i++)
			out[start + i] = to_sample(sum[i]);
	}
}

/* Makes the next output row; the window holds what it needs. */
static void
emit_row(vc_resampler *r)
{
	int			y = r->rows_out++;
	int			taps = r->down.taps;
	size_t		stride = (size_t) r->size * r->channels;
	uint8_t    *out = r->out + (size_t) y * r->size * 3;
	const int32_t *weight = r->down.weight + (size_t) y * taps;

	for (int t = 0; t < taps; t++)
		r->rows[t] = r->window + (size_t) ((r->down.first[y] + t) % taps) * stride;
	if (r->channels == 3)
	{
		down_row(out, r->rows, weight, taps, r->size * 3);
		return;
	}
	down_row(r->line, r->rows, weight, taps, r->size);
	for (int x = 0; x < r->size; x++)
		out[x * 3] = out[x * 3 + 1] = out[x * 3 + 2] = r->line[x];
}

vc_status
vc_resample_begin(int width, int height, int channels, vc_span x, vc_span y,
				  int size, uint8_t *out,
				  vc_resampler **resampler, vc_error *error)
{
	vc_resampler *r = calloc(1, sizeof(*r));
	size_t		stride = (size_t) size * channels;
	vc_status	status;

	*resampler = NULL;
	if (r == NULL)
		return vc_no_memory(error, sizeof(*r));
	r->channels = channels;
	r->size = size;
	r->out = out;
	status = make_filter(&r->across, width, x, size, error);
	if (status == VC_OK)
		status = make_filter(&r->down, height, y, size, error);
	if (status == VC_OK)
	{
		size_t		taps = (size_t) r->down.taps;

		r->window = malloc(taps * stride);
		r->rows = malloc(taps * sizeof(*r->rows));
		r->line = malloc(stride);
		if (r->window == NULL || r->rows == NULL || r->line == NULL)
			status = vc_no_memory(error, taps * stride);
	}
	if (status != VC_OK)
	{
		vc_resample_end(r);
		return status;
	}
	*resampler = r;
	return VC_OK;
}

bool
vc_resample_row(vc_resampler *r, const uint8_t *row)
{
	int			y = r->rows_in++;
	int			taps = r->down.taps;

	if (r->rows_out >= r->size)
		return false;
	if (y >= r->down.first[r->rows_out])
		across_row(r->window + (size_t) (y % taps) * r->size * r->channels,
				   row, &r->across, r->size, r->channels);
	while (r->rows_out < r->size &&
		   r->down.first[r->rows_out] + taps <= r->rows_in)
		emit_row(r);
	return r->rows_out < r->size;
}

void
vc_resample_end(vc_resampler *r)
{
	if (r == NULL)
		return;
	free(r->across.first);
	free(r->across.weight);
	free(r->down.first);
	free(r->down.weight);
	free(r->window);
	free(r->rows);
	free(r->line);
	free(r);
}

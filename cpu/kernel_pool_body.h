/*
 * kernel_pool_body.h
 *		Max pool's loops; see kernel_body.h.
 *
 * As in PyTorch, the first of equal values wins, and NaN beats all.
 */

/* One output: the largest of x * a + b in its window, or of x. */
VC_BODY void
pool_one(const float *x, float *y, float *picked, uint8_t *places, const vc_node *pool,
		 int height, int width, int h, int w, const float *scale, const float *shift,
		 const bool affine)
{
	const int	kernel = pool->kernel;
	int			h0 = h < 0 ? -h : 0;
	int			w0 = w < 0 ? -w : 0;
	int			h1 = h + kernel > height ? height - h : kernel;
	int			w1 = w + kernel > width ? width - w : kernel;
	floats		best = (floats) {0} - __builtin_inff();
	floats		from = LOAD(x + ((int64_t) (h + h0) * width + w + w0) * VC_LANES);
	ints		place = (ints) {0} + (h0 * kernel + w0);

	for (int kh = h0; kh < h1; kh++)
		for (int kw = w0; kw < w1; kw++)
		{
			floats		u = LOAD(x + ((int64_t) (h + kh) * width + w + kw) * VC_LANES);
			floats		v = affine ? u * LOAD(scale) + LOAD(shift) : u;
			ints		more = (v > best) | (v != v);

			best = SELECT(more, v, best);
			if (affine)
				from = SELECT(more, u, from);
			place = (place & ~more) | (((ints) {0} + (kh * kernel + kw)) & more);
		}
	if (affine)
		best = RELU(best);
	STORE(y, best);
	if (picked != NULL)
		STORE(picked, from);
	if (places != NULL)
		*(bytes *) places = __builtin_convertvector(place, bytes);
}

VC_TARGET static void
apply_pool(const float *x, float *y, float *picked, uint8_t *places, const vc_node *pool,
		   int height, int width, const float *scale, const float *shift)
{
	for (int oh = 0; oh < pool->height; oh++)
		for (int ow = 0; ow < pool->width; ow++)
		{
			int64_t		o = ((int64_t) oh * pool->width + ow) * VC_LANES;

			pool_one(x, y + o, picked == NULL ? NULL : picked + o,
					 places == NULL ? NULL : places + o, pool, height, width,
					 oh * pool->stride - pool->padding, ow * pool->stride - pool->padding,
					 scale, shift, true);
		}
}

VC_TARGET static void
max_pool(const float *x, float *y, uint8_t *places, const vc_node *pool, int height, int width)
{
	for (int oh = 0; oh < pool->height; oh++)
		for (int ow = 0; ow < pool->width; ow++)
		{
			int64_t		o = ((int64_t) oh * pool->width + ow) * VC_LANES;

			pool_one(x, y + o, NULL, places == NULL ? NULL : places + o, pool, height, width,
					 oh * pool->stride - pool->padding, ow * pool->stride - pool->padding,
					 NULL, NULL, false);
		}
}

VC_TARGET static void
scatter_row(const float *gradient, const uint8_t *places, float *dx,
			const vc_node *pool, int row, int width)
{
	int			h = row * pool->stride - pool->padding;
	int32_t		offsets[256];

	for (int i = 0; i < pool->kernel * pool->kernel; i++)
		offsets[i] = (i / pool->kernel * width + i % pool->kernel) * VC_LANES;
	for (int ow = 0; ow < pool->width; ow++)
	{
		int			w = ow * pool->stride - pool->padding;
		float	   *window = dx + ((int64_t) h * width + w) * VC_LANES;

		for (int l = 0; l < VC_LANES; l++)
			window[offsets[places[ow * VC_LANES + l]] + l] += gradient[ow * VC_LANES + l];
	}
}

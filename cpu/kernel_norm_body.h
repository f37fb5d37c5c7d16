/*
 * kernel_norm_body.h
 *		Batch norm's loops; see kernel_body.h.
 *
 * Sums are float over RUN pixels, and these are added up in double.
 */
#define RUN 256

/* Joins each run's mean and squares with those of the pixels before (Chan et al. 1979). */
VC_TARGET static void
moments(const float *x, int64_t pixels, double *mean, double *squares)
{
	doubles		m = {0};
	doubles		q = {0};

	for (int64_t from = 0; from < pixels; from += RUN)
	{
		int64_t		end = from + RUN < pixels ? from + RUN : pixels;
		double		count = (double) (end - from);
		floats		sum[4] = {{0}, {0}, {0}, {0}};
		floats		square[4] = {{0}, {0}, {0}, {0}};
		floats		center;
		doubles		delta;
		int64_t		i;

		for (i = from; i + 4 <= end; i += 4)
			for (int k = 0; k < 4; k++)
				sum[k] += LOAD(x + (i + k) * VC_LANES);
		for (; i < end; i++)
			sum[0] += LOAD(x + i * VC_LANES);
		sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
		center = sum[0] / (float) count;
		for (i = from; i + 4 <= end; i += 4)
			for (int k = 0; k < 4; k++)
			{
				floats		d = LOAD(x + (i + k) * VC_LANES) - center;

				square[k] += d * d;
			}
		for (; i < end; i++)
		{
			floats		d = LOAD(x + i * VC_LANES) - center;

			square[0] += d * d;
		}
		square[0] = (square[0] + square[1]) + (square[2] + square[3]);
		delta = DOUBLES(center) - m;
		m += delta * (count / (double) end);
		q += DOUBLES(square[0]) + delta * delta * ((double) from * count / (double) end);
	}
	*(doubles *) mean = m;
	*(doubles *) squares = q;
}

VC_BODY void
apply_body(const float *x, const float *other, float *y, int64_t pixels,
		   const float *scale, const float *shift, const bool adds, const bool relus)
{
	const floats a = LOAD(scale);
	const floats b = LOAD(shift);

	for (int64_t i = 0; i < pixels * VC_LANES; i += VC_LANES)
	{
		floats		v = LOAD(x + i) * a + b;

		if (adds)
			v += LOAD(other + i);
		if (relus)
			v = RELU(v);
		STORE(y + i, v);
	}
}

VC_TARGET static void
apply(const float *x, const float *other, float *y, int64_t pixels,
	  const float *scale, const float *shift, bool relus)
{
	if (other != NULL && relus)
		apply_body(x, other, y, pixels, scale, shift, true, true);
	else if (other != NULL)
		apply_body(x, other, y, pixels, scale, shift, true, false);
	else if (relus)
		apply_body(x, other, y, pixels, scale, shift, false, true);
	else
		apply_body(x, other, y, pixels, scale, shift, false, false);
}

VC_BODY void
sums_body(const vc_cpu_plane *p, int64_t pixels, double *sum, double *product,
		  const vc_cpu_mask mask, const bool more, const bool keep)
{
	const float *x = p->x;
	const float *y = p->y;
	const float *extra = p->more;
	float	   *gradient = p->gradient;
	const floats mean = LOAD(p->mean);
	const floats scale = LOAD(p->scale);
	const floats shift = LOAD(p->shift);
	doubles		total = {0};
	doubles		total_product = {0};

	for (int64_t from = 0; from < pixels; from += RUN)
	{
		int64_t		end = from + RUN < pixels ? from + RUN : pixels;
		floats		s = {0};
		floats		t = {0};

		for (int64_t i = from * VC_LANES; i < end * VC_LANES; i += VC_LANES)
		{
			floats		u = LOAD(x + i);
			floats		g = LOAD(gradient + i);

			if (more)
				g += LOAD(extra + i);
			if (mask == VC_CPU_MASK_INPUT)
				g = WHERE(u * scale + shift > 0.0f, g);
			if (mask == VC_CPU_MASK_OUTPUT)
				g = WHERE(LOAD(y + i) > 0.0f, g);
			s += g;
			t += g * (u - mean);
			if (keep)
				STORE(gradient + i, g);
		}
		total += DOUBLES(s);
		total_product += DOUBLES(t);
	}
	*(doubles *) sum = total;
	*(doubles *) product = total_product;
}

VC_TARGET static void
sums(const vc_cpu_plane *p, int64_t pixels, double *sum, double *product)
{
	const bool	more = p->more != NULL;

	if (p->mask == VC_CPU_MASK_OUTPUT && more)
		sums_body(p, pixels, sum, product, VC_CPU_MASK_OUTPUT, true, true);
	else if (p->mask == VC_CPU_MASK_OUTPUT)
		sums_body(p, pixels, sum, product, VC_CPU_MASK_OUTPUT, false, true);
	else if (p->mask == VC_CPU_MASK_INPUT && more)
		sums_body(p, pixels, sum, product, VC_CPU_MASK_INPUT, true, true);
	else if (p->mask == VC_CPU_MASK_INPUT)
		sums_body(p, pixels, sum, product, VC_CPU_MASK_INPUT, false, false);
	else if (more)
		sums_body(p, pixels, sum, product, VC_CPU_MASK_NONE, true, true);
	else
		sums_body(p, pixels, sum, product, VC_CPU_MASK_NONE, false, false);
}

VC_BODY void
input_gradient_body(const vc_cpu_plane *p, float *dx, int64_t pixels,
					const float *const c[3], const bool mask)
{
	const float *x = p->x;
	const float *gradient = p->gradient;
	const floats mean = LOAD(p->mean);
	const floats scale = LOAD(p->scale);
	const floats shift = LOAD(p->shift);
	const floats c0 = LOAD(c[0]);
	const floats c1 = LOAD(c[1]);
	const floats c2 = LOAD(c[2]);

	for (int64_t i = 0; i < pixels * VC_LANES; i += VC_LANES)
	{
		floats		u = LOAD(x + i);
		floats		g = LOAD(gradient + i);

		if (mask)
			g = WHERE(u * scale + shift > 0.0f, g);
		STORE(dx + i, g * c0 + ((u - mean) * c1 + c2));
	}
}

VC_TARGET static void
input_gradient(const vc_cpu_plane *p, float *dx, int64_t pixels, const float *const c[3])
{
	if (p->mask == VC_CPU_MASK_INPUT && p->more == NULL)
		input_gradient_body(p, dx, pixels, c, true);
	else
		input_gradient_body(p, dx, pixels, c, false);
}

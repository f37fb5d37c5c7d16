/*
 * kernel_flat_body.h
 *		Loops for any layout; see kernel_body.h.
 */
VC_TARGET static void
normalize_image(const uint8_t *restrict image, float *restrict planes, int64_t pixels,
				const float *scale, const float *shift)
{
	for (int c = 0; c < 3; c++)
	{
		const float a = scale[c];
		const float b = shift[c];

		for (int64_t i = 0; i < pixels; i++)
			planes[c * pixels + i] = (float) image[3 * i + c] * a + b;
	}
}

VC_TARGET static void
accumulate(float *restrict sum, const float *restrict x, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		sum[i] += x[i];
}

VC_TARGET static void
add(const float *a, const float *b, float *restrict sum, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		sum[i] = a[i] + b[i];
}

VC_TARGET static void
relu(const float *x, float *restrict y, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

VC_TARGET static void
relu_gradient(const float *y, float *restrict gradient, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		gradient[i] = y[i] > 0.0f ? gradient[i] : 0.0f;
}

VC_TARGET static void
adam(float *restrict p, const float *restrict g, float *restrict m, float *restrict v,
	 int64_t count, const vc_cpu_adam_rates *rates)
{
	const vc_cpu_adam_rates r = *rates;

	for (int64_t i = 0; i < count; i++)
	{
		float		mi = r.beta1 * m[i] + (1 - r.beta1) * g[i];
		float		vi = r.beta2 * v[i] + (1 - r.beta2) * g[i] * g[i];

		m[i] = mi;
		v[i] = vi;
		p[i] = p[i] * r.keep - r.rate * mi / (sqrtf(vi) * r.correction + r.epsilon);
	}
}

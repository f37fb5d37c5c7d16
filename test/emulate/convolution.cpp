/*
 * convolution.cpp
 *		cuda/convolution.h by plain loops, in cuDNN's place.
 *
 * Products of the operands as they are stored, sums in float32, results
 * rounded to the tensors' type; TF32 rounds the operands to 10 bits.  Fused
 * problems are solved in half precision only, so that both ways to finish a
 * convolution are tried.  The workspace is filled, as cuDNN may.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <vector>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

extern "C"
{
#include "cuda/convolution.h"
}

struct vc_cuda_engine
{
	vc_cuda_problem problem;
};

struct vc_cuda_library
{
	cudaStream_t stream;
	std::vector<vc_cuda_engine *> engines;
};

/* A tensor as floats. */
typedef std::vector<float> floats;

/* To TF32's 10 bits of mantissa, to nearest even. */
static float
round_to_tf32(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	bits = (bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFFu;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static floats
read(const vc_cuda_problem &p, const void *data, int64_t count)
{
	floats		x(count);

	for (int64_t i = 0; i < count; i++)
		if (p.type == VC_CUDA_BFLOAT16)
			x[i] = __bfloat162float(((const __nv_bfloat16 *) data)[i]);
		else if (p.type == VC_CUDA_HALF)
			x[i] = __half2float(((const __half *) data)[i]);
		else if (p.rounds)
			x[i] = round_to_tf32(((const float *) data)[i]);
		else
			x[i] = ((const float *) data)[i];
	return x;
}

static void
write(const vc_cuda_problem &p, const floats &x, void *data)
{
	for (size_t i = 0; i < x.size(); i++)
		if (p.type == VC_CUDA_BFLOAT16)
			((__nv_bfloat16 *) data)[i] = __float2bfloat16(x[i]);
		else if (p.type == VC_CUDA_HALF)
			((__half *) data)[i] = __float2half(x[i]);
		else
			((float *) data)[i] = x[i];
}

static int64_t
x_count(const vc_cuda_problem &p)
{
	return (int64_t) p.count * p.height * p.width * p.channels;
}

static int64_t
y_count(const vc_cuda_problem &p)
{
	return (int64_t) p.count * p.out_height * p.out_width * p.out_channels;
}

static int64_t
w_count(const vc_cuda_problem &p)
{
	return (int64_t) p.out_channels * p.kernel * p.kernel * p.channels;
}

/* Calls back with the places of x, of one output's weights, and of y. */
template <typename F> static void
each_product(const vc_cuda_problem &p, F f)
{
	for (int n = 0; n < p.count; n++)
		for (int oh = 0; oh < p.out_height; oh++)
			for (int ow = 0; ow < p.out_width; ow++)
				for (int kh = 0; kh < p.kernel; kh++)
					for (int kw = 0; kw < p.kernel; kw++)
					{
						int			h = oh * p.stride - p.padding + kh;
						int			w = ow * p.stride - p.padding + kw;

						if (h < 0 || h >= p.height || w < 0 || w >= p.width)
							continue;
						f((((int64_t) n * p.height + h) * p.width + w) * p.channels,
						  ((int64_t) kh * p.kernel + kw) * p.channels,
						  (((int64_t) n * p.out_height + oh) * p.out_width + ow) * p.out_channels);
					}
}

/* y[n] += a * x[n] */
static inline void
add_product(int n, float a, const float *__restrict x, float *__restrict y)
{
	for (int i = 0; i < n; i++)
		y[i] += a * x[i];
}

/* Weights as [row][column][input][output], so that loops are over outputs. */
static floats
outputs_last(const vc_cuda_problem &p, const floats &w)
{
	floats		turned(w.size());
	int64_t		inner = w_count(p) / p.out_channels;

	for (int k = 0; k < p.out_channels; k++)
		for (int64_t i = 0; i < inner; i++)
			turned[i * p.out_channels + k] = w[k * inner + i];
	return turned;
}

static void
forward(const vc_cuda_problem &p, const vc_cuda_operands &o)
{
	floats		x = read(p, o.x, x_count(p));
	floats		w = outputs_last(p, read(p, o.w, w_count(p)));
	floats		y(y_count(p));
	floats		part(p.out_channels);

	each_product(p, [&](int64_t xi, int64_t wi, int64_t yi) {
		part.assign(p.out_channels, 0);
		for (int c = 0; c < p.channels; c++)
			add_product(p.out_channels, x[xi + c], &w[(wi + c) * p.out_channels], part.data());
		add_product(p.out_channels, 1, part.data(), &y[yi]);
	});
	if (p.fused)
	{
		floats		other = p.adds ? read(p, o.other, y_count(p)) : floats();

		for (int64_t i = 0; i < y_count(p); i++)
		{
			y[i] += o.bias[i % p.out_channels] + (p.adds ? other[i] : 0);
			y[i] = p.relu ? fmaxf(y[i], 0) : y[i];
		}
	}
	write(p, y, o.y);
}

static void
backward_data(const vc_cuda_problem &p, const vc_cuda_operands &o)
{
	floats		x(x_count(p));
	floats		w = read(p, o.w, w_count(p));
	floats		y = read(p, o.y, y_count(p));
	int64_t		stride = w_count(p) / p.out_channels;

	each_product(p, [&](int64_t xi, int64_t wi, int64_t yi) {
		for (int k = 0; k < p.out_channels; k++)
			add_product(p.channels, y[yi + k], &w[k * stride + wi], &x[xi]);
	});
	write(p, x, o.x);
}

static void
backward_weights(const vc_cuda_problem &p, const vc_cuda_operands &o)
{
	floats		x = read(p, o.x, x_count(p));
	floats		w(w_count(p));
	floats		y = read(p, o.y, y_count(p));
	int64_t		stride = w_count(p) / p.out_channels;

	each_product(p, [&](int64_t xi, int64_t wi, int64_t yi) {
		for (int k = 0; k < p.out_channels; k++)
			add_product(p.channels, y[yi + k], &x[xi], &w[k * stride + wi]);
	});
	write(p, w, o.w);
}

vc_status
vc_cuda_library_check(vc_error *error)
{
	return emulate_fails() ? vc_fail(error, VC_UNSUPPORTED, "emulated failure: no cuDNN") : VC_OK;
}

vc_status
vc_cuda_library_name(char *name, size_t size, vc_error *error)
{
	snprintf(name, size, "emulated cuDNN");
	return emulate_fails() ? vc_fail(error, VC_UNSUPPORTED, "emulated failure: no cuBLAS") : VC_OK;
}

vc_status
vc_cuda_library_open(cudaStream_t stream, vc_cuda_library **library, vc_error *error)
{
	if (emulate_fails())
		return vc_fail(error, VC_DEVICE_ERROR, "emulated failure: opening the library");
	*library = new vc_cuda_library{stream, {}};
	return VC_OK;
}

void
vc_cuda_library_close(vc_cuda_library *library)
{
	if (library == NULL)
		return;
	for (vc_cuda_engine *engine : library->engines)
		delete engine;
	delete library;
}

vc_status
vc_cuda_engine_find(vc_cuda_library *library, const vc_cuda_problem *problem,
					const vc_cuda_operands *, const vc_cuda_interrupt *,
					vc_cuda_engine **engine, vc_error *error)
{
	*engine = NULL;
	if (emulate_fails())
		return vc_fail(error, VC_DEVICE_ERROR, "emulated failure: finding an engine");
	if (problem->fused && problem->type == VC_CUDA_FLOAT)
		return VC_OK;
	for (vc_cuda_engine *e : library->engines)
		if (memcmp(&e->problem, problem, sizeof(*problem)) == 0)
			*engine = e;
	if (*engine == NULL)
		library->engines.push_back(*engine = new vc_cuda_engine{*problem});
	return VC_OK;
}

/* Larger for smaller images, so that plans have to enlarge theirs. */
size_t
vc_cuda_engine_workspace(const vc_cuda_engine *engine)
{
	return 256 * (size_t) (engine->problem.direction + 64 / engine->problem.out_height);
}

vc_status
vc_cuda_engine_run(vc_cuda_library *library, const vc_cuda_engine *engine,
				   const vc_cuda_operands *operands, vc_error *error)
{
	vc_cuda_operands o = *operands;
	const vc_cuda_engine e = *engine;

	if (emulate_fails())
		return vc_fail(error, VC_DEVICE_ERROR, "emulated failure: running an engine");
	emulate_submit(library->stream, [=]() {
		memset(o.workspace, 0xFF, vc_cuda_engine_workspace(&e));
		if (e.problem.direction == VC_CUDA_FORWARD)
			forward(e.problem, o);
		else if (e.problem.direction == VC_CUDA_BACKWARD_DATA)
			backward_data(e.problem, o);
		else
			backward_weights(e.problem, o);
	});
	return VC_OK;
}

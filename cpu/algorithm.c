/*
 * algorithm.c
 *		Choosing each convolution's algorithm by timing it.
 *
 * Winograd's algorithm can be twice as fast as the direct one, or slower,
 * depending on shape, batch and machine, so both run on random numbers.  They
 * run in one thread, and its processor time is measured, so that other work
 * on the machine does not disturb the choice.  The process remembers each
 * choice, and the plan's store keeps it.  A Winograd kernel is never chosen
 * if its result is far from the direct one's.
 */
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpu/convolution.h"

#define MAX_KNOWN		256		/* shapes remembered */
#define MIN_BATCH		4		/* smaller batches gain less than timing costs */
#define ENOUGH_PIXELS	1500	/* of a batch: larger ones give the same choice */
#define RUNS			2		/* the faster one counts */
#define CLEARLY_SLOWER	1.5		/* than the other algorithm: one run is enough */
#define MAX_ERROR		1e-3	/* of Winograd, relative to the result's norm */
#define COMPARED		65536	/* elements of the result that are compared */

typedef struct trial_key
{
	vc_cpu_shape shape;
	int			count;
	vc_direction direction;
} trial_key;

static struct
{
	trial_key	key;
	bool		winograd;
}			known[MAX_KNOWN];
static int	known_count = 0;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

/* One algorithm on trial. */
typedef struct trial
{
	dnnl_primitive_desc_t desc;
	dnnl_primitive_t primitive;
	dnnl_memory_t memories[4];	/* source, weights, destination, scratchpad */
	void	   *data[4];
	size_t		bytes[4];
	int			result;			/* index of the one that is written */
	double		seconds;
} trial;

static bool
find_choice(const trial_key *key, bool *winograd)
{
	bool		found = false;

	pthread_mutex_lock(&known_lock);
	for (int i = 0; i < known_count && !found; i++)
		if (memcmp(&known[i].key, key, sizeof(*key)) == 0)
		{
			*winograd = known[i].winograd;
			found = true;
		}
	pthread_mutex_unlock(&known_lock);
	return found;
}

static void
remember_choice(const trial_key *key, bool winograd)
{
	pthread_mutex_lock(&known_lock);
	if (known_count < MAX_KNOWN)
	{
		known[known_count].key = *key;
		known[known_count++].winograd = winograd;
	}
	pthread_mutex_unlock(&known_lock);
}

/* Processor seconds of this thread. */
static double
processor_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Fills data with the same numbers in -0.5 .. 0.5 each time; the period is not a power of 2. */
static void
fill_with_noise(float *data, size_t count)
{
	const size_t period = count < 4001 ? count : 4001;
	uint32_t	x = 12345;

	for (size_t i = 0; i < period; i++)
	{
		x = x * 1664525u + 1013904223u;
		data[i] = (float) (x >> 8) / 16777216.0f - 0.5f;
	}
	for (size_t i = period; i < count; i += period)
		memcpy(data + i, data, sizeof(float) * (count - i < period ? count - i : period));
}

static void
trial_free(trial *t)
{
	for (int i = 0; i < 4; i++)
	{
		dnnl_memory_destroy(t->memories[i]);
		free(t->data[i]);
	}
	dnnl_primitive_destroy(t->primitive);
	dnnl_primitive_desc_destroy(t->desc);
}

/* Aligned memory; NULL fills *error. */
static void *
trial_memory(size_t bytes, vc_error *error)
{
	size_t		size = (bytes / VC_CPU_ALIGNMENT + 1) * VC_CPU_ALIGNMENT;
	void	   *memory = aligned_alloc(VC_CPU_ALIGNMENT, size);

	if (memory == NULL)
		vc_no_memory(error, size);
	return memory;
}

/* The same weights in any layout. */
static vc_status
fill_weights(vc_plan *plan, vc_md plain, vc_md md, void *data, vc_error *error)
{
	float	   *weights = trial_memory(vc_md_size(plain), error);
	vc_status	status;

	if (weights == NULL)
		return VC_OUT_OF_MEMORY;
	fill_with_noise(weights, vc_md_size(plain) / sizeof(float));
	status = vc_cpu_reorder(plan, plain, weights, md, data, error);
	free(weights);
	return status;
}

/* Makes the primitive of t->desc and memory for its arguments. */
static vc_status
trial_create(vc_plan *plan, vc_direction direction, vc_md plain, trial *t, vc_error *error)
{
	bool		data = direction == VC_BACKWARD_DATA;
	bool		weights = direction == VC_BACKWARD_WEIGHTS;
	vc_md		mds[4] = {
		vc_md_query(t->desc, data ? dnnl_query_diff_src_md : dnnl_query_src_md),
		vc_md_query(t->desc, weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md),
		vc_md_query(t->desc, data || weights ? dnnl_query_diff_dst_md : dnnl_query_dst_md),
		vc_md_query(t->desc, dnnl_query_scratchpad_md),
	};
	dnnl_status_t status = vc_cpu_new_primitive(&t->primitive, t->desc);

	t->result = data ? 0 : weights ? 1 : 2;
	for (int i = 0; i < 4 && status == dnnl_success; i++)
	{
		t->bytes[i] = vc_md_size(mds[i]);
		if ((t->data[i] = trial_memory(t->bytes[i], error)) == NULL)
			return VC_OUT_OF_MEMORY;
		if (i == 0 || i == 2)
			fill_with_noise(t->data[i], t->bytes[i] / sizeof(float));
		status = dnnl_memory_create(&t->memories[i], mds[i], plan->device->engine, t->data[i]);
	}
	if (status != dnnl_success)
		return vc_cpu_dnnl_failed(error, status, "preparing to time a convolution");
	return weights ? VC_OK : fill_weights(plan, plain, mds[1], t->data[1], error);
}

/*
 * Runs a trial; its time is that of the fastest run.  It may stop early when
 * it is clearly slower than `best` seconds.
 */
static vc_status
trial_run(vc_plan *plan, vc_direction direction, double best, trial *t, vc_error *error)
{
	bool		data = direction == VC_BACKWARD_DATA;
	bool		weights = direction == VC_BACKWARD_WEIGHTS;
	dnnl_exec_arg_t args[4] = {
		{data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, t->memories[0]},
		{weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, t->memories[1]},
		{data || weights ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, t->memories[2]},
		{DNNL_ARG_SCRATCHPAD, t->memories[3]},
	};

	t->seconds = HUGE_VAL;
	for (int i = 0; i < RUNS && (i == 0 || t->seconds < best * CLEARLY_SLOWER); i++)
	{
		double		start = processor_seconds();
		dnnl_status_t status = dnnl_primitive_execute(t->primitive, plan->device->stream, 4, args);
		vc_status	result;

		if (status == dnnl_success)
			status = dnnl_stream_wait(plan->device->stream);
		if (status != dnnl_success)
			return vc_cpu_dnnl_failed(error, status, "timing a convolution");
		t->seconds = fmin(t->seconds, processor_seconds() - start);
		if ((result = vc_cpu_poll(plan, error)) != VC_OK)
			return result;
	}
	return VC_OK;
}

/* Reorders a weights' gradient to the plain layout, so that two trials can be compared. */
static vc_status
unpack_result(vc_plan *plan, vc_md plain, trial *t, vc_error *error)
{
	float	   *weights = trial_memory(vc_md_size(plain), error);
	vc_status	status;

	if (weights == NULL)
		return VC_OUT_OF_MEMORY;
	status = vc_cpu_reorder(plan, vc_md_query(t->desc, dnnl_query_diff_weights_md),
							t->data[t->result], plain, weights, error);
	free(t->data[t->result]);
	t->data[t->result] = weights;
	t->bytes[t->result] = vc_md_size(plain);
	return status;
}

/* The distance of two trials' results, relative to the first one's norm. */
static double
relative_error(const trial *a, const trial *b)
{
	const float *x = a->data[a->result];
	const float *y = b->data[b->result];
	size_t		count = a->bytes[a->result] / sizeof(float);
	double		norm = 0;
	double		distance = 0;

	for (size_t i = 0; i < count; i += count / COMPARED + 1)
	{
		norm += (double) x[i] * x[i];
		distance += ((double) x[i] - y[i]) * ((double) x[i] - y[i]);
	}
	return sqrt(distance / (norm > 0 ? norm : 1));
}

/* Times one algorithm; t->desc stays NULL if oneDNN does not have it. */
static vc_status
try_algorithm(vc_plan *plan, const trial_key *key, bool winograd, vc_md plain,
			  double best, trial *t, vc_error *error)
{
	dnnl_primitive_attr_t attr = NULL;
	vc_status	status;

	if (dnnl_primitive_attr_create(&attr) != dnnl_success)
		return vc_cpu_dnnl_failed(error, dnnl_out_of_memory, "convolution attributes");
	dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
	status = vc_cpu_convolution_desc(plan->device, &key->shape, key->count, key->direction,
									 winograd, NULL, false, attr, &t->desc, error);
	dnnl_primitive_attr_destroy(attr);
	if (status != VC_OK || t->desc == NULL)
		return status;
	if ((status = trial_create(plan, key->direction, plain, t, error)) != VC_OK ||
		(status = trial_run(plan, key->direction, best, t, error)) != VC_OK)
		return status;
	if (key->direction == VC_BACKWARD_WEIGHTS)
		status = unpack_result(plan, plain, t, error);
	return status;
}

/* Times both algorithms; *winograd stays false if there is only one. */
static vc_status
compare_algorithms(vc_plan *plan, const trial_key *key, bool *winograd, vc_error *error)
{
	dnnl_dim_t	dims[4] = {
		key->shape.out_channels, key->shape.channels, key->shape.kernel, key->shape.kernel
	};
	vc_md		plain = vc_md_create(4, dims, dnnl_oihw);
	trial		trials[2] = {{0}};
	vc_status	status = plain != NULL ? VC_OK : vc_cpu_md_failed(error);

	omp_set_num_threads(1);
	if (status == VC_OK)
		status = try_algorithm(plan, key, true, plain, HUGE_VAL, &trials[1], error);
	if (status == VC_OK && trials[1].desc != NULL)
		status = try_algorithm(plan, key, false, plain, trials[1].seconds, &trials[0], error);
	if (status == VC_OK && trials[0].desc != NULL)
		*winograd = trials[1].seconds < trials[0].seconds &&
			relative_error(&trials[0], &trials[1]) < MAX_ERROR;
	omp_set_num_threads(plan->device->threads);
	for (int i = 0; i < 2; i++)
		trial_free(&trials[i]);
	vc_md_free(plain);
	return status;
}

vc_status
vc_cpu_choose(vc_plan *plan, const vc_cpu_shape *shape, int count,
			  vc_direction direction, bool *winograd, vc_error *error)
{
	trial_key	key;
	int64_t		pixels = (int64_t) shape->out_height * shape->out_width;
	int			batch = MIN_BATCH;
	vc_status	status;

	*winograd = false;
	if (!VC_DNNL_WINOGRAD || plan->options.algorithm == VC_ALGORITHM_DIRECT || count < MIN_BATCH ||
		shape->kernel != 3 || shape->stride != 1 || vc_cpu_is_int8(shape->source))
		return VC_OK;
	while (batch * pixels < ENOUGH_PIXELS && batch * 2 <= count)
		batch *= 2;
	memset(&key, 0, sizeof(key));
	key.shape = *shape;
	key.count = batch;
	key.direction = direction;
	if (find_choice(&key, winograd))
		return VC_OK;
	if (!vc_cpu_shared_choice(plan, &key, sizeof(key), winograd))
	{
		if ((status = compare_algorithms(plan, &key, winograd, error)) != VC_OK)
			return status;
		vc_cpu_share_choice(plan, &key, sizeof(key), *winograd);
	}
	remember_choice(&key, *winograd);
	return VC_OK;
}

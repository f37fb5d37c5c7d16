/*
 * gpu.c
 *		A GPU's speed without PostgreSQL, as lines of "name value unit".
 *
 *	gpu [-d device] [-n architecture] [-s size] [-b batch,batch,...] [-t threads]
 *		[-k seconds] [-p precision] [-w train|infer] [IMAGE...]
 *
 * Training steps and forward passes on random images, batch by batch, after
 * the plan is made and its graphs are captured: from host memory, sent in the
 * call or ahead of it, and from images kept on the device.  With JPEG files also from their bytes to labels,
 * decoded by the pool.  Memory is what the plan holds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/image/image.h"
#include "test/unit/load_device.h"
#include "engine/image/pool.h"
#include "test/unit/small_networks.h"

#define CLASSES 10

typedef struct bench
{
	const vc_device_api *api;
	vc_device  *device;
	vc_network *network;
	float	  **parameters;
	vc_precision precision;
	double		seconds;		/* that a number is measured over */
	int			threads;
	const char *what;			/* "train" or "infer" only; NULL: both */
} bench;

static vc_error error;

/* Ends the program where a call failed. */
static void
must(vc_status status, const char *what)
{
	if (status == VC_OK)
		return;
	fprintf(stderr, "gpu: %s: %s. %s\n", what, error.message, error.hint);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* A plan with its parameters set; NULL where the batch is too large. */
static vc_plan *
make_plan(const bench *b, vc_purpose purpose, int batch)
{
	vc_plan_options options = {.purpose = purpose,.precision = b->precision,.max_batch = batch};
	vc_plan    *plan = NULL;
	vc_status	status = b->api->plan(b->device, b->network, &options, &plan, &error);

	if (status == VC_OUT_OF_MEMORY)
	{
		printf("# batch %d: %s\n", batch, error.message);
		return NULL;
	}
	must(status, "plan");
	for (int i = 0; i < b->network->parameter_count; i++)
		if (b->parameters[i] != NULL)
			must(b->api->set_parameter(plan, i, b->parameters[i], &error), "set_parameter");
	return plan;
}

/* What is timed: one call on a batch. */
typedef struct work
{
	const bench *b;
	vc_plan    *plan;
	const uint8_t *images;		/* NULL: kept ones */
	const uint8_t *next;		/* sent ahead while a call runs; NULL: not */
	vc_images  *kept;
	int64_t    *rows;
	vc_targets *targets;		/* NULL: forward */
	int			batch;
	int64_t		step;
	float	   *logits;
} work;

static void
call(work *w)
{
	const bench *b = w->b;
	vc_step		step = {.rate = {1e-5f, 1e-5f, 1e-5f},.momentum = 0.9f,.square_momentum = 0.99f,
	.epsilon = 1e-5f,.step = ++w->step};
	float		loss;

	if (w->next != NULL)
		must(b->api->images_ahead(w->plan, w->next, w->batch, &error), "images_ahead");
	if (w->images == NULL)
		must(b->api->images_select(w->plan, w->kept, w->rows, w->batch, &error), "images_select");
	if (w->targets != NULL)
		must(b->api->train_step(w->plan, w->images, w->targets, w->batch, &step, &loss, NULL,
								&error), "train_step");
	else
		must(b->api->forward(w->plan, w->images, w->batch, w->logits, NULL, &error), "forward");
	if (w->next != NULL)
	{
		const uint8_t *sent = w->images;

		w->images = w->next;
		w->next = sent;
	}
}

/* Images a second. */
static double
rate(work *w)
{
	double		start;
	double		end;
	int			calls = 0;

	for (int i = 0; i < 4; i++)
		call(w);				/* planned, captured, replayed */
	start = now();
	do
	{
		call(w);
		calls++;
		end = now();
	} while (end - start < w->b->seconds);
	return calls * w->batch / (end - start);
}

static void
tell(const bench *b, const char *what, int batch, double value, const char *unit)
{
	printf("%s_%s_%d %.1f %s\n", b->network->architecture, what, batch, value, unit);
	fflush(stdout);
}

/* One batch size: from the host's memory and from the device's. */
static void
time_batch(const bench *b, vc_purpose purpose, int batch)
{
	bool		trains = purpose == VC_TRAINING;
	int			size = b->network->image_size;
	work		w = {.b = b,.batch = batch,.plan = make_plan(b, purpose, batch)};
	uint8_t    *images;
	uint8_t    *others = NULL;

	if (w.plan == NULL)
		return;
	w.images = images = random_images(batch, size, 1);
	w.targets = trains ? random_targets(batch, CLASSES, LABELS, 1) : NULL;
	w.logits = malloc(sizeof(float) * CLASSES * (size_t) batch);
	w.rows = malloc(sizeof(int64_t) * (size_t) batch);
	for (int i = 0; i < batch; i++)
		w.rows[i] = i;
	tell(b, trains ? "train" : "infer", batch, rate(&w), "images/s");
	if (b->api->images_ahead != NULL)
	{
		w.next = others = random_images(batch, size, 2);
		tell(b, trains ? "train_ahead" : "infer_ahead", batch, rate(&w), "images/s");
		w.next = NULL;
	}
	if (b->api->images_create != NULL &&
		b->api->images_create(b->device, batch, (int64_t) size * size * 3, &w.kept, &error) == VC_OK)
	{
		must(b->api->images_put(w.kept, 0, images, batch, &error), "images_put");
		w.images = NULL;
		tell(b, trains ? "train_kept" : "infer_kept", batch, rate(&w), "images/s");
		b->api->images_free(w.kept);
	}
	tell(b, trains ? "train_memory" : "infer_memory", batch,
		 (double) b->api->plan_memory(w.plan) / 1048576, "MiB");
	b->api->plan_free(w.plan);
	free(images);
	free(others);
	free(w.targets);
	free(w.logits);
	free(w.rows);
}

static bool
wanted(const bench *b, const char *what)
{
	return b->what == NULL || strcmp(b->what, what) == 0;
}

/* Reads a file whole. */
static vc_decode_job
read_job(const char *path, size_t image_bytes)
{
	vc_decode_job job = {0};
	FILE	   *file = fopen(path, "rb");
	long		size;
	uint8_t    *data;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0)
	{
		perror(path);
		exit(1);
	}
	rewind(file);
	data = malloc((size_t) size + 1);
	job.size = fread(data, 1, (size_t) size, file);
	job.data = data;
	job.out = malloc(image_bytes);
	fclose(file);
	return job;
}

/*
 * From bytes to labels: while one batch runs on the device the next is
 * decoded.  Beside it decoding alone, by all threads and by one.
 */
static void
time_files(const bench *b, char **paths, int path_count, int batch)
{
	int			size = b->network->image_size;
	size_t		bytes = (size_t) size * (size_t) size * 3;
	vc_decode_options options = {.size = size,.resize = VC_RESIZE_SQUISH,.limits.pixels = 100000000};
	vc_decode_job *jobs = calloc(2 * (size_t) batch, sizeof(*jobs));
	uint8_t    *images = malloc(bytes * (size_t) batch);
	float	   *logits = malloc(sizeof(float) * CLASSES * (size_t) batch);
	vc_plan    *plan = make_plan(b, VC_INFERENCE, batch);

	for (int i = 0; i < 2 * batch; i++)
		jobs[i] = read_job(paths[i % path_count], bytes);
	for (int mode = 0; mode < 3; mode++)
	{
		static const char *const names[] = {"jpeg_decode_one_thread", "jpeg_decode", "jpeg_labels"};
		vc_pool    *pool;
		double		start;
		int			calls = 0;

		must(vc_pool_create(mode == 0 ? 1 : b->threads, &pool, &error), "pool");
		vc_pool_decode(pool, jobs, batch, &options);
		start = now();
		do
		{
			vc_decode_job *done = jobs + (calls % 2) * batch;

			while (!vc_pool_wait(pool, 1000))
				;
			vc_pool_decode(pool, jobs + ((calls + 1) % 2) * batch, batch, &options);
			for (int i = 0; i < batch; i++)
				memcpy(images + bytes * (size_t) i, done[i].out, bytes);
			if (mode == 2 && plan != NULL)
				must(b->api->forward(plan, images, batch, logits, NULL, &error), "forward");
			calls++;
		} while (now() - start < 2 * b->seconds);
		tell(b, names[mode], batch, calls * batch / (now() - start), "images/s");
		vc_pool_free(pool);
	}
	for (int i = 0; i < 2 * batch; i++)
	{
		free((void *) jobs[i].data);
		free(jobs[i].out);
	}
	if (plan != NULL)
		b->api->plan_free(plan);
	free(jobs);
	free(images);
	free(logits);
}

static vc_precision
precision_of(const char *name)
{
	static const char *const names[] = {"auto", "float32", "tf32", "bfloat16", "float16"};

	for (int i = 0; i < 5; i++)
		if (strcmp(names[i], name) == 0)
			return (vc_precision) i;
	fprintf(stderr, "gpu: no precision %s\n", name);
	exit(2);
}

int
main(int argc, char **argv)
{
	bench		b = {.seconds = 1,.threads = (int) sysconf(_SC_NPROCESSORS_ONLN)};
	const char *device = "cuda";
	const char *architecture = "resnet18";
	char		batches[256] = "1,8,32,64,128,256,512";
	int			size = 224;
	int			option;

	while ((option = getopt(argc, argv, "d:n:s:b:t:k:p:w:")) != -1)
		switch (option)
		{
			case 'd': device = optarg; break;
			case 'n': architecture = optarg; break;
			case 's': size = atoi(optarg); break;
			case 'b': snprintf(batches, sizeof(batches), "%s", optarg); break;
			case 't': b.threads = atoi(optarg); break;
			case 'k': b.seconds = atof(optarg); break;
			case 'p': b.precision = precision_of(optarg); break;
			case 'w': b.what = optarg; break;
			default: return 2;
		}
	if (!wanted(&b, "train") && !wanted(&b, "infer"))
	{
		fprintf(stderr, "gpu: -w is train or infer, not %s\n", b.what);
		return 2;
	}
	b.api = load_device(device, &error);
	b.device = b.api != NULL ? open_device(b.api, b.threads, &error) : NULL;
	must(b.device != NULL ? VC_OK : VC_UNSUPPORTED, device);
	b.network = whole_network(architecture, VC_HEAD_CONCAT, size, CLASSES, 0.5f);
	if (b.network == NULL)
		return 2;
	b.parameters = random_parameters(b.network, 1);
	for (char *batch = strtok(batches, ","); batch != NULL; batch = strtok(NULL, ","))
	{
		if (wanted(&b, "infer"))
			time_batch(&b, VC_INFERENCE, atoi(batch));
		if (wanted(&b, "train") && atoi(batch) > 1)
			time_batch(&b, VC_TRAINING, atoi(batch));
	}
	if (optind < argc)
		time_files(&b, argv + optind, argc - optind, 256);
	free_parameters(b.network, b.parameters);
	vc_network_free(b.network);
	b.api->close(b.device);
	return 0;
}

/*
 * test_cuda.c
 *		The CUDA device on an emulated GPU: what goes wrong, and what is left.
 *
 * build/conformance cuda-emulated holds its numbers to the oracle; this
 * program makes calls fail, memory run out and batches overflow, and counts
 * what is not freed.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/load_device.h"
#include "test/unit/small_networks.h"
#include "test/unit/tap.h"

#define BATCH 6

static const vc_device_api *api;

/* test/emulate/cuda_runtime_api.h */
static void (*emulate_device) (int capability, size_t bytes, int count_error, int driver);
static void (*emulate_compute_mode) (int mode);
static void (*emulate_nvml) (int there);
static int	(*emulate_contexts) (void);
static size_t (*emulate_allocated) (void);
static int	(*emulate_objects) (void);
static int	(*emulate_graph_launches) (void);
static void (*emulate_fail) (int call);

static const vc_step step = {.rate = {1e-3f, 1e-3f, 1e-3f},.momentum = 0.9f,
.square_momentum = 0.99f,.epsilon = 1e-5f,.step = 1,.seed = 3};

static void *
symbol(void *module, const char *name)
{
	void	   *address = dlsym(module, name);

	if (address == NULL)
	{
		printf("Bail out!  %s\n", dlerror());
		exit(1);
	}
	return address;
}

/* Ends the program: the rest would mean nothing. */
static void
give_up(const vc_error *error)
{
	printf("Bail out!  %s\n", error->message);
	exit(1);
}

static void
load(void)
{
	void	   *module = dlopen("build/visclf_cuda_emulated.so", RTLD_NOW);
	vc_error	error = {0};

	api = load_device("cuda-emulated", &error);
	if (module == NULL || api == NULL)
		give_up(&error);
	emulate_device = symbol(module, "emulate_device");
	emulate_compute_mode = symbol(module, "emulate_compute_mode");
	emulate_nvml = symbol(module, "emulate_nvml");
	emulate_contexts = symbol(module, "emulate_contexts");
	emulate_allocated = symbol(module, "emulate_allocated");
	emulate_objects = symbol(module, "emulate_objects");
	emulate_graph_launches = symbol(module, "emulate_graph_launches");
	emulate_fail = symbol(module, "emulate_fail");
}

/* A device, a network and a batch. */
typedef struct bench
{
	vc_network *network;
	float	  **parameters;
	uint8_t    *images;
	vc_targets *targets;
	vc_device  *device;
	vc_plan    *plan;
	vc_images  *kept;
} bench;

static bench
make_bench(void)
{
	bench		b = {.network = whole_network("resnet20", VC_HEAD_CONCAT, 16, 3, 0.5f)};

	b.parameters = random_parameters(b.network, 3);
	b.images = random_images(BATCH, b.network->image_size, 4);
	b.targets = random_targets(BATCH, b.network->classes, LABELS, 4);
	return b;
}

static void
close_bench(bench *b)
{
	if (b->plan != NULL)
		api->plan_free(b->plan);
	if (b->kept != NULL)
		api->images_free(b->kept);
	if (b->device != NULL)
		api->close(b->device);
	b->plan = NULL;
	b->kept = NULL;
	b->device = NULL;
}

static void
free_bench(bench *b)
{
	close_bench(b);
	free_parameters(b->network, b->parameters);
	vc_network_free(b->network);
	free(b->images);
	free(b->targets);
}

static vc_status
open_plan(bench *b, vc_precision precision, bool (*interrupted) (void *), void *argument,
		  vc_error *error)
{
	vc_plan_options options = {.purpose = VC_TRAINING,.precision = precision,
		.max_batch = BATCH,.interrupted = interrupted,.interrupt_argument = argument};
	vc_status	status = VC_OK;

	if (b->device == NULL)
		status = api->open(0, 1, &b->device, error);
	if (status == VC_OK)
		status = api->plan(b->device, b->network, &options, &b->plan, error);
	for (int i = 0; i < b->network->parameter_count && status == VC_OK; i++)
		if (b->parameters[i] != NULL)
			status = api->set_parameter(b->plan, i, b->parameters[i], error);
	return status;
}

static vc_status
train(bench *b, float *loss, vc_error *error)
{
	return api->train_step(b->plan, b->images, b->targets, BATCH, &step, loss, NULL, error);
}

/* Where nothing can be computed: precisely why. */
static void
test_reasons(void)
{
	static const struct
	{
		int			capability;
		int			count_error;
		int			driver;
		const char *says;
	}			list[] =
	{
		{90, 35, 0, "no NVIDIA driver"},
		{90, 35, 11040, "is for CUDA 11.4, visclf was built with CUDA 13.0"},
		{90, 100, 13000, "finds no GPU"},
		{61, 0, 13000, "compute capability 6.1 is below 7.5"},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
	{
		vc_device_info info[4];
		vc_error	error = {0};
		int			count = -1;
		vc_status	status;

		memset(info, 0, sizeof(info));
		emulate_device(list[i].capability, (size_t) 8 << 30, list[i].count_error, list[i].driver);
		status = api->survey(info, 4, &count, &error);
		if (list[i].count_error != 0)
			ok(status == VC_UNSUPPORTED && strstr(error.message, list[i].says) != NULL,
			   "no device: %s", error.message);
		else
			ok(status == VC_OK && count == 1 && !info[0].usable &&
			   strstr(info[0].reason, list[i].says) != NULL, "not usable: %s", info[0].reason);
	}
	emulate_device(90, (size_t) 8 << 30, 0, 13000);
}

/* What can be asked without a context, which takes memory of the card. */
static void
test_probe(void)
{
	vc_device_info info[4];
	vc_error	error = {0};
	vc_device  *device = NULL;
	int			count = 0;

	if (api->survey(info, 4, &count, &error) != VC_OK)
		give_up(&error);
	ok(info[0].usable && info[0].memory == (int64_t) 8 << 30 &&
	   info[0].memory_free == info[0].memory, "%s has %lld bytes, %lld free", info[0].name, (long long) info[0].memory,
	   (long long) info[0].memory_free);
	emulate_nvml(0);
	ok(api->survey(info, 4, &count, &error) == VC_OK && info[0].usable &&
	   info[0].memory_free == -1, "without NVML it is not known what is free");
	emulate_nvml(1);
	emulate_compute_mode(2);
	ok(api->survey(info, 4, &count, &error) == VC_OK && !info[0].usable &&
	   strstr(info[0].reason, "prohibited") != NULL, "not usable: %s", info[0].reason);
	emulate_compute_mode(0);
	ok(emulate_contexts() == 0, "nobody asked for a context");
	if (api->open(0, 1, &device, &error) != VC_OK)
		give_up(&error);
	ok(emulate_contexts() > 0, "opening a device does");
	api->close(device);
	ok(emulate_objects() == 0, "nothing is left open");
}

/* Precisions that a card lacks are refused; auto takes one that it has. */
static void
test_precisions(void)
{
	bench		b = make_bench();
	vc_error	error = {0};
	float		loss;

	emulate_device(75, (size_t) 8 << 30, 0, 13000);
	ok(open_plan(&b, VC_BFLOAT16, NULL, NULL, &error) == VC_UNSUPPORTED && error.hint[0] != '\0',
	   "bfloat16 on 7.5: %s", error.message);
	ok(open_plan(&b, VC_TF32, NULL, NULL, &error) == VC_UNSUPPORTED,
	   "TF32 on 7.5: %s", error.message);
	ok(open_plan(&b, VC_PRECISION_AUTO, NULL, NULL, &error) == VC_OK &&
	   train(&b, &loss, &error) == VC_OK && isfinite(loss), "auto on 7.5 trains");
	free_bench(&b);
	emulate_device(90, (size_t) 8 << 30, 0, 13000);
}

/* Too little memory: both numbers, and a batch that does fit. */
static void
test_memory(void)
{
	bench		b = make_bench();
	vc_error	error = {0};
	vc_plan_options options = {.purpose = VC_TRAINING,.max_batch = 4096};
	vc_plan    *plan = NULL;
	const char *number;
	vc_status	status;

	emulate_device(90, (size_t) 64 << 20, 0, 13000);
	if (api->open(0, 1, &b.device, &error) != VC_OK)
		give_up(&error);
	status = api->plan(b.device, b.network, &options, &plan, &error);
	ok(status == VC_OUT_OF_MEMORY && strstr(error.message, "MiB are free") != NULL,
	   "too large a batch: %s", error.message);
	number = strpbrk(error.hint, "0123456789");
	diag("%s", error.hint);
	options.max_batch = number != NULL ? atoi(number) : 0;
	ok(options.max_batch > 1 && api->plan(b.device, b.network, &options, &plan, &error) == VC_OK,
	   "a batch of %d does fit", options.max_batch);
	if (plan != NULL)
		api->plan_free(plan);
	ok(api->images_create(b.device, 1000000, 768, &b.kept, &error) == VC_OUT_OF_MEMORY,
	   "too many images to keep: %s", error.message);
	b.kept = NULL;
	free_bench(&b);
	ok(emulate_allocated() == 0 && emulate_objects() == 0, "all of it is freed");
	emulate_device(90, (size_t) 8 << 30, 0, 13000);
}

/* Everything that may fail, once; a status other than VC_OK where it did. */
static vc_status
whole_life(bench *b, vc_error *error)
{
	int64_t		rows[BATCH] = {5, 4, 3, 2, 1, 0};
	float		logits[BATCH * 3];
	float		loss;
	vc_status	status = open_plan(b, VC_FLOAT16, NULL, NULL, error);

	if (status == VC_OK)
		status = api->images_create(b->device, BATCH, 16 * 16 * 3, &b->kept, error);
	if (status == VC_OK)
		status = api->images_put(b->kept, 0, b->images, BATCH, error);
	for (int i = 0; i < 3 && status == VC_OK; i++)
	{
		status = api->images_ahead(b->plan, b->images, BATCH, error);
		if (status == VC_OK)
			status = train(b, &loss, error);
	}
	if (status == VC_OK)
		status = api->images_select(b->plan, b->kept, rows, BATCH, error);
	if (status == VC_OK)
		status = api->forward(b->plan, NULL, BATCH, logits, NULL, error);
	return status;
}

/* Each call of CUDA and cuDNN fails in turn: an error, and nothing is left. */
static void
test_failures(void)
{
	bench		b = make_bench();
	int			failed = 0;
	int			silent = 0;
	int			leaks = 0;
	int			wordless = 0;
	bool		more = true;

	for (int call = 1; more; call += call < 150 ? 1 : 11)
	{
		vc_error	error = {0};
		vc_status	status;

		emulate_fail(call);
		status = whole_life(&b, &error);
		more = status != VC_OK || call < 150;
		silent += status == VC_OK;
		failed += status != VC_OK;
		wordless += status != VC_OK && error.message[0] == '\0';
		emulate_fail(0);
		close_bench(&b);
		leaks += emulate_allocated() != 0 || emulate_objects() != 0;
	}
	diag("%d calls failed, %d failures did no harm", failed, silent);
	ok(failed > 140, "calls fail one after the other");
	ok(wordless == 0, "every failure says what it is");
	ok(leaks == 0, "nothing is left after any of them");
	free_bench(&b);
}

static bool
stop(void *argument)
{
	return --*(int *) argument <= 0;
}

/* Canceled trainings leave memory as it was. */
static void
test_cancel(void)
{
	bench		b = make_bench();
	vc_error	error = {0};
	size_t		before;
	int			canceled = 0;

	if (api->open(0, 1, &b.device, &error) != VC_OK)
		give_up(&error);
	before = emulate_allocated();
	for (int i = 0; i < 100; i++)
	{
		int			left = 1 + i % 24;
		vc_status	status = open_plan(&b, VC_PRECISION_AUTO, stop, &left, &error);
		float		loss;

		for (int k = 0; k < 3 && status == VC_OK; k++)
			status = train(&b, &loss, &error);
		canceled += status == VC_CANCELED;
		if (b.plan != NULL)
			api->plan_free(b.plan);
		b.plan = NULL;
	}
	ok(canceled > 90, "%d of 100 trainings were canceled", canceled);
	ok(emulate_allocated() == before, "%zu bytes are allocated, as before", emulate_allocated());
	free_bench(&b);
}

/* Images on the device train as images from the host do; replays as first runs. */
static void
test_kept_images(void)
{
	bench		a = make_bench();
	bench		b = make_bench();
	int64_t		rows[BATCH];
	int64_t		outside = BATCH;
	int			replays = emulate_graph_launches();
	bool		same = true;
	vc_error	error = {0};

	if (open_plan(&a, VC_FLOAT32, NULL, NULL, &error) != VC_OK ||
		open_plan(&b, VC_FLOAT32, NULL, NULL, &error) != VC_OK ||
		api->images_create(b.device, BATCH, 16 * 16 * 3, &b.kept, &error) != VC_OK ||
		api->images_put(b.kept, 0, b.images, BATCH, &error) != VC_OK)
		give_up(&error);
	for (int i = 0; i < BATCH; i++)
		rows[i] = i;
	for (int k = 0; k < 4; k++)
	{
		float		from_host = 0;
		float		from_device = 1;

		train(&a, &from_host, &error);
		same = same && api->images_select(b.plan, b.kept, rows, BATCH, &error) == VC_OK &&
			api->train_step(b.plan, NULL, b.targets, BATCH, &step, &from_device, NULL,
							&error) == VC_OK && from_host == from_device;
	}
	ok(same, "four steps on kept images are those on images from the host");
	ok(emulate_graph_launches() - replays == 6, "of eight steps %d were replayed",
	   emulate_graph_launches() - replays);
	ok(api->train_step(b.plan, NULL, b.targets, BATCH, &step, &(float) {0}, NULL, &error) ==
	   VC_INVALID_ARGUMENT, "a step without images: %s", error.message);
	ok(api->images_select(b.plan, b.kept, &outside, 1, &error) == VC_INVALID_ARGUMENT,
	   "a row that is not there: %s", error.message);
	free_bench(&a);
	free_bench(&b);
}

/* Fewer images than the plan's batch: engines and graphs of a few sizes serve all. */
static void
test_counts(void)
{
	bench		b = make_bench();
	float		whole[BATCH * 3];
	bool		same = true;
	int			replays;
	vc_error	error = {0};

	if (open_plan(&b, VC_FLOAT32, NULL, NULL, &error) != VC_OK ||
		api->forward(b.plan, b.images, BATCH, whole, NULL, &error) != VC_OK)
		give_up(&error);
	replays = emulate_graph_launches();
	for (int count = 1; count <= BATCH; count++)
	{
		float		part[BATCH * 3];

		if (api->forward(b.plan, b.images, count, part, NULL, &error) != VC_OK)
			give_up(&error);
		for (int i = 0; i < count * 3; i++)
			same = same && fabsf(part[i] - whole[i]) < 1e-5f;
	}
	ok(same, "1 to %d images give the logits that %d give", BATCH, BATCH);
	ok(emulate_graph_launches() - replays == 3, "%d of these passes were replayed",
	   emulate_graph_launches() - replays);
	free_bench(&b);
}

/* A validation of two sizes between trainings: each kind of call has its graph. */
static void
test_kinds(void)
{
	bench		b = make_bench();
	float		logits[BATCH * 3];
	float		loss;
	int			replays;
	vc_error	error = {0};

	if (open_plan(&b, VC_FLOAT32, NULL, NULL, &error) != VC_OK)
		give_up(&error);
	for (int epoch = 0; epoch < 3; epoch++)
	{
		replays = emulate_graph_launches();
		if (train(&b, &loss, &error) != VC_OK ||
			api->forward(b.plan, b.images, BATCH, logits, NULL, &error) != VC_OK ||
			api->forward(b.plan, b.images, 2, logits, NULL, &error) != VC_OK)
			give_up(&error);
	}
	ok(emulate_graph_launches() - replays == 3, "in the third epoch %d of 3 calls are replayed",
	   emulate_graph_launches() - replays);
	free_bench(&b);
}

/* A graph that cannot be captured: the calls run, and nobody tries again. */
static void
test_no_graph(void)
{
	bool		found = false;

	for (int call = 1; call < 20 && !found; call++)
	{
		bench		b = make_bench();
		vc_error	error = {0};
		float		loss[4];
		int			replays;

		if (open_plan(&b, VC_FLOAT32, NULL, NULL, &error) != VC_OK ||
			train(&b, &loss[0], &error) != VC_OK)
			give_up(&error);
		replays = emulate_graph_launches();
		emulate_fail(call);
		found = train(&b, &loss[1], &error) == VC_OK && emulate_graph_launches() == replays;
		emulate_fail(0);
		if (found)
			ok(train(&b, &loss[2], &error) == VC_OK && train(&b, &loss[3], &error) == VC_OK &&
			   emulate_graph_launches() == replays, "where call %d fails, steps run without a graph",
			   call);
		free_bench(&b);
	}
	ok(found, "some call that fails is the graph's");
}

/* More images than the pinned buffers hold arrive where they belong. */
static void
test_many_images(void)
{
	const int	count = 20000;
	bench		b = make_bench();
	uint8_t    *many = random_images(count, b.network->image_size, 5);
	size_t		bytes = 16 * 16 * 3;
	int64_t		rows[BATCH] = {0, 5461, 5462, 10922, 10923, 19999};
	float		kept = NAN;
	float		sent = 0;
	vc_error	error = {0};

	for (int i = 0; i < BATCH; i++)
		memcpy(b.images + bytes * (size_t) i, many + bytes * (size_t) rows[i], bytes);
	if (open_plan(&b, VC_FLOAT32, NULL, NULL, &error) != VC_OK ||
		api->images_create(b.device, count, (int64_t) bytes, &b.kept, &error) != VC_OK ||
		api->images_put(b.kept, 0, many, count, &error) != VC_OK ||
		api->images_select(b.plan, b.kept, rows, BATCH, &error) != VC_OK ||
		api->train_step(b.plan, NULL, b.targets, BATCH, &step, &kept, NULL, &error) != VC_OK)
		give_up(&error);
	api->plan_free(b.plan);
	if (open_plan(&b, VC_FLOAT32, NULL, NULL, &error) != VC_OK || train(&b, &sent, &error) != VC_OK)
		give_up(&error);
	ok(kept == sent, "%zu MiB of images lie where they belong", bytes * (size_t) count >> 20);
	free_bench(&b);
	free(many);
}

/* A step on some images, while others are sent; NULL: none. */
static float
train_on(bench *b, const uint8_t *images, const uint8_t *others)
{
	float		loss = NAN;
	vc_error	error = {0};

	if ((others != NULL && api->images_ahead(b->plan, others, BATCH, &error) != VC_OK) ||
		api->train_step(b->plan, images, b->targets, BATCH, &step, &loss, NULL, &error) != VC_OK)
		give_up(&error);
	return loss;
}

/* Images that are sent while the step before runs train as those sent in the step do. */
static void
test_ahead(void)
{
	bench		a = make_bench();
	bench		b = make_bench();
	uint8_t    *images[3];
	bool		same = true;
	vc_error	error = {0};

	if (open_plan(&a, VC_FLOAT32, NULL, NULL, &error) != VC_OK ||
		open_plan(&b, VC_FLOAT32, NULL, NULL, &error) != VC_OK)
		give_up(&error);
	for (int i = 0; i < 3; i++)
		images[i] = random_images(BATCH, b.network->image_size, 10 + (uint64_t) i);
	for (int k = 0; k < 6; k++)
		same = same && train_on(&a, images[k % 2], NULL) ==
			train_on(&b, images[k % 2], images[(k + 1) % 2]);
	ok(same, "six steps on images sent ahead");
	same = train_on(&a, images[2], NULL) == train_on(&b, images[2], NULL) &&
		train_on(&a, images[0], NULL) == train_on(&b, images[0], images[1]) &&
		train_on(&a, images[2], NULL) == train_on(&b, images[2], NULL) &&
		train_on(&a, images[1], NULL) == train_on(&b, images[1], images[0]);
	ok(same, "others between them");
	ok(api->images_ahead(b.plan, images[0], BATCH + 1, &error) == VC_INVALID_ARGUMENT,
	   "too many: %s", error.message);
	free_bench(&a);
	free_bench(&b);
	for (int i = 0; i < 3; i++)
		free(images[i]);
	ok(emulate_allocated() == 0 && emulate_objects() == 0, "nothing is left of what was under way");
}

/*
 * A float16 gradient that overflows is made again with the loss scaled less.
 * What is compared are gradients across relus, some of which differ; one that
 * had overflown would be infinite or zero.
 */
static void
test_overflow(void)
{
	bench		exact = make_bench();
	bench		half = make_bench();
	int			index = vc_network_find(exact.network, "conv1.weight");
	int			head = exact.network->parameter_count - 2;
	int			mean = vc_network_find(exact.network, "bn1.running_mean");
	int64_t		count = exact.network->parameters[index].count;
	float	   *expected = malloc(sizeof(float) * (size_t) count);
	float	   *got = malloc(sizeof(float) * (size_t) count);
	float		moved[2][16];
	float		loss[2];
	double		difference = 0;
	double		size = 0;
	vc_error	error = {0};

	for (int64_t i = 0; i < exact.network->parameters[head].count; i++)
		exact.parameters[head][i] = half.parameters[head][i] *= 100;
	if (open_plan(&exact, VC_FLOAT32, NULL, NULL, &error) != VC_OK ||
		open_plan(&half, VC_FLOAT16, NULL, NULL, &error) != VC_OK ||
		train(&exact, &loss[0], &error) != VC_OK || train(&half, &loss[1], &error) != VC_OK ||
		api->get_gradient(exact.plan, index, expected, &error) != VC_OK ||
		api->get_gradient(half.plan, index, got, &error) != VC_OK ||
		api->get_parameter(exact.plan, mean, moved[0], &error) != VC_OK ||
		api->get_parameter(half.plan, mean, moved[1], &error) != VC_OK)
		give_up(&error);
	for (int64_t i = 0; i < count; i++)
	{
		difference += pow((double) got[i] - expected[i], 2);
		size += pow(expected[i], 2);
	}
	ok(sqrt(difference / size) < 0.8, "gradients of norm %.3g: float16's differ by %.2g",
	   sqrt(size), sqrt(difference / size));
	ok(fabsf(moved[0][3] - moved[1][3]) < 1e-3f * fabsf(moved[0][3]) + 1e-5f,
	   "the running statistics have moved once");
	free(expected);
	free(got);
	free_bench(&exact);
	free_bench(&half);
}

int
main(void)
{
	load();
	test_reasons();
	test_probe();
	test_precisions();
	test_memory();
	test_kept_images();
	test_many_images();
	test_ahead();
	test_counts();
	test_kinds();
	test_no_graph();
	test_overflow();
	test_cancel();
	test_failures();
	return done();
}

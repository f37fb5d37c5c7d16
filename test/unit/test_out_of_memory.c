/*
 * test_out_of_memory.c
 *		The CPU device where memory or threads run out: an error, never a crash.
 *
 * Each try is a process of its own with a limit on its address space, from far
 * too little to enough, so that the memory ends at another place each time.
 */
#include "test/unit/memory_use.h"
#include "test/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/load_device.h"
#include "test/unit/small_networks.h"

#define MB		((size_t) 1024 * 1024)
#define BATCH	8
#define SIZE	32
#define CLASSES 10
#define NOBODY	65534

/* How a try ended. */
enum
{
	DONE = 100,				/* libgomp exits with 1 */
	NO_MEMORY,
	OTHER_ERROR,
	CRASHED
};

static const vc_network *network;
static float *const *parameters;
static float *ranges;
static const uint8_t *images;
static const vc_targets *targets;

static vc_status
run_plan(const vc_device_api *api, vc_device *device, vc_purpose purpose, vc_precision precision,
		 vc_error *error)
{
	static float logits[BATCH * CLASSES];
	vc_plan_options options = {.purpose = purpose,.precision = precision,.max_batch = BATCH,
		.ranges = precision == VC_INT8 ? ranges : NULL};
	vc_step		step = {.rate = {0.1f, 0.1f, 0.1f},.momentum = 0.9f,.square_momentum = 0.99f,
		.epsilon = 1e-5f,.step = 1
	};
	vc_plan    *plan = NULL;
	float		loss;
	vc_status	status = api->plan(device, network, &options, &plan, error);

	for (int i = 0; i < network->parameter_count && status == VC_OK; i++)
		if (parameters[i] != NULL)
			status = api->set_parameter(plan, i, parameters[i], error);
	if (status == VC_OK && purpose == VC_TRAINING)
		status = api->train_step(plan, images, targets, BATCH, &step, &loss, logits, error);
	else if (status == VC_OK)
		status = api->forward(plan, images, BATCH, logits, NULL, error);
	api->plan_free(plan);
	return status;
}

/* Classifies and trains with so much more address space than there is, and so many processes. */
static int
attempt(size_t more, rlim_t processes, int threads)
{
	rlim_t		limit = more == SIZE_MAX ? RLIM_INFINITY : address_space() + more;
	vc_error	error = {0};
	const vc_device_api *api = load_device("cpu", &error);
	vc_device  *device = NULL;
	vc_status	status;

	setrlimit(RLIMIT_AS, &(struct rlimit) {limit, limit});
	if (processes != RLIM_INFINITY)
		setrlimit(RLIMIT_NPROC, &(struct rlimit) {processes, processes});
	if (processes != RLIM_INFINITY && getuid() == 0 && setuid(NOBODY) != 0)	/* root has no limit */
		perror("setuid");
	setrlimit(RLIMIT_CORE, &(struct rlimit) {0, 0});
	status = api->open(0, threads, &device, &error);
	if (status == VC_OK)
		status = run_plan(api, device, VC_INFERENCE, VC_FLOAT32, &error);
	if (status == VC_OK)
		status = run_plan(api, device, VC_INFERENCE, VC_INT8, &error);
	if (status == VC_OK)
		status = run_plan(api, device, VC_TRAINING, VC_FLOAT32, &error);
	api->close(device);
	if (status != VC_OK && status != VC_OUT_OF_MEMORY)
		diag("status %d: %s", (int) status, error.message);
	return status == VC_OK ? DONE : status == VC_OUT_OF_MEMORY ? NO_MEMORY : OTHER_ERROR;
}

static int
attempt_in_child(size_t more, rlim_t processes, int threads)
{
	pid_t		child = fork();
	int			status;

	if (child == 0)
		_exit(attempt(more, processes, threads));
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) >= DONE)
		return WEXITSTATUS(status);
	diag("wait status %d with %zu kB more", status, more / 1024);
	return CRASHED;
}

/* Tries with ever more memory, until some have enough: errors, then results. */
static void
test_memory(int threads, size_t step, int enough)
{
	int			ends[CRASHED - DONE + 1] = {0};

	for (size_t more = 0; ends[0] < enough && more < 2048 * MB; more += step)
		ends[attempt_in_child(more, RLIM_INFINITY, threads) - DONE]++;
	ok(ends[CRASHED - DONE] == 0 && ends[OTHER_ERROR - DONE] == 0 && ends[NO_MEMORY - DONE] > 0 && ends[0] == enough,
	   "%d threads: %d tries without memory, %d with, %d crashes", threads,
	   ends[NO_MEMORY - DONE], ends[0], ends[CRASHED - DONE]);
}

int
main(void)
{
	network = whole_network("resnet20", VC_HEAD_CONCAT, SIZE, CLASSES, 0);
	parameters = random_parameters(network, 1);
	ranges = malloc(sizeof(float) * (size_t) network->node_count);
	for (int i = 0; i < network->node_count; i++)
		ranges[i] = 4;
	images = random_images(BATCH, SIZE, 2);
	targets = random_targets(BATCH, CLASSES, LABELS, 3);
	test_memory(1, MB, 20);
	test_memory(2, 5 * MB, 3);
	test_memory(4, 20 * MB, 2);
	ok(attempt_in_child(SIZE_MAX, 1, 4) == DONE, "no thread to be had: the caller's own is enough");
	return done();
}

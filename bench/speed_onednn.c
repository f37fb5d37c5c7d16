/*
 * speed_onednn.c
 *		Speed of the CPU device as it was built, for bench/speed_onednn: lines
 *		of "what images/s images/s-of-processor-time".
 *
 *	speed_onednn [THREADS [SECONDS [ARCHITECTURE [SIZE]]]]
 *
 * Classifying in float32 and int8, and training steps, batches of 32 random
 * images.  The second rate divides by the processor time of all threads, over
 * their number: it suffers less where other programs run too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "test/unit/load_device.h"
#include "test/unit/small_networks.h"

#define BATCH	32
#define CLASSES 10

static vc_error error;

/* Ends the program where a call failed. */
static void
must(vc_status status, const char *what)
{
	if (status == VC_OK)
		return;
	fprintf(stderr, "speed_onednn: %s: %s\n", what, error.message);
	exit(1);
}

static double
seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* A call on a batch: forward, or with targets a training step. */
static void
call(const vc_device_api *api, vc_plan *plan, const uint8_t *images, const vc_targets *targets,
	 int64_t step)
{
	vc_step		s = {.rate = {1e-5f, 1e-5f, 1e-5f},.momentum = 0.9f,.square_momentum = 0.99f,
	.epsilon = 1e-5f,.step = step};
	float		logits[BATCH * CLASSES];
	float		loss;

	if (targets != NULL)
		must(api->train_step(plan, images, targets, BATCH, &s, &loss, NULL, &error), "train_step");
	else
		must(api->forward(plan, images, BATCH, logits, NULL, &error), "forward");
}

static void
measure(const vc_device_api *api, vc_plan *plan, const char *what, const uint8_t *images,
		const vc_targets *targets, int threads, double least)
{
	int64_t		step = 0;
	double		start;
	double		cpu;
	double		wall;

	call(api, plan, images, targets, ++step);
	call(api, plan, images, targets, ++step);
	start = seconds_of(CLOCK_MONOTONIC);
	cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
	do
	{
		call(api, plan, images, targets, ++step);
		wall = seconds_of(CLOCK_MONOTONIC) - start;
	} while (wall < least);
	cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("%s %.2f %.2f\n", what, (double) (step - 2) * BATCH / wall,
		   (double) (step - 2) * BATCH * threads / cpu);
	fflush(stdout);
	api->plan_free(plan);
}

static vc_plan *
new_plan(const vc_device_api *api, vc_device *device, const vc_network *network,
		 float **parameters, vc_purpose purpose, vc_precision precision, const float *ranges)
{
	vc_plan_options options = {.purpose = purpose,.precision = precision,.max_batch = BATCH,
	.ranges = ranges};
	vc_plan    *plan;

	must(api->plan(device, network, &options, &plan, &error), "plan");
	for (int i = 0; i < network->parameter_count; i++)
		if (parameters[i] != NULL)
			must(api->set_parameter(plan, i, parameters[i], &error), "set_parameter");
	return plan;
}

int
main(int argc, char **argv)
{
	int			threads = argc > 1 ? atoi(argv[1]) : 2;
	double		least = argc > 2 ? atof(argv[2]) : 3;
	int			size = argc > 4 ? atoi(argv[4]) : 224;
	vc_network *network = whole_network(argc > 3 ? argv[3] : "resnet18", VC_HEAD_CONCAT, size,
										CLASSES, 0.5f);
	const vc_device_api *api = load_device("cpu", &error);
	vc_device  *device;
	float	  **parameters;
	float	   *ranges;
	uint8_t    *images = random_images(BATCH, size, 1);
	vc_targets *targets = random_targets(BATCH, CLASSES, LABELS, 1);
	vc_plan    *plan;

	if (network == NULL || api == NULL || (device = open_device(api, threads, &error)) == NULL)
	{
		fprintf(stderr, "speed_onednn: %s\n", error.message);
		return 1;
	}
	parameters = random_parameters(network, 1);
	ranges = calloc((size_t) network->node_count, sizeof(float));
	plan = new_plan(api, device, network, parameters, VC_INFERENCE, VC_FLOAT32, NULL);
	must(api->calibrate(plan, images, BATCH, ranges, &error), "calibrate");
	measure(api, plan, "float32", images, NULL, threads, least);
	plan = new_plan(api, device, network, parameters, VC_INFERENCE, VC_INT8, ranges);
	measure(api, plan, "int8", images, NULL, threads, least);
	plan = new_plan(api, device, network, parameters, VC_TRAINING, VC_FLOAT32, NULL);
	measure(api, plan, "train", images, targets, threads, least);
	return 0;
}

/*
 * conformance_shared.c
 *		Plans that borrow their parameters and share what they make of them.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/unit/conformance.h"
#include "test/unit/small_networks.h"

#define BATCH	8
#define CLASSES 5

static const int counts[] = {1, BATCH, 3};

/* The number of files of a store's folder, which are cut short, or removed, if told; 0 of none. */
static int
files(const char *folder, bool halve, bool remove_them)
{
	DIR		   *directory = opendir(folder);
	struct dirent *entry;
	char		path[512];
	int			count = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL)
	{
		if (entry->d_name[0] == '.')
			continue;
		count++;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (remove_them)
			unlink(path);
		else if (halve && truncate(path, 1000) != 0)
			perror(path);
	}
	if (directory != NULL)
		closedir(directory);
	return count;
}

/* Logits of a batch of each size, one after the other. */
static void
run(const subject *s, vc_plan *plan, const uint8_t *images, float *logits)
{
	vc_error	error = {0};

	for (int i = 0; i < 3; i++)
	{
		must(s->api->forward(plan, images, counts[i], logits, NULL, &error), &error, "forward");
		logits += BATCH * CLASSES;
	}
}

static vc_plan *
borrowing_plan(const subject *s, const vc_network *network, vc_plan_options *options,
			   float *const *parameters, const char *folder)
{
	vc_plan    *plan;
	vc_error	error = {0};

	options->parameters = (const float *const *) parameters;
	options->store = vc_store_open(folder);
	must(s->api->plan(s->device, network, options, &plan, &error), &error, "plan");
	return plan;
}

/* One with a store of its own against `expected`; the folder's files then. */
static int
check_plan(const subject *s, const vc_network *network, vc_plan_options options,
		   float *const *parameters, const char *folder, const uint8_t *images,
		   const float *expected, int64_t *memory, const char *what)
{
	float		logits[3 * BATCH * CLASSES] = {0};
	vc_plan    *plan = borrowing_plan(s, network, &options, parameters, folder);

	run(s, plan, images, logits);
	*memory = s->api->plan_memory(plan);
	check(memcmp(logits, expected, sizeof(logits)) == 0, "%s %s: %s gives the same logits",
		  s->device_name, network->architecture, what);
	s->api->plan_free(plan);
	vc_store_close(options.store);
	return files(folder, false, false);
}

static void
check_network(const subject *s, const char *architecture, vc_head head, int size,
			  vc_precision precision)
{
	vc_network *network = whole_network(architecture, head, size, CLASSES, 0.5f);
	float	  **parameters = random_parameters(network, 21);
	uint8_t    *images = random_images(BATCH, size, 22);
	float	   *ranges = calloc(network->node_count, sizeof(float));
	vc_plan_options options = {.purpose = VC_INFERENCE,.precision = precision,
	.max_batch = BATCH,.ranges = ranges};
	float		expected[3 * BATCH * CLASSES] = {0};
	char		folder[] = "/tmp/conformance.XXXXXX";
	int64_t		own,
				first,
				second;
	vc_plan    *plan;
	vc_error	error = {0};
	int			kept;

	plan = make_plan(s, network, VC_INFERENCE, BATCH);
	set_parameters(s, plan, network, parameters);
	must(s->api->calibrate(plan, images, BATCH, ranges, &error), &error, "calibrate");
	s->api->plan_free(plan);
	must(s->api->plan(s->device, network, &options, &plan, &error), &error, "plan");
	set_parameters(s, plan, network, parameters);
	run(s, plan, images, expected);
	own = s->api->plan_memory(plan);
	s->api->plan_free(plan);

	must(mkdtemp(folder) != NULL ? VC_OK : VC_DEVICE_ERROR, &error, folder);
	kept = check_plan(s, network, options, parameters, folder, images, expected, &first,
					  "a plan that shares");
	check(kept > 0, "%s: %d files", s->device_name, kept);
	check(check_plan(s, network, options, parameters, folder, images, expected, &second,
					 "a plan that others shared with") == kept, "it makes no file");
	check(second < first && first < own, "%s: %lld bytes, then %lld, where one alone has %lld",
		  s->device_name, (long long) first, (long long) second, (long long) own);
	files(folder, true, false);
	check_plan(s, network, options, parameters, folder, images, expected, &second,
			   "a plan that finds files cut short");
	files(folder, false, true);
	rmdir(folder);
	check_plan(s, network, options, parameters, "/nowhere/at/all", images, expected, &second,
			   "a plan whose store can keep nothing");
	free_parameters(network, parameters);
	vc_network_free(network);
	free(images);
	free(ranges);
}

static void
check_errors(const subject *s)
{
	vc_network *network = whole_network("resnet20", VC_HEAD_LINEAR, 16, CLASSES, 0.5f);
	float	  **parameters = random_parameters(network, 23);
	vc_plan_options options = {.purpose = VC_INFERENCE,.max_batch = 2};
	vc_plan    *plan = borrowing_plan(s, network, &options, parameters, "/nowhere/at/all");
	vc_error	error = {0};

	check(s->api->set_parameter(plan, 0, parameters[0], &error) == VC_INVALID_ARGUMENT,
		  "%s: setting a borrowed parameter is refused: %s", s->device_name, error.message);
	s->api->plan_free(plan);
	options.parameters = NULL;
	check(s->api->plan(s->device, network, &options, &plan, &error) == VC_INVALID_ARGUMENT,
		  "%s: a store without parameters is refused: %s", s->device_name, error.message);
	vc_store_close(options.store);
	options.store = NULL;
	options.parameters = (const float *const *) parameters;
	options.purpose = VC_TRAINING;
	check(s->api->plan(s->device, network, &options, &plan, &error) == VC_INVALID_ARGUMENT,
		  "%s: training what is borrowed is refused: %s", s->device_name, error.message);
	free_parameters(network, parameters);
	vc_network_free(network);
}

void
conform_shared(const subject *s)
{
	if (!s->api->shares_weights)
		return;
	check_network(s, "resnet20", VC_HEAD_CONCAT, 32, VC_FLOAT32);
	check_network(s, "resnet20", VC_HEAD_LINEAR, 16, VC_INT8);
	check_network(s, "resnet18", VC_HEAD_CONCAT, 64, VC_FLOAT32);
	check_network(s, "resnet18", VC_HEAD_LINEAR, 64, VC_INT8);
	check_errors(s);
}

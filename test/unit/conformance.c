/*
 * conformance.c
 *		Holds a device to what device.h says, with the oracle as the truth.
 *
 *	conformance [-t threads] [-m mode] [oracle|cpu|cuda|cuda-emulated] [part of a network's name]
 *
 * Speaks TAP.  A device that is not there is skipped; of the oracle, its gradients
 * are held to finite differences.  With a part of a name
 * only the networks with such names are tried, with "steps" only what has no
 * such name, training and calls that must fail, with "shared" what plans share.  With -m only one of a device's modes.
 */
#include "test/unit/conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test/unit/load_device.h"
#include "test/unit/oracle.h"

/* Says what the device is. */
static void
describe(const vc_device_api *api)
{
	vc_device_info info[8];
	vc_error	error = {0};
	int			count = 0;

	must(api->survey(info, 8, &count, &error), &error, "probe");
	for (int i = 0; i < count; i++)
		note("%s %d: %s; %s; %s%s", api->kind, i, info[i].name, info[i].library,
			 info[i].detail, info[i].usable ? "" : "; not usable");
}

static void
conform(subject *subjects, const char *filter)
{
	clock_t		start = clock();

	if (strcmp(subjects->device_name, "oracle") == 0)
	{
		check_oracle_gradients();	/* against itself it proves nothing */
		return;
	}
	conform_small_networks(subjects, filter);
	note("small networks: %.1f s of processor time", (double) (clock() - start) / CLOCKS_PER_SEC);
	conform_whole_networks(subjects, filter);
	for (int i = 0; i < subject_count && (filter[0] == '\0' || strcmp(filter, "steps") == 0); i++)
	{
		conform_training(&subjects[i]);
		conform_errors(&subjects[i]);
	}
	if (filter[0] == '\0' || strcmp(filter, "shared") == 0)
		conform_shared(&subjects[subject_count - 1]);
	if (filter[0] == '\0')
		conform_int8(&subjects[subject_count - 1]);
	for (int i = 0; i < subject_count; i++)
		report_worst(&subjects[i]);
	note("%.1f s of processor time", (double) (clock() - start) / CLOCKS_PER_SEC);
}

int
main(int argc, char **argv)
{
	int			threads = 1;
	int			option;
	const char *name;
	const char *mode = NULL;
	subject		subjects[MAX_SUBJECTS];
	const vc_device_api *api;
	vc_device  *device;
	vc_error	error = {0};

	while ((option = getopt(argc, argv, "t:m:")) == 't' || option == 'm')
		if (option == 't')
			threads = atoi(optarg);
		else
			mode = optarg;
	name = optind < argc ? argv[optind] : "cpu";
	if (option != -1 || threads < 1 || !find_subjects(name, mode, subjects))
	{
		fprintf(stderr, "usage: %s [-t threads] [-m mode] [oracle|cpu|cuda|cuda-emulated] [part of a network's name]\n",
				argv[0]);
		return 2;
	}
	api = load_device(name, &error);
	device = api != NULL ? open_device(api, threads, &error) : NULL;
	if (device == NULL)
	{
		printf("1..0 # SKIP no %s device: %s\n", name, error.message);
		return 0;
	}
	reference.api = vc_oracle_device();
	reference.device = open_device(reference.api, 1, &error);
	for (int i = 0; i < subject_count; i++)
	{
		subjects[i].api = api;
		subjects[i].device = device;
	}
	describe(api);
	conform(subjects, optind + 1 < argc ? argv[optind + 1] : "");
	api->close(device);
	reference.api->close(reference.device);
	return finish();
}

/*
 * test_prevalence_memory.c
 *		The memory that counting by class needs is known before it is asked for.
 */
#include "test/unit/memory_use.h"
#include "test/unit/tap.h"

#include <stdlib.h>
#include <string.h>

#include "engine/counting/prevalence.h"
#include "engine/support/random.h"

#define MB		(1024 * 1024)

static size_t before;
static int64_t most_used;

static bool
watch(void *argument)
{
	int64_t		used = (int64_t) (allocated() - before);

	(void) argument;
	most_used = used > most_used ? used : most_used;
	return false;
}

/* Images of one class, their probabilities all different. */
static vc_classified
make_images(int64_t count, int classes, int class_index)
{
	vc_classified images = {.count = count};
	int64_t    *predicted = calloc((size_t) classes, sizeof(int64_t));
	float	   *probabilities = malloc(sizeof(float) * (size_t) (count * classes));

	predicted[class_index] = count;
	for (int64_t i = 0; i < count; i++)
		for (int c = 0; c < classes; c++)
			probabilities[i * classes + c] = (c == class_index ? 0.5f : 0.0f) +
				0.5f * (float) (vc_random_bits(1, (uint64_t) i, (uint64_t) c) % 1000) / 1000 * 2 / (float) classes;
	images.predicted = predicted;
	images.probabilities = probabilities;
	return images;
}

static void
free_images(vc_classified *images)
{
	free((void *) images->predicted);
	free((void *) images->probabilities);
}

/* Learns and estimates; the most memory in use then, or -1 where that is refused. */
static int64_t
estimate(const vc_quantifier_options *options, const vc_classified *validation, const vc_classified *group,
		 vc_error *error)
{
	vc_prevalence *out = calloc((size_t) options->classes, sizeof(*out));
	vc_quantifier *q;
	vc_status	status;

	before = allocated();
	most_used = 0;
	status = vc_quantifier_create(options, validation, &q, error);
	if (status == VC_OK)
		status = vc_quantify(q, group, out, error);
	vc_quantifier_free(q);
	free(out);
	return status == VC_OK ? most_used : -1;
}

/* The least memory in MB that the check lets through. */
static int64_t
needed(vc_quantifier_options options, int64_t images)
{
	vc_error	error;

	for (options.memory = MB; vc_quantifier_check_memory(&options, images, &error) != VC_OK;)
		options.memory += MB;
	return options.memory;
}

static void
test_method(vc_quantification method, const char *name, int classes, int resamples, int64_t images)
{
	vc_quantifier_options options = {.method = method,.classes = classes,.confidence = 0.95,
		.resamples = resamples,.canceled = watch
	};
	vc_classified *validation = calloc((size_t) classes, sizeof(*validation));
	vc_classified group = make_images(images, classes, 0);
	int64_t		probabilities = vc_quantification_soft(method) ? images * classes * (int64_t) sizeof(float) : 0;
	int64_t		used;
	int64_t		counted = needed(options, images);
	vc_error	error = {0};

	for (int c = 0; c < classes; c++)
		validation[c] = make_images(20, classes, c);
	used = estimate(&options, validation, &group, &error) + probabilities;
	ok(used > probabilities && used <= counted && counted <= 2 * used + MB,
	   "%s, %d classes, %d resamples, %lld images: %lld kB counted, %lld used", name, classes, resamples,
	   (long long) images, (long long) counted / 1024, (long long) used / 1024);
	options.memory = needed(options, 20 * classes) / 2;
	if (options.memory > MB)
		ok(estimate(&options, validation, &group, &error) < 0 && error.code == VC_LIMIT_EXCEEDED && most_used == 0,
		   "half is refused: %s", error.message);
	for (int c = 0; c < classes; c++)
		free_images(&validation[c]);
	free(validation);
	free_images(&group);
}

int
main(void)
{
	vc_quantifier_options many = {.method = VC_ACC,.classes = 1000,.confidence = 0.95,.resamples = 1000,.memory = 64 * MB};
	vc_quantifier *q = NULL;
	vc_error	error = {0};

	ok(vc_quantifier_create(&many, NULL, &q, &error) == VC_LIMIT_EXCEEDED && q == NULL &&
	   strcmp(error.message, "memory required is 15313 MB, maintenance_work_mem is 64 MB") == 0,
	   "1,000 classes: %s", error.message);
	test_method(VC_CC, "cc", 300, 2000, 1000);
	test_method(VC_PCC, "pcc", 10, 100, 60000);
	test_method(VC_ACC, "acc", 60, 300, 1000);
	test_method(VC_PACC, "pacc", 40, 400, 10000);
	test_method(VC_EMQ, "emq", 10, 20, 60000);
	return done();
}

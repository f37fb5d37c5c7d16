/*
 * test_finite.c
 *		Weights that are none are found, wherever they are among the others.
 */
#include "test/unit/tap.h"

#include <math.h>
#include <string.h>

#include "engine/weights/finite.h"
#include "engine/training/probe.h"

#define COUNT 3000

static float values[COUNT];

static void
test_places(void)
{
	static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
	bool		found = true;

	for (int i = 0; i < COUNT; i++)
		values[i] = i % 2 ? 3e38f : -3e38f;
	ok(vc_first_not_finite(values, COUNT) == COUNT, "numbers as large as there are");
	ok(vc_first_not_finite(values, 0) == 0, "no numbers");
	for (int i = 0; i < COUNT; i++)
		for (int b = 0; b < 4; b++)
		{
			float		good = values[i];

			values[i] = bad[b];
			found = found && vc_first_not_finite(values, COUNT) == i && vc_first_not_finite(values, i) == i;
			values[i] = good;
		}
	ok(found, "NaN and infinity at every place");
}

/* A parameter of that role is refused with a message that has the text, or taken where that is NULL. */
static void
expect(vc_role role, float value, const char *text, const char *what)
{
	vc_parameter parameter = {.role = role, .count = 4};
	float		data[4] = {0, 1, value, 1};
	vc_error	error = {0};
	vc_status	status = vc_parameter_check(&parameter, "layer", data, &error);

	if (!ok(text == NULL ? status == VC_OK :
			status == VC_CORRUPT_DATA && strstr(error.message, text) != NULL && strstr(error.message, "\"layer\"") != NULL,
			"%s", what))
		diag("%s", error.message);
}

static void
test_probe(void)
{
	float		features[6] = {1, 2, 3, 4, 5, NAN};
	int32_t		labels[3] = {0, 1, 0};
	vc_targets	targets = {.labels = labels};
	vc_probe_options options = {.penalty = 0.01, .iterations = 10};
	float		weight[4];
	float		bias[2];
	double		loss;
	vc_error	error;

	ok(vc_probe_fit(features, &targets, 3, 2, 2, &options, weight, bias, &loss, &error) == VC_CORRUPT_DATA &&
	   strstr(error.message, "image 3") != NULL, "a probe of features that are no numbers");
}

int
main(void)
{
	test_places();
	expect(VC_WEIGHT, -1, NULL, "a negative weight");
	expect(VC_WEIGHT, NAN, "value 3 of tensor \"layer\" is not a number", "a weight of NaN");
	expect(VC_BIAS, -INFINITY, "is infinite", "a bias without end");
	expect(VC_NORM_WEIGHT, -2e12f, "too large for a trained network", "a norm's weight that is far too large");
	expect(VC_RUNNING_VARIANCE, 0, NULL, "a variance of 0");
	expect(VC_RUNNING_VARIANCE, 1e9f, NULL, "a large variance");
	expect(VC_RUNNING_VARIANCE, -1e-30f, "a negative variance", "a negative variance");
	expect(VC_RUNNING_MEAN, -1e9f, NULL, "a negative mean");
	test_probe();
	return done();
}

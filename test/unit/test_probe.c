/*
 * test_probe.c
 *		The linear probe against PyTorch's own minima of the same objectives.
 */
#include <math.h>

#include "engine/training/probe.h"
#include "engine/support/random.h"
#include "test/unit/tap.h"

enum
{
	COUNT = 60,
	WIDTH = 5,
	CLASSES = 3
};

static float features[COUNT][WIDTH];
static int32_t labels[COUNT];

static void
make_data(void)
{
	for (int i = 0; i < COUNT; i++)
	{
		labels[i] = (int32_t) (vc_random_uniform(2, (uint64_t) i, 0) * CLASSES);
		for (int j = 0; j < WIDTH; j++)
			features[i][j] = (float) (vc_random_uniform(1, (uint64_t) i, (uint64_t) j) * (j + 1) + 0.5 * j);
		features[i][0] = (float) (features[i][0] + labels[i] * 0.3);
	}
}

static bool
near(double a, double b)
{
	return fabs(a - b) < 2e-3 * fmax(1, fabs(b));
}

static bool
stop(void *argument)
{
	(void) argument;
	return true;
}

/* A minimum as torch.optim.LBFGS finds it in doubles, to a gradient of 1e-12. */
typedef struct minimum
{
	const char *what;
	vc_targets	targets;
	double		loss;
	double		weight[WIDTH];	/* of class 0 */
	double		bias[CLASSES];	/* softmax: less their mean */
} minimum;

static const float class_weights[CLASSES] = {0.5f, 1, 2.5f};
static uint8_t members[COUNT][CLASSES];

/* Each image carries its label, and some carry more. */
static void
make_members(void)
{
	for (int i = 0; i < COUNT; i++)
		for (int k = 0; k < CLASSES; k++)
			members[i][k] = labels[i] == k || vc_random_uniform(3, (uint64_t) i, (uint64_t) k) < 0.25f;
}

static void
check_minimum(const minimum *expected)
{
	vc_probe_options options = {.penalty = 0.01, .iterations = 500};
	float		weight[CLASSES][WIDTH];
	float		bias[CLASSES];
	double		loss;
	double		mean = 0;
	bool		same = true;
	vc_error	error;

	ok(vc_probe_fit(&features[0][0], &expected->targets, COUNT, WIDTH, CLASSES, &options,
					&weight[0][0], bias, &loss, &error) == VC_OK, "%s: fits", expected->what);
	ok(fabs(loss - expected->loss) < 1e-6, "the loss is PyTorch's (%.10f)", loss);
	for (int j = 0; j < WIDTH; j++)
		same = same && near(weight[0][j], expected->weight[j]);
	ok(same, "so are the weights");
	for (int k = 0; k < CLASSES && expected->targets.labels; k++)
		mean += (bias[k] - expected->bias[k]) / CLASSES;
	same = true;
	for (int k = 0; k < CLASSES; k++)
		same = same && near(bias[k] - mean, expected->bias[k]);
	ok(same, "and the biases");
}

int
main(void)
{
	const minimum minima[] = {
		{"softmax", {.labels = labels}, 0.8117072195,
			{-3.45794856, -0.15467492, -0.24173472, -0.15514752, 0.21198291},
		{2.80794977, 0.90931523, -3.717265}},
		{"weighted softmax", {.labels = labels,.class_weights = class_weights}, 0.6289393635,
			{-3.3825009, -0.19574673, -0.25045653, -0.15506683, 0.1928295},
		{2.23761568, 1.02978814, -3.26740383}},
		{"weighted sigmoids", {.members = &members[0][0],.class_weights = class_weights},
			0.6165558456, {-1.2236164, 0.10367956, 0.0797033, -0.21859827, 0.41349962},
		{-1.21261476, 0.82146963, -4.89547871}},
	};
	vc_targets	targets = {.labels = labels};
	vc_probe_options options = {.penalty = 0.01, .iterations = 500};
	float		weight[CLASSES][WIDTH];
	float		bias[CLASSES];
	double		loss;
	vc_error	error;

	make_data();
	make_members();
	for (int i = 0; i < 3; i++)
		check_minimum(&minima[i]);

	for (int i = 0; i < COUNT; i++)
		features[i][2] = 7;
	ok(vc_probe_fit(&features[0][0], &targets, COUNT, WIDTH, CLASSES, &options,
					&weight[0][0], bias, &loss, &error) == VC_OK && weight[0][2] == 0 && isfinite(loss),
	   "a constant feature counts for nothing");
	options.interrupted = stop;
	ok(vc_probe_fit(&features[0][0], &targets, COUNT, WIDTH, CLASSES, &options,
					&weight[0][0], bias, &loss, &error) == VC_CANCELED, "can be canceled");
	return done();
}

/*
 * test_probe.c
 *		The linear probe against PyTorch's own minimum of the same objective.
 */
#include <math.h>

#include "probe.h"
#include "random.h"
#include "tap.h"

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

int
main(void)
{
	/* torch.optim.LBFGS in doubles, to a gradient of 1e-12 */
	static const double expected_weight[WIDTH] = {-3.45794856, -0.15467492, -0.24173472, -0.15514752, 0.21198291};
	static const double expected_bias[CLASSES] = {2.80794977, 0.90931523, -3.717265};
	vc_probe_options options = {0.01, 500, NULL, NULL};
	float		weight[CLASSES][WIDTH];
	float		bias[CLASSES];
	double		loss;
	double		mean = 0;
	bool		same = true;
	vc_error	error;

	make_data();
	ok(vc_probe_fit(&features[0][0], labels, COUNT, WIDTH, CLASSES, &options,
					&weight[0][0], bias, &loss, &error) == VC_OK, "fits");
	ok(fabs(loss - 0.8117072195) < 1e-6, "the loss is PyTorch's (%.10f)", loss);
	for (int j = 0; j < WIDTH; j++)
		same = same && near(weight[0][j], expected_weight[j]);
	ok(same, "so are the weights");
	for (int k = 0; k < CLASSES; k++)
		mean += bias[k] / CLASSES;
	same = true;
	for (int k = 0; k < CLASSES; k++)
		same = same && near(bias[k] - mean, expected_bias[k]);
	ok(same, "and the biases");

	for (int i = 0; i < COUNT; i++)
		features[i][2] = 7;
	ok(vc_probe_fit(&features[0][0], labels, COUNT, WIDTH, CLASSES, &options,
					&weight[0][0], bias, &loss, &error) == VC_OK && weight[0][2] == 0 && isfinite(loss),
	   "a constant feature counts for nothing");
	options.interrupted = stop;
	ok(vc_probe_fit(&features[0][0], labels, COUNT, WIDTH, CLASSES, &options,
					&weight[0][0], bias, &loss, &error) == VC_CANCELED, "can be canceled");
	return done();
}

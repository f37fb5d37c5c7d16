/*
 * test_multi_label.c
 *		Sigmoids, their loss, and the figures of a tally.
 */
#include <math.h>
#include <stdlib.h>

#include "engine/training/metrics.h"
#include "test/unit/tap.h"

/* Four images of three classes; nobody carries or is said to carry the last. */
static const float probabilities[4][3] = {
	{0.9f, 0.2f, 0.1f}, {0.6f, 0.7f, 0.3f}, {0.4f, 0.3f, 0.2f}, {1.0f, 0.55f, 0.0f}
};
static const uint8_t members[4][3] = {{1, 0, 0}, {0, 1, 0}, {1, 1, 0}, {1, 0, 0}};

int
main(void)
{
	static const float logits[] = {1.5f, -2.0f, 0.25f};
	static const float large[] = {200, -200, 200};
	static const uint8_t carried[] = {1, 0, 1};
	float		sigmoids[3];
	vc_tally   *tally;
	vc_error	error;

	/* torch's binary_cross_entropy_with_logits and sigmoid */
	ok(fabs(vc_binary_cross_entropy(logits, 3, carried) - 0.3014269173) < 1e-7,
	   "binary cross entropy");
	ok(fabs(vc_binary_cross_entropy(large, 3, carried)) < 1e-12, "and of large logits");
	vc_sigmoid(logits, 3, sigmoids);
	ok(fabs(sigmoids[0] - 0.8175744) < 1e-6 && fabs(sigmoids[1] - 0.1192029) < 1e-6, "sigmoids");
	vc_sigmoid(large, 3, sigmoids);
	ok(sigmoids[0] == 1 && sigmoids[1] == 0, "and of large logits");

	ok(vc_tally_create(3, &tally, &error) == VC_OK, "a tally");
	for (int i = 0; i < 4; i++)
		vc_tally_add(tally, probabilities[i], members[i]);

	/* at 0.5: class 0 has 2 hits, 1 miss, 1 false alarm; class 1 has 1, 1, 1 */
	ok(fabs(vc_tally_accuracy(tally, 0.5) - 8.0 / 12) < 1e-12, "accuracy");
	ok(fabs(vc_tally_f1(tally, 0.5) - (2.0 / 3 + 0.5 + 0) / 3) < 1e-12, "the mean F1, 0 of a class that is never met");
	ok(vc_tally_best(tally, 0) < 0.405 && vc_tally_best(tally, 0) > 0.3,
	   "the threshold that finds all of class 0: %g", vc_tally_best(tally, 0));
	ok(fabs(vc_tally_best(tally, 1) - 0.3) < 0.006 || vc_tally_best(tally, 1) > 0.55,
	   "and the best of class 1: %g", vc_tally_best(tally, 1));
	ok(vc_tally_best(tally, 2) == 0.5, "where no threshold is better, 0.5");
	vc_tally_add(tally, (const float[3]) {NAN, -1, 1e30f}, members[0]);
	ok(vc_tally_accuracy(tally, 0.5) < 1, "what is no probability does no harm");
	vc_tally_free(tally);
	return done();
}

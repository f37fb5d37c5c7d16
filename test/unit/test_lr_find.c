/*
 * test_lr_find.c
 *		The learning rate finder; what is expected is fastai 2.8's.
 */
#include <math.h>

#include "engine/training/lr_find.h"
#include "test/unit/tap.h"

int
main(void)
{
	static const double losses[] = {
		2.0, 1.9, 1.95, 1.8, 1.5, 1.4, 1.45, 1.2, 1.0, 0.9, 0.95, 1.3, 2.0
	};
	static const double rising[] = {1, 2, 3, 4};
	double		rates[13];
	vc_step		step;
	int			first;
	int			last;

	for (int i = 0; i < 13; i++)
		rates[i] = pow(10, -4 + i / 3.0);
	ok(vc_lr_valley(losses, 13) == 4, "valley");
	ok(vc_lr_steep(rates, losses, 13) == 3, "steep");
	ok(vc_lr_valley(rising, 4) == 0 && vc_lr_valley(rising, 1) == 0 &&
	   vc_lr_steep(rates, rising, 1) == 0, "a record without a valley has its first step");

	ok(fabs(vc_lr_find_rate(1e-7, 10, 100, 0) / 1e-7 - 1) < 1e-12 &&
	   fabs(vc_lr_find_rate(1e-7, 10, 100, 50) / 1e-3 - 1) < 1e-12, "rates grow exponentially");
	vc_lr_find_step(0.5, 3, 0.01, &step);
	ok(step.rate[0] == 0.5f && step.rate[VC_GROUP_HEAD] == 0.5f && step.step == 4 &&
	   step.momentum == 0.9f && step.square_momentum == 0.99f && step.weight_decay == 0.01f,
	   "a step has Adam's defaults in fastai");

	vc_lr_find_range(100, 88, &first, &last);
	ok(first == 10 && last == 83, "the ends are left out");
	vc_lr_find_range(100, 12, &first, &last);
	ok(first == last, "too few steps suggest nothing");
	ok(!vc_lr_find_diverged(3.9, 1) && vc_lr_find_diverged(4.1, 1) &&
	   vc_lr_find_diverged(NAN, 1) && vc_lr_find_diverged(INFINITY, 1), "stops at four times the best loss");
	return done();
}

/*
 * logistic.h
 *		The loss of one logit.
 */
#ifndef VISCLF_LOGISTIC_H
#define VISCLF_LOGISTIC_H

#include <math.h>
#include <stdbool.h>

/*
 * Returns the binary cross entropy, in nats, of a logit whose class is there
 * (member) or not, and sets its derivative with respect to the logit.
 */
static inline double
vc_logistic_loss(double logit, bool member, double *gradient)
{
	double		x = member ? logit : -logit;
	double		small = exp(-fabs(x));	/* never overflows */

	*gradient = (member ? -1 : 1) * (x < 0 ? 1 : small) / (1 + small);
	return log1p(small) - fmin(x, 0);
}

#endif							/* VISCLF_LOGISTIC_H */

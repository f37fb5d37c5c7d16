/*
 * probe.h
 *		A linear probe: logistic regression on features computed once.
 */
#ifndef VISCLF_PROBE_H
#define VISCLF_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/device.h"

typedef struct vc_probe_options
{
	double		penalty;		/* of the squared weights, on standardised features */
	int			iterations;		/* at most */
	bool		(*interrupted) (void *argument);	/* polled; NULL never stops */
	void	   *interrupt_argument;
	const uint32_t *rows;		/* [count]: which rows of features; NULL: the first */
} vc_probe_options;

/*
 * Fits weight[classes][width] and bias[classes] to minimise the loss of
 * targets[count] (see vc_targets) given features[count][width], plus penalty
 * / 2 times the squared weights of the features brought to mean 0 and
 * standard deviation 1.  By L-BFGS (Liu, Nocedal 1989).  *loss is the loss
 * reached, nats.  Errors: VC_CORRUPT_DATA for features that are not finite,
 * VC_OUT_OF_MEMORY, VC_CANCELED.
 */
extern vc_status vc_probe_fit(const float *features, const vc_targets *targets,
							  int64_t count, int width, int classes,
							  const vc_probe_options *options,
							  float *weight, float *bias, double *loss,
							  vc_error *error);

#endif							/* VISCLF_PROBE_H */

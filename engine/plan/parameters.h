/*
 * parameters.h
 *		What a plan notes of its network's parameters, and the checks of the
 *		calls that read and write them.
 *
 * The checks fail with VC_INVALID_ARGUMENT.
 */
#ifndef VISCLF_PARAMETERS_H
#define VISCLF_PARAMETERS_H

#include <stdbool.h>

#include "engine/device.h"

typedef struct vc_parameters
{
	const vc_network *network;
	bool		training;		/* the plan's purpose: there is an optimizer */
	bool	   *set;			/* [parameter_count]: has values */
	int			frozen_groups;	/* of the last training step; -1 before it */
} vc_parameters;

/* VC_OUT_OF_MEMORY. */
extern vc_status vc_parameters_create(vc_parameters *parameters, const vc_network *network,
									  vc_purpose purpose, vc_error *error);
extern void vc_parameters_free(vc_parameters *parameters);

/* Sets those that the architecture fixes, by the device's set_parameter. */
extern vc_status vc_parameters_set_constants(const vc_parameters *parameters, vc_plan *plan,
											 vc_status (*set) (vc_plan *plan, int index,
															   const float *data, vc_error *error),
											 vc_error *error);

/* Before a run: every parameter is set. */
extern vc_status vc_parameters_check_set(const vc_parameters *parameters, vc_error *error);

/* There is a parameter of this index. */
extern vc_status vc_parameters_check_index(const vc_parameters *parameters, int index,
										   vc_error *error);

/* It can be read: it is set. */
extern vc_status vc_parameters_check_read(const vc_parameters *parameters, int index,
										  vc_error *error);

/* The plan has an optimizer. */
extern vc_status vc_parameters_check_training(const vc_parameters *parameters, vc_error *error);

/* The parameter has Adam's averages. */
extern vc_status vc_parameters_check_optimizer(const vc_parameters *parameters, int index,
											   vc_error *error);

/* The last step computed its gradient. */
extern vc_status vc_parameters_check_gradient(const vc_parameters *parameters, int index,
											  vc_error *error);

#endif							/* VISCLF_PARAMETERS_H */

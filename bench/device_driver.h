/*
 * device_driver.h
 *		The functions of device_driver.so; device_driver.py calls them.
 *
 * Arrays are as in device.h.
 */
#ifndef VISCLF_DEVICE_DRIVER_H
#define VISCLF_DEVICE_DRIVER_H

#include "engine/device.h"

typedef struct driver_session driver_session;

/* Why the last call failed. */
extern const char *driver_error(void);

/* kind: oracle, cpu, cuda. */
extern driver_session *driver_open(const char *kind, int threads);
extern void driver_close(driver_session *s);

/* head: 0 concat, 1 linear.  Freed with vc_network_free. */
extern vc_network *driver_network(const char *architecture, int head, int image_size,
								  int classes, float dropout);
extern int	driver_features(const vc_network *network);

/* The name of a parameter, or NULL after the last; ndim of shape are set. */
extern const char *driver_parameter(const vc_network *network, int index, int *role,
									int *group, int *ndim, int shape[4]);

/* direct: float32 with direct convolutions; else what is fastest. */
extern vc_plan *driver_plan(driver_session *s, const vc_network *network, int training,
							int direct, int max_batch);

/* For inference in int8, by the ranges [driver_nodes()] that driver_calibrate raised. */
extern vc_plan *driver_int8_plan(driver_session *s, const vc_network *network, int max_batch,
								 const float *ranges);
extern bool driver_calibrate(driver_session *s, vc_plan *plan, const uint8_t *images, int count,
							 float *ranges);
extern int	driver_nodes(const vc_network *network);
extern void driver_plan_free(driver_session *s, vc_plan *plan);
extern int64_t driver_plan_memory(driver_session *s, const vc_plan *plan);

extern bool driver_set(driver_session *s, vc_plan *plan, int index, const float *data);
extern bool driver_get(driver_session *s, vc_plan *plan, int index, float *data);
extern bool driver_gradient(driver_session *s, vc_plan *plan, int index, float *data);
extern bool driver_forward(driver_session *s, vc_plan *plan, const uint8_t *images, int count,
						   float *logits, float *features);
extern bool driver_train_step(driver_session *s, vc_plan *plan, const uint8_t *images,
							  const int32_t *labels, int count, const vc_step *step,
							  float *loss, float *logits);

#endif							/* VISCLF_DEVICE_DRIVER_H */

/*
 * settings.h
 *		The visclf.* settings.
 */
#ifndef VISCLF_SETTINGS_H
#define VISCLF_SETTINGS_H

#include "extension/support/pgcompat.h"

typedef enum DeviceSetting
{
	DEVICE_AUTO,
	DEVICE_CPU,
	DEVICE_CUDA
} DeviceSetting;

extern int	setting_device;		/* a DeviceSetting */
extern int	setting_convolution;	/* a vc_algorithm */
extern int	setting_precision;	/* a vc_precision */
extern int	setting_gpu_idle_timeout;	/* seconds; 0: never */
extern int	setting_batch_size;
extern int	setting_max_image_pixels;
extern int	setting_max_cached_models;
extern int	setting_shared_weights;	/* MB; 0: none */
extern int	setting_progress_interval;	/* seconds */
extern int	setting_checkpoint_interval;	/* seconds */

extern int	setting_decode_memory;	/* MB */

/* Returns the number of CPUs that this process may use, by its affinity and its cgroup's quota. */
extern int	machine_cores(void);

/* Returns the number of threads to compute with: visclf.threads, or one in a parallel worker. */
extern int	setting_compute_threads(void);

extern void define_settings(void);

#endif							/* VISCLF_SETTINGS_H */

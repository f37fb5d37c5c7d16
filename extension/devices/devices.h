/*
 * devices.h
 *		Chooses and opens the device that a backend computes on.
 */
#ifndef VISCLF_DEVICES_H
#define VISCLF_DEVICES_H

#include "extension/support/pgcompat.h"

#include "engine/device.h"

typedef struct OpenDevice
{
	const vc_device_api *api;
	vc_device  *device;
	int			setting;		/* visclf.device when it was chosen */
	int			threads;		/* threads that it was opened with */
} OpenDevice;

/* Returns true if the backend will compute on the CPU. */
extern bool device_is_cpu(void);

/* Opens the device that visclf.device and visclf.threads select. */
extern void open_device(OpenDevice *opened);

/* Returns true if the settings still select the same device. */
extern bool device_is_current(const OpenDevice *opened);

/* Returns true if the device has memory of its own: a GPU. */
extern bool device_has_memory(const OpenDevice *opened);

#endif							/* VISCLF_DEVICES_H */

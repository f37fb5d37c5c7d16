/*
 * devices.h
 *		Choosing and opening the device that a backend computes on.
 */
#ifndef VISCLF_DEVICES_H
#define VISCLF_DEVICES_H

#include "extension/support/pgcompat.h"

#include "engine/device.h"

typedef struct OpenDevice
{
	const vc_device_api *api;
	vc_device  *device;
	int			setting;		/* visclf.device that it was chosen for */
	int			threads;		/* that it was opened with */
} OpenDevice;

/* True where visclf.device and the machine leave the CPU. */
extern bool device_is_cpu(void);

/* Opens what visclf.device and visclf.threads ask for. */
extern void open_device(OpenDevice *opened);

/* True where the settings still ask for the same. */
extern bool device_is_current(const OpenDevice *opened);

/* True of a device that has memory of its own: a GPU. */
extern bool device_has_memory(const OpenDevice *opened);

#endif							/* VISCLF_DEVICES_H */

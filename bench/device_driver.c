/*
 * device_driver.c
 *		Flat functions over a device, for scripts that load a shared library.
 *
 * A session is an open device; a network is made once and planned on it.
 * Functions that can fail return NULL or false, and then driver_error() says
 * why.  "make build/device_driver.so" links it with the engine, the oracle and
 * the CPU's device; CUDA's is loaded at run time.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/device_driver.h"
#include "test/unit/load_device.h"

struct driver_session
{
	const vc_device_api *api;
	vc_device  *device;
};

static vc_error last_error;

const char *
driver_error(void)
{
	return last_error.message;
}

driver_session *
driver_open(const char *kind, int threads)
{
	driver_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->api = load_device(kind, &last_error);
	if (s->api != NULL)
		s->device = open_device(s->api, threads, &last_error);
	if (s->device != NULL)
		return s;
	free(s);
	return NULL;
}

void
driver_close(driver_session *s)
{
	s->api->close(s->device);
	free(s);
}

vc_network *
driver_network(const char *architecture, int head, int image_size, int classes, float dropout)
{
	vc_network_options options = {.architecture = architecture,.head = head,
	.image_size = image_size,.classes = classes,.dropout = dropout};
	vc_network *network;

	memcpy(options.mean, vc_imagenet_mean, sizeof(options.mean));
	memcpy(options.std, vc_imagenet_std, sizeof(options.std));
	return vc_network_create(&options, &network, &last_error) == VC_OK ? network : NULL;
}

int
driver_features(const vc_network *network)
{
	return network->features;
}

const char *
driver_parameter(const vc_network *network, int index, int *role, int *group,
				 int *ndim, int shape[4])
{
	const vc_parameter *p;

	if (index >= network->parameter_count)
		return NULL;
	p = &network->parameters[index];
	*role = p->role;
	*group = p->group;
	*ndim = p->ndim;
	memcpy(shape, p->shape, sizeof(p->shape));
	return p->name;
}

vc_plan *
driver_plan(driver_session *s, const vc_network *network, int training, int direct, int max_batch)
{
	vc_plan_options options = {
		.purpose = training ? VC_TRAINING : VC_INFERENCE,
		.precision = direct ? VC_FLOAT32 : VC_PRECISION_AUTO,
		.algorithm = direct ? VC_ALGORITHM_DIRECT : VC_ALGORITHM_AUTO,
		.max_batch = max_batch
	};
	vc_plan    *plan;

	return s->api->plan(s->device, network, &options, &plan, &last_error) == VC_OK ? plan : NULL;
}

vc_plan *
driver_int8_plan(driver_session *s, const vc_network *network, int max_batch, const float *ranges)
{
	vc_plan_options options = {.purpose = VC_INFERENCE,.precision = VC_INT8,
	.max_batch = max_batch,.ranges = ranges};
	vc_plan    *plan;

	return s->api->plan(s->device, network, &options, &plan, &last_error) == VC_OK ? plan : NULL;
}

bool
driver_calibrate(driver_session *s, vc_plan *plan, const uint8_t *images, int count, float *ranges)
{
	return s->api->calibrate(plan, images, count, ranges, &last_error) == VC_OK;
}

int
driver_nodes(const vc_network *network)
{
	return network->node_count;
}

void
driver_plan_free(driver_session *s, vc_plan *plan)
{
	s->api->plan_free(plan);
}

int64_t
driver_plan_memory(driver_session *s, const vc_plan *plan)
{
	return s->api->plan_memory(plan);
}

bool
driver_set(driver_session *s, vc_plan *plan, int index, const float *data)
{
	return s->api->set_parameter(plan, index, data, &last_error) == VC_OK;
}

bool
driver_get(driver_session *s, vc_plan *plan, int index, float *data)
{
	return s->api->get_parameter(plan, index, data, &last_error) == VC_OK;
}

bool
driver_gradient(driver_session *s, vc_plan *plan, int index, float *data)
{
	return s->api->get_gradient(plan, index, data, &last_error) == VC_OK;
}

bool
driver_forward(driver_session *s, vc_plan *plan, const uint8_t *images, int count,
			   float *logits, float *features)
{
	return s->api->forward(plan, images, count, logits, features, &last_error) == VC_OK;
}

bool
driver_train_step(driver_session *s, vc_plan *plan, const uint8_t *images,
				  const int32_t *labels, int count, const vc_step *step,
				  float *loss, float *logits)
{
	return s->api->train_step(plan, images, &(vc_targets) {.labels = labels}, count, step,
							  loss, logits, &last_error) == VC_OK;
}

/*
 * small_networks.h
 *		Networks of a few nodes, and random parameters and batches, for tests.
 */
#ifndef VISCLF_SMALL_NETWORKS_H
#define VISCLF_SMALL_NETWORKS_H

#include "engine/device.h"

/* The networks that hold every node type; index 0.. until it gives NULL. */
extern vc_network *small_network(int index);

/* A whole architecture, ImageNet's mean and std; NULL after printing why. */
extern vc_network *whole_network(const char *architecture, vc_head head, int image_size,
								 int classes, float dropout);

/*
 * Values for every stored parameter: the usual starting weights, and batch
 * norms that do something: weights in 0.5..1.5, biases and means in +-0.3,
 * variances in 0.5..1.5.  result[i] is NULL for constants.
 */
extern float **random_parameters(const vc_network *network, uint64_t seed);
extern void free_parameters(const vc_network *network, float **parameters);

/*
 * Images of waves in random colours with noise: unlike white noise they
 * still differ from each other behind a global pool.
 */
extern uint8_t *random_images(int count, int size, uint64_t seed);

/* The four losses that vc_targets has. */
typedef enum target_kind
{
	LABELS,
	WEIGHTED_LABELS,
	MEMBERS,
	WEIGHTED_MEMBERS,
	TARGET_KINDS
} target_kind;

/* Targets for a batch, in one piece for free(). */
extern vc_targets *random_targets(int count, int classes, target_kind kind, uint64_t seed);

#endif							/* VISCLF_SMALL_NETWORKS_H */

/*
 * network.h
 *		Networks as lists of nodes, with shapes worked out and checked.
 *
 * A network is described here, and a device makes a plan of it (device.h).
 * Nodes are in execution order: a node's inputs come before it.  Activations
 * are described as channels x height x width of one image; parameters have
 * torchvision's names and shapes.
 */
#ifndef VISCLF_NETWORK_H
#define VISCLF_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/support/status.h"

#define VC_NAME_SIZE		64
#define VC_MAX_CLASSES		10000
#define VC_MIN_IMAGE_SIZE	8
#define VC_MAX_IMAGE_SIZE	1024
#define VC_NORM_EPSILON		1e-5f	/* batch norm's epsilon */
#define VC_NORM_MOMENTUM	0.1f	/* weight of the new batch statistics */

typedef enum vc_op
{
	VC_INPUT,					/* uint8 RGB, normalised by mean and std */
	VC_CONVOLUTION,				/* square kernel, no bias */
	VC_BATCH_NORM,				/* per channel; also after a linear node */
	VC_RELU,
	VC_ADD,						/* of two inputs of one shape */
	VC_MAX_POOL,				/* square kernel; padding never wins */
	VC_AVERAGE_POOL,			/* global: H x W -> 1 x 1 */
	VC_CONCAT_POOL,				/* global: max, then average: C -> 2C */
	VC_DROPOUT,					/* inverted; nothing at inference */
	VC_LINEAR
} vc_op;

typedef enum vc_role
{
	VC_WEIGHT,					/* OIHW for convolution, OI for linear */
	VC_BIAS,
	VC_NORM_WEIGHT,
	VC_NORM_BIAS,
	VC_RUNNING_MEAN,			/* statistics: not trained by gradient */
	VC_RUNNING_VARIANCE,
	VC_CONSTANT					/* fixed by the architecture, never stored */
} vc_role;

typedef struct vc_parameter
{
	char		name[VC_NAME_SIZE]; /* torchvision's */
	vc_role		role;
	int			group;			/* 0..VC_GROUPS-1, for freezing and rates */
	int			ndim;
	int			shape[4];
	int64_t		count;			/* product of shape */
} vc_parameter;

typedef struct vc_node
{
	vc_op		op;
	int			input[2];		/* node indexes; -1: none */
	int			channels;		/* of the output */
	int			height;
	int			width;
	int			kernel;			/* convolution and max pool */
	int			stride;
	int			padding;
	float		rate;			/* dropout's share of zeros */
	int			weight;			/* parameter indexes; -1: none */
	int			bias;
	int			mean;
	int			variance;
} vc_node;

/* Layer groups, as fastai splits a ResNet. */
enum
{
	VC_GROUP_STEM,				/* up to and with layer2 (resnet20: layer1) */
	VC_GROUP_BODY,				/* the rest before the head */
	VC_GROUP_HEAD,
	VC_GROUPS
};

typedef enum vc_head
{
	VC_HEAD_CONCAT,				/* fastai's: max and average pool, two linear */
	VC_HEAD_LINEAR				/* torchvision's: average pool, one linear */
} vc_head;

typedef struct vc_network
{
	char		architecture[VC_NAME_SIZE];
	vc_head		head;
	int			image_size;		/* side of the input square, pixels */
	int			classes;
	float		mean[3];		/* of RGB in 0..1 */
	float		std[3];
	int			feature_node;	/* the pooled features before the head */
	int			features;		/* their number */
	int			node_count;
	vc_node    *nodes;			/* nodes[0] is the input, the last the logits */
	int			parameter_count;
	vc_parameter *parameters;
} vc_network;

typedef struct vc_network_options
{
	const char *architecture;	/* resnet18, resnet34, resnet50, resnet20 */
	vc_head		head;
	int			image_size;
	int			classes;
	float		mean[3];
	float		std[3];
	float		dropout;		/* of the concat head's last; half before; 0.5 */
} vc_network_options;

extern const float vc_imagenet_mean[3];
extern const float vc_imagenet_std[3];

/*
 * Describes a network.  Errors: VC_INVALID_ARGUMENT for an unknown
 * architecture or a size or class count outside its limits.
 */
extern vc_status vc_network_create(const vc_network_options *options,
								   vc_network **network, vc_error *error);
extern void vc_network_free(vc_network *network);

/* Index of the parameter of that name, or -1. */
extern int	vc_network_find(const vc_network *network, const char *name);

/*
 * Index of the only node that reads a node's output.  It is -1 if no node or
 * several nodes read it, or if the output is the features, which are handed
 * out.
 */
extern int	vc_network_only_reader(const vc_network *network, int node);

/* True for parameters that gradients change (weights, biases, norms). */
extern bool vc_parameter_trainable(const vc_parameter *parameter);

/* True for parameters that the database stores: all but constants. */
extern bool vc_parameter_stored(const vc_parameter *parameter);

/*
 * Writes a parameter's starting values into data[count]: Kaiming normal (fan
 * out for convolutions, fan in for the concat head; torch's uniform for the
 * linear head), batch norm 1 and 0, constants as the architecture defines
 * them.  The same seed gives the same values with the same C library.
 */
extern void vc_parameter_init(const vc_network *network, int index,
							  uint64_t seed, float *data);

/* Number of multiplications in one image's forward pass. */
extern int64_t vc_network_multiplications(const vc_network *network);

/* The name of architecture `index`, from 0; NULL after the last. */
extern const char *vc_architecture_name(int index);

/* "resnet18, resnet34, ..." for hints. */
extern const char *vc_architectures(void);

#endif							/* VISCLF_NETWORK_H */

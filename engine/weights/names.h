/*
 * names.h
 *		Finds parameters in the weights files of other programs.
 *
 * Names are recognised as torchvision, timm, fastai (vision_learner's body
 * and head), Hugging Face's ResNet, akamaster's CIFAR networks and this extension write them, behind
 * any "module.", "model.", "_orig_mod.", "backbone.", "net." and "network."
 * that wrappers put before them.  Batch norms'
 * num_batches_tracked is ignored.
 */
#ifndef VISCLF_NAMES_H
#define VISCLF_NAMES_H

#include "engine/network/network.h"
#include "engine/weights/safetensors.h"

/*
 * Translates a tensor's name in a file to a parameter's name; returns false
 * if it is too long for one.  A name that is not recognised stays as it is.
 */
extern bool vc_map_name(const char *file_name, char mapped[VC_NAME_SIZE]);

/*
 * Tells which network a file's tensors belong to.  Checks every tensor as
 * vc_weights_match does.  VC_INVALID_ARGUMENT also for a file without a
 * ResNet's first convolution or without a head.
 */
extern vc_status vc_weights_describe(const vc_safetensors *file,
									 char architecture[VC_NAME_SIZE], vc_head *head,
									 int *classes, vc_error *error);

/*
 * Finds the tensor of each parameter: tensors[parameter_count] gets indexes
 * into the file, -1 for constants.  Errors: VC_INVALID_ARGUMENT, naming the
 * first tensor that is not a parameter of the network, that has another shape,
 * that appears more than once, or that is missing.
 */
extern vc_status vc_weights_match(const vc_safetensors *file, const vc_network *network,
								  int *tensors, vc_error *error);

/*
 * True where a tensor is the first convolution of a network of grey images, 1
 * channel, and the parameter that of ours, 3: of a grey image a third of its
 * weights on each channel gives the same.
 */
extern bool vc_is_grey_stem(const vc_tensor *tensor, const vc_parameter *parameter);

/* Makes the weights of 3 channels of those of 1. */
extern void vc_spread_grey_stem(const float *grey, const vc_parameter *parameter, float *out);

#endif							/* VISCLF_NAMES_H */

/*
 * names.h
 *		Weights files of other programs: which tensor is which parameter.
 *
 * Names are recognised as torchvision, timm, fastai (vision_learner's
 * body and head), Hugging Face's ResNet, akamaster's CIFAR networks and this
 * extension write them, behind any "module.", "model.", "_orig_mod.", "backbone.",
 * "net." and "network." that wrappers put before them.  Batch norms'
 * num_batches_tracked is passed over.
 */
#ifndef VISCLF_NAMES_H
#define VISCLF_NAMES_H

#include "engine/network/network.h"
#include "engine/weights/safetensors.h"

/*
 * Writes the parameter's name that a tensor's name in a file stands for;
 * false where it is too long to be one.  A name that is not recognised stays
 * what it is.
 */
extern bool vc_map_name(const char *file_name, char mapped[VC_NAME_SIZE]);

/*
 * Says which network a file's tensors are.  Every tensor is checked as
 * vc_weights_match does; a further error is VC_INVALID_ARGUMENT for a file
 * without a ResNet's first convolution or without a head.
 */
extern vc_status vc_weights_describe(const vc_safetensors *file,
									 char architecture[VC_NAME_SIZE], vc_head *head,
									 int *classes, vc_error *error);

/*
 * Finds the tensor of each parameter: tensors[parameter_count] gets indexes
 * into the file, -1 for constants.  Errors: VC_INVALID_ARGUMENT, naming the
 * first tensor that is no parameter of the network, that has another shape,
 * that comes twice, or that is missing.
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

/*
 * resnet.c
 *		Residual networks (He, Zhang, Ren, Sun 2015), up to the last block.
 *
 * resnet18, 34 and 50 have the ImageNet stem and torchvision's tensor names;
 * resnet50 strides in its 3x3 convolution, as torchvision's does. resnet20
 * has the CIFAR stem and shortcuts without parameters ("option A"): every
 * second pixel, new channels zero.  That shortcut is a 1x1 convolution of
 * stride 2 with fixed weights, so that devices need no special node for it.
 */
#include <stdio.h>

#include "engine/network/builder.h"

/* Convolution and batch norm, named <prefix><conv> and <prefix><norm>. */
static int
conv_norm(vc_builder *b, const char *prefix, const char *conv, const char *norm,
		  int input, int channels, int kernel, int stride, int padding)
{
	char		name[VC_NAME_SIZE];
	int			x;

	snprintf(name, sizeof(name), "%s%s", prefix, conv);
	x = vc_add_convolution(b, name, input, channels, kernel, stride, padding, VC_WEIGHT);
	snprintf(name, sizeof(name), "%s%s", prefix, norm);
	return vc_add_batch_norm(b, name, x);
}

/* The shortcut of a block that changes shape: 1x1 convolution and norm. */
static int
projection(vc_builder *b, const char *prefix, int input, int channels, int stride)
{
	return conv_norm(b, prefix, "downsample.0", "downsample.1",
					 input, channels, 1, stride, 0);
}

/* resnet20's shortcut: see the head of this file. */
static int
subsample(vc_builder *b, const char *prefix, int input, int channels, int stride)
{
	char		name[VC_NAME_SIZE];

	snprintf(name, sizeof(name), "%sshortcut", prefix);
	return vc_add_convolution(b, name, input, channels, 1, stride, 0, VC_CONSTANT);
}

typedef int (*shortcut_function) (vc_builder *b, const char *prefix, int input,
								  int channels, int stride);

/* Adds two 3x3 convolutions and the shortcut. */
static int
basic_block(vc_builder *b, const char *prefix, int input, int channels,
			int stride, shortcut_function shortcut)
{
	bool		same = stride == 1 && b->network->nodes[input].channels == channels;
	int			x;

	x = conv_norm(b, prefix, "conv1", "bn1", input, channels, 3, stride, 1);
	x = vc_add_relu(b, x);
	x = conv_norm(b, prefix, "conv2", "bn2", x, channels, 3, 1, 1);
	x = vc_add_sum(b, x, same ? input : shortcut(b, prefix, input, channels, stride));
	return vc_add_relu(b, x);
}

/* Adds 1x1, 3x3, 1x1 with four times the channels, and the shortcut. */
static int
bottleneck_block(vc_builder *b, const char *prefix, int input, int channels,
				 int stride, shortcut_function shortcut)
{
	int			wide = channels * 4;
	bool		same = stride == 1 && b->network->nodes[input].channels == wide;
	int			x;

	x = conv_norm(b, prefix, "conv1", "bn1", input, channels, 1, 1, 0);
	x = vc_add_relu(b, x);
	x = conv_norm(b, prefix, "conv2", "bn2", x, channels, 3, stride, 1);
	x = vc_add_relu(b, x);
	x = conv_norm(b, prefix, "conv3", "bn3", x, wide, 1, 1, 0);
	x = vc_add_sum(b, x, same ? input : shortcut(b, prefix, input, wide, stride));
	return vc_add_relu(b, x);
}

typedef int (*block_function) (vc_builder *b, const char *prefix, int input,
							   int channels, int stride, shortcut_function shortcut);

/* Adds layer<number>: `blocks` blocks, of which the first may stride. */
static int
layer(vc_builder *b, int number, int input, block_function block, int blocks,
	  int channels, int stride, shortcut_function shortcut)
{
	char		prefix[VC_NAME_SIZE];
	int			x = input;

	for (int i = 0; i < blocks && b->status == VC_OK; i++)
	{
		snprintf(prefix, sizeof(prefix), "layer%d.%d.", number, i);
		x = block(b, prefix, x, channels, i == 0 ? stride : 1, shortcut);
	}
	return x;
}

static void
imagenet_resnet(vc_builder *b, block_function block, const int blocks[4])
{
	int			x;

	x = conv_norm(b, "", "conv1", "bn1", 0, 64, 7, 2, 3);
	x = vc_add_relu(b, x);
	x = vc_add_max_pool(b, x, 3, 2, 1);
	x = layer(b, 1, x, block, blocks[0], 64, 1, projection);
	x = layer(b, 2, x, block, blocks[1], 128, 2, projection);
	b->group = VC_GROUP_BODY;
	x = layer(b, 3, x, block, blocks[2], 256, 2, projection);
	layer(b, 4, x, block, blocks[3], 512, 2, projection);
}

void
vc_build_resnet18(vc_builder *b)
{
	imagenet_resnet(b, basic_block, (const int[4]) {2, 2, 2, 2});
}

void
vc_build_resnet34(vc_builder *b)
{
	imagenet_resnet(b, basic_block, (const int[4]) {3, 4, 6, 3});
}

void
vc_build_resnet50(vc_builder *b)
{
	imagenet_resnet(b, bottleneck_block, (const int[4]) {3, 4, 6, 3});
}

void
vc_build_resnet20(vc_builder *b)
{
	int			x;

	b->linear_name = "linear";
	x = conv_norm(b, "", "conv1", "bn1", 0, 16, 3, 1, 1);
	x = vc_add_relu(b, x);
	x = layer(b, 1, x, basic_block, 3, 16, 1, subsample);
	b->group = VC_GROUP_BODY;
	x = layer(b, 2, x, basic_block, 3, 32, 2, subsample);
	layer(b, 3, x, basic_block, 3, 64, 2, subsample);
}

/*
 * names.c
 *		Recognises networks in weights files by their tensors' names.
 *
 * torchvision's names are the parameters' own. timm's resnet18, 34 and 50
 * have the same; its variants with a stem of three convolutions (resnet18d,
 * resnet50d, ...) are other networks.  So are those that blur before they
 * stride (resnetblur50, resnetaa50), but no tensor tells them apart. fastai's
 * vision_learner makes a Sequential of body and head, whose children are
 * numbered; if the network is timm's, the body is the model itself. Hugging
 * Face's ResNet names its layers in a way of its own. A head of torchvision's
 * that became a Sequential (a dropout, a linear layer) has a number.
 */
#include "engine/weights/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/weights/json.h"

static const struct
{
	const char *from;			/* how a name begins in fastai's files */
	const char *to;
}			fastai_names[] =
{
	{"0.0.", "conv1."},
	{"0.1.", "bn1."},
	{"0.4.", "layer1."},
	{"0.5.", "layer2."},
	{"0.6.", "layer3."},
	{"0.7.", "layer4."},
	{"0.model.", ""},
	{"1.2.", "head.norm1."},
	{"1.4.", "head.linear1."},
	{"1.6.", "head.norm2."},
	{"1.8.", "head.linear2."},
};

#define FASTAI_NAMES ((int) (sizeof(fastai_names) / sizeof(fastai_names[0])))

/* Tensors that tell networks apart. */
enum
{
	STEM,
	BOTTLENECK,
	THIRD_BLOCK,
	CONCAT_HEAD,
	LINEAR_HEAD,
	CIFAR_LINEAR_HEAD,
	SIGNS
};

static const char *const sign_names[SIGNS] = {
	"conv1.weight", "layer1.0.conv3.weight", "layer1.2.conv1.weight",
	"head.linear2.weight", "fc.weight", "linear.weight"
};

static bool
begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Batch norm's counter of batches, which nothing reads. */
static bool
is_counter(const char *name)
{
	static const char counter[] = ".num_batches_tracked";
	size_t		length = strlen(name);

	return length >= sizeof(counter) - 1 &&
		strcmp(name + length - (sizeof(counter) - 1), counter) == 0;
}

/* A name without what wrappers put before it: data parallelism, torch.compile, modules that hold the network. */
static const char *
unwrap(const char *name)
{
	static const char *const wrappers[] = {"module.", "model.", "_orig_mod.", "backbone.", "net.", "network."};

	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (begins_with(name, wrappers[i]))
		{
			name += strlen(wrappers[i]);
			i = (size_t) -1;
		}
	return name;
}

/* The end of a name of Hugging Face's: a convolution's or a batch norm's. */
static bool
map_hugging_face_layer(const char *end, const char *convolution, const char *norm, char mapped[VC_NAME_SIZE])
{
	int			length;

	if (strcmp(end, "convolution.weight") == 0)
		length = snprintf(mapped, VC_NAME_SIZE, "%s.weight", convolution);
	else if (begins_with(end, "normalization."))
		length = snprintf(mapped, VC_NAME_SIZE, "%s.%s", norm, end + strlen("normalization."));
	else
		return false;
	return length < VC_NAME_SIZE;
}

/* A name of Hugging Face's ResNetForImageClassification, or of its body alone. */
static bool
map_hugging_face(const char *name, char mapped[VC_NAME_SIZE])
{
	char		convolution[VC_NAME_SIZE],
				norm[VC_NAME_SIZE];
	unsigned int stage,
				block,
				layer;
	int			length = 0;

	if (begins_with(name, "resnet."))
		name += strlen("resnet.");
	if (begins_with(name, "embedder.embedder."))
		return map_hugging_face_layer(name + strlen("embedder.embedder."), "conv1", "bn1", mapped);
	if (sscanf(name, "encoder.stages.%1u.layers.%2u.layer.%1u.%n", &stage, &block, &layer, &length) == 3 && length > 0)
	{
		snprintf(convolution, sizeof(convolution), "layer%u.%u.conv%u", stage + 1, block, layer + 1);
		snprintf(norm, sizeof(norm), "layer%u.%u.bn%u", stage + 1, block, layer + 1);
	}
	else if (sscanf(name, "encoder.stages.%1u.layers.%2u.shortcut.%n", &stage, &block, &length) == 2 && length > 0)
	{
		snprintf(convolution, sizeof(convolution), "layer%u.%u.downsample.0", stage + 1, block);
		snprintf(norm, sizeof(norm), "layer%u.%u.downsample.1", stage + 1, block);
	}
	else
		return false;
	return map_hugging_face_layer(name + length, convolution, norm, mapped);
}

/* A linear head that is a child of a Sequential: fc.1.weight, classifier.1.weight. */
static bool
map_numbered_head(const char *name, char mapped[VC_NAME_SIZE])
{
	static const char *const heads[] = {"fc.%1u.%n", "classifier.%1u.%n"};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
	{
		unsigned int child;
		int			length = 0;

		if (sscanf(name, heads[i], &child, &length) == 1 && length > 0 &&
			(strcmp(name + length, "weight") == 0 || strcmp(name + length, "bias") == 0))
		{
			snprintf(mapped, VC_NAME_SIZE, "fc.%s", name + length);
			return true;
		}
	}
	return false;
}

bool
vc_map_name(const char *name, char mapped[VC_NAME_SIZE])
{
	const char *prefix = "";
	size_t		length;

	name = unwrap(name);
	if (map_hugging_face(name, mapped) || map_numbered_head(name, mapped))
		return true;
	for (int i = 0; i < FASTAI_NAMES; i++)
		if (begins_with(name, fastai_names[i].from))
		{
			prefix = fastai_names[i].to;
			name += strlen(fastai_names[i].from);
			break;
		}
	length = strlen(prefix) + strlen(name);
	if (length >= VC_NAME_SIZE)
		return false;
	strcpy(mapped, prefix);
	strcat(mapped, name);
	return true;
}

/* Finds the tensors that tell networks apart; NULL for those that are missing. */
static void
find_signs(const vc_safetensors *file, const vc_tensor *signs[SIGNS],
		   const vc_tensor **deep_stem)
{
	for (int s = 0; s < SIGNS; s++)
		signs[s] = NULL;
	*deep_stem = NULL;
	for (int i = 0; i < vc_safetensors_count(file); i++)
	{
		const vc_tensor *tensor = vc_safetensors_tensor(file, i);
		char		name[VC_NAME_SIZE];

		if (!vc_map_name(tensor->name, name))
			continue;
		for (int s = 0; s < SIGNS; s++)
			if (strcmp(name, sign_names[s]) == 0)
				signs[s] = tensor;
		if (strcmp(name, "conv1.0.weight") == 0)
			*deep_stem = tensor;
	}
}

/* The hint of every error here. */
static vc_status
hint(vc_error *error)
{
	return vc_hint(error, VC_INVALID_ARGUMENT,
				   "Supported are files of %s with tensors named as by torchvision, timm, fastai or visclf.",
				   vc_architectures());
}

/* "64 x 3 x 7 x 7" */
static const char *
show_shape(int ndim, const int64_t *shape, char out[VC_SHOWN_SIZE])
{
	int			length = 0;

	if (ndim == 0)
		return "a scalar";
	for (int i = 0; i < ndim && length < VC_SHOWN_SIZE; i++)
		length += snprintf(out + length, (size_t) (VC_SHOWN_SIZE - length), "%s%lld",
						   i == 0 ? "" : " x ", (long long) shape[i]);
	return out;
}

bool
vc_is_grey_stem(const vc_tensor *tensor, const vc_parameter *p)
{
	return strcmp(p->name, sign_names[STEM]) == 0 && tensor->ndim == 4 && p->ndim == 4 && p->shape[1] == 3 &&
		tensor->shape[0] == p->shape[0] && tensor->shape[1] == 1 &&
		tensor->shape[2] == p->shape[2] && tensor->shape[3] == p->shape[3];
}

void
vc_spread_grey_stem(const float *grey, const vc_parameter *p, float *out)
{
	int64_t		pixels = (int64_t) p->shape[2] * p->shape[3];

	for (int64_t filter = 0; filter < p->shape[0]; filter++)
		for (int64_t i = 0; i < 3 * pixels; i++)
			out[filter * 3 * pixels + i] = grey[filter * pixels + i % pixels] / 3;
}

static vc_status
check_shape(const vc_tensor *tensor, const vc_parameter *p, const vc_network *network,
			vc_error *error)
{
	int64_t		wanted[4];
	bool		same = tensor->ndim == p->ndim;
	bool		grey = vc_is_grey_stem(tensor, p);
	char		name[VC_SHOWN_SIZE],
				has[VC_SHOWN_SIZE],
				needs[VC_SHOWN_SIZE];

	for (int i = 0; i < p->ndim; i++)
	{
		wanted[i] = p->shape[i];
		same = same && tensor->shape[i] == wanted[i];
	}
	if (same || grey)
		return VC_OK;
	vc_fail(error, VC_INVALID_ARGUMENT, "tensor \"%s\" is %s, but %s in %s is %s",
			vc_show_name(tensor->name, name), show_shape(tensor->ndim, tensor->shape, has),
			p->name, network->architecture, show_shape(p->ndim, wanted, needs));
	return hint(error);
}

/* Finds a tensor's parameter, which no tensor may have taken before. */
static vc_status
match_tensor(const vc_safetensors *file, int index, const vc_network *network,
			 int *tensors, vc_error *error)
{
	const vc_tensor *tensor = vc_safetensors_tensor(file, index);
	char		mapped[VC_NAME_SIZE],
				name[VC_SHOWN_SIZE],
				other[VC_SHOWN_SIZE];
	int			p = -1;

	if (vc_map_name(tensor->name, mapped))
		p = vc_network_find(network, mapped);
	vc_show_name(tensor->name, name);
	if (p < 0 || !vc_parameter_stored(&network->parameters[p]))
	{
		vc_fail(error, VC_INVALID_ARGUMENT, "tensor \"%s\" is not a parameter of %s with a %s head",
				name, network->architecture,
				network->head == VC_HEAD_CONCAT ? "concat" : "linear");
		return hint(error);
	}
	if (tensors[p] >= 0)
		return vc_fail(error, VC_INVALID_ARGUMENT, "tensors \"%s\" and \"%s\" are both %s",
					   vc_show_name(vc_safetensors_tensor(file, tensors[p])->name, other),
					   name, network->parameters[p].name);
	tensors[p] = index;
	return check_shape(tensor, &network->parameters[p], network, error);
}

vc_status
vc_weights_match(const vc_safetensors *file, const vc_network *network,
				 int *tensors, vc_error *error)
{
	vc_status	status = VC_OK;

	for (int p = 0; p < network->parameter_count; p++)
		tensors[p] = -1;
	for (int i = 0; i < vc_safetensors_count(file) && status == VC_OK; i++)
		if (!is_counter(vc_safetensors_tensor(file, i)->name))
			status = match_tensor(file, i, network, tensors, error);
	if (status != VC_OK)
		return status;
	for (int p = 0; p < network->parameter_count; p++)
		if (tensors[p] < 0 && vc_parameter_stored(&network->parameters[p]))
		{
			vc_fail(error, VC_INVALID_ARGUMENT, "the file has no tensor for %s of %s",
					network->parameters[p].name, network->architecture);
			return hint(error);
		}
	return VC_OK;
}

/* Tells which network a file with these signs is. */
static vc_status
describe_body(const vc_tensor *const signs[SIGNS], const vc_tensor *deep_stem,
			  char architecture[VC_NAME_SIZE], vc_error *error)
{
	const vc_tensor *stem = signs[STEM];
	const char *name = signs[BOTTLENECK] != NULL ? "resnet50" :
		signs[THIRD_BLOCK] != NULL ? "resnet34" : "resnet18";
	char		shown[VC_SHOWN_SIZE];

	if (stem == NULL)
	{
		if (deep_stem != NULL)
			vc_fail(error, VC_INVALID_ARGUMENT,
					"tensor \"%s\" belongs to a stem of several convolutions, which no supported network has",
					vc_show_name(deep_stem->name, shown));
		else
			vc_fail(error, VC_INVALID_ARGUMENT, "no tensor is a ResNet's first convolution, %s",
					sign_names[STEM]);
		return hint(error);
	}
	if (stem->ndim == 4 && stem->shape[0] == 16)
		name = "resnet20";
	snprintf(architecture, VC_NAME_SIZE, "%s", name);
	return VC_OK;
}

static vc_status
describe_head(const vc_tensor *const signs[SIGNS], vc_head *head, int *classes,
			  vc_error *error)
{
	const vc_tensor *last = signs[CONCAT_HEAD];
	char		name[VC_SHOWN_SIZE],
				shape[VC_SHOWN_SIZE];

	*head = last != NULL ? VC_HEAD_CONCAT : VC_HEAD_LINEAR;
	if (last == NULL)
		last = signs[LINEAR_HEAD] != NULL ? signs[LINEAR_HEAD] : signs[CIFAR_LINEAR_HEAD];
	if (last == NULL)
	{
		vc_fail(error, VC_INVALID_ARGUMENT, "the file has no head: none of %s, %s, %s",
				sign_names[LINEAR_HEAD], sign_names[CIFAR_LINEAR_HEAD], sign_names[CONCAT_HEAD]);
		return hint(error);
	}
	if (last->ndim != 2 || last->shape[0] < 1 || last->shape[0] > VC_MAX_CLASSES)
		return vc_fail(error, VC_INVALID_ARGUMENT,
					   "tensor \"%s\" is %s, not 1 to %d classes by features",
					   vc_show_name(last->name, name),
					   show_shape(last->ndim, last->shape, shape), VC_MAX_CLASSES);
	*classes = (int) last->shape[0];
	return VC_OK;
}

/* Matches the file against a network of that description. */
static vc_status
check_network(const vc_safetensors *file, const char *architecture, vc_head head,
			  int classes, vc_error *error)
{
	vc_network_options options = {
		.architecture = architecture,
		.head = head,
		.image_size = VC_MAX_IMAGE_SIZE,
		.classes = classes,
		.std = {1, 1, 1}
	};
	vc_network *network;
	int		   *tensors;
	vc_status	status = vc_network_create(&options, &network, error);

	if (status != VC_OK)
		return status;
	tensors = malloc((size_t) network->parameter_count * sizeof(*tensors));
	if (tensors == NULL)
		status = vc_no_memory(error, (size_t) network->parameter_count * sizeof(*tensors));
	else
		status = vc_weights_match(file, network, tensors, error);
	free(tensors);
	vc_network_free(network);
	return status;
}

vc_status
vc_weights_describe(const vc_safetensors *file, char architecture[VC_NAME_SIZE],
					vc_head *head, int *classes, vc_error *error)
{
	const vc_tensor *signs[SIGNS];
	const vc_tensor *deep_stem;
	vc_status	status;

	find_signs(file, signs, &deep_stem);
	status = describe_body(signs, deep_stem, architecture, error);
	if (status == VC_OK)
		status = describe_head(signs, head, classes, error);
	if (status == VC_OK)
		status = check_network(file, architecture, *head, *classes, error);
	return status;
}

/*
 * test_names.c
 *		Networks are recognised in files by torchvision's, timm's, fastai's,
 *		akamaster's and our own tensor names; other files are refused with a
 *		reason.
 *
 * The files are made here: the names are what the state_dict() of each
 * program's model has, the data are zeros.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/weights/names.h"
#include "test/unit/tap.h"

#define MAX_TENSORS 512

/* A file to be made. */
typedef struct draft
{
	int			count;
	char		name[MAX_TENSORS][96];
	int			ndim[MAX_TENSORS];
	int			shape[MAX_TENSORS][4];
} draft;

static void
add(draft *d, const char *prefix, const char *name, int ndim, int d0, int d1, int size)
{
	int			i = d->count++;

	snprintf(d->name[i], sizeof(d->name[i]), "%s%s", prefix, name);
	d->ndim[i] = ndim;
	d->shape[i][0] = d0;
	d->shape[i][1] = d1;
	d->shape[i][2] = d->shape[i][3] = size;
}

static void
add_convolution(draft *d, const char *prefix, const char *name, int out, int in, int size)
{
	char		weight[96];

	snprintf(weight, sizeof(weight), "%s.weight", name);
	add(d, prefix, weight, 4, out, in, size);
}

static void
add_norm(draft *d, const char *prefix, const char *name, int channels)
{
	static const char *const suffixes[] = {"weight", "bias", "running_mean", "running_var"};
	char		full[96];

	for (int i = 0; i < 4; i++)
	{
		snprintf(full, sizeof(full), "%s.%s", name, suffixes[i]);
		add(d, prefix, full, 1, channels, 0, 0);
	}
	snprintf(full, sizeof(full), "%s.num_batches_tracked", name);
	add(d, prefix, full, 0, 0, 0, 0);
}

/* One block as torchvision and fastai name it; returns its output channels. */
static int
add_block(draft *d, const char *prefix, int in, int channels, bool bottleneck, bool shortcuts)
{
	int			out = bottleneck ? channels * 4 : channels;

	add_convolution(d, prefix, "conv1", channels, in, bottleneck ? 1 : 3);
	add_norm(d, prefix, "bn1", channels);
	add_convolution(d, prefix, "conv2", channels, channels, 3);
	add_norm(d, prefix, "bn2", channels);
	if (bottleneck)
	{
		add_convolution(d, prefix, "conv3", out, channels, 1);
		add_norm(d, prefix, "bn3", out);
	}
	if (shortcuts && in != out)
	{
		add_convolution(d, prefix, "downsample.0", out, in, 1);
		add_norm(d, prefix, "downsample.1", out);
	}
	return out;
}

/* How a program names the parts of a ResNet's body. */
typedef struct body_names
{
	const char *stem;
	const char *norm;
	const char *layer;			/* before the layer's number */
	int			first;			/* that number for layer1 */
} body_names;

static const body_names torchvision = {"conv1", "bn1", "layer", 1};
static const body_names fastai = {"0.0", "0.1", "0.", 4};
static const body_names fastai_timm = {"0.model.conv1", "0.model.bn1", "0.model.layer", 1};

/* A whole body; returns its features. */
static int
add_body(draft *d, const char *prefix, const body_names *names, const char *architecture)
{
	bool		cifar = strcmp(architecture, "resnet20") == 0;
	bool		bottleneck = strcmp(architecture, "resnet50") == 0;
	bool		small = strcmp(architecture, "resnet18") == 0;
	static const int deep[4] = {3, 4, 6, 3};
	int			channels = cifar ? 16 : 64;
	int			in = channels;

	add_convolution(d, prefix, names->stem, channels, 3, cifar ? 3 : 7);
	add_norm(d, prefix, names->norm, channels);
	for (int layer = 0; layer < (cifar ? 3 : 4); layer++, channels *= 2)
		for (int block = 0; block < (cifar ? 3 : small ? 2 : deep[layer]); block++)
		{
			char		full[64];

			snprintf(full, sizeof(full), "%s%s%d.%d.", prefix, names->layer, names->first + layer, block);
			in = add_block(d, full, in, channels, bottleneck, !cifar);
		}
	return in;
}

static void
add_linear_head(draft *d, const char *prefix, const char *name, int features, int classes)
{
	char		full[32];

	snprintf(full, sizeof(full), "%s.weight", name);
	add(d, prefix, full, 2, classes, features, 0);
	snprintf(full, sizeof(full), "%s.bias", name);
	add(d, prefix, full, 1, classes, 0, 0);
}

/* A concat head: its four layers' names come in order. */
static void
add_concat_head(draft *d, const char *prefix, const char *const names[4], int features, int classes)
{
	char		full[32];

	add_norm(d, prefix, names[0], 2 * features);
	snprintf(full, sizeof(full), "%s.weight", names[1]);
	add(d, prefix, full, 2, 512, 2 * features, 0);
	add_norm(d, prefix, names[2], 512);
	snprintf(full, sizeof(full), "%s.weight", names[3]);
	add(d, prefix, full, 2, classes, 512, 0);
}

static const char *const fastai_head[4] = {"1.2", "1.4", "1.6", "1.8"};
static const char *const own_head[4] = {"head.norm1", "head.linear1", "head.norm2", "head.linear2"};

/* Makes the file; the caller frees both. */
static vc_safetensors *
make(const draft *d, uint8_t **data)
{
	static vc_tensor_entry entries[MAX_TENSORS];
	vc_safetensors_layout plan = {.tensors = entries,.tensor_count = d->count};
	vc_safetensors *file;
	vc_error	error = {0};

	for (int i = 0; i < d->count; i++)
	{
		memset(&entries[i], 0, sizeof(entries[i]));
		entries[i].name = d->name[i];
		entries[i].ndim = d->ndim[i];
		entries[i].shape = d->shape[i];
	}
	if (vc_safetensors_lay_out(&plan, &error) != VC_OK)
		abort();
	*data = calloc(1, plan.file_size);
	vc_safetensors_write_header(&plan, *data);
	if (vc_safetensors_open(*data, plan.file_size, &file, &error) != VC_OK)
	{
		diag("%s", error.message);
		abort();
	}
	return file;
}

static void
expect(const draft *d, const char *what, const char *architecture, vc_head head, int classes)
{
	uint8_t    *data;
	vc_safetensors *file = make(d, &data);
	char		found[VC_NAME_SIZE] = "";
	vc_head		found_head = VC_HEAD_CONCAT;
	int			found_classes = 0;
	vc_error	error = {0};
	vc_status	status = vc_weights_describe(file, found, &found_head, &found_classes, &error);

	if (!ok(status == VC_OK && strcmp(found, architecture) == 0 && found_head == head &&
			found_classes == classes, "recognised: %s", what))
		diag("%s, head %d, %d classes: %s", found, found_head, found_classes, error.message);
	vc_safetensors_free(file);
	free(data);
}

static void
expect_refused(const draft *d, const char *what, const char *message)
{
	uint8_t    *data;
	vc_safetensors *file = make(d, &data);
	char		found[VC_NAME_SIZE];
	vc_head		head;
	int			classes;
	vc_error	error = {0};
	vc_status	status = vc_weights_describe(file, found, &head, &classes, &error);

	if (!ok(status == VC_INVALID_ARGUMENT && error.code == status &&
			strstr(error.message, message) != NULL, "refused: %s", what))
		diag("%d: %s", status, error.message);
	vc_safetensors_free(file);
	free(data);
}

static draft *
clear(void)
{
	static draft d;

	d.count = 0;
	return &d;
}

static draft *
torchvision_file(const char *prefix, const char *architecture, int classes)
{
	draft	   *d = clear();

	add_linear_head(d, prefix, "fc", add_body(d, prefix, &torchvision, architecture), classes);
	return d;
}

static draft *
fastai_file(const body_names *names, const char *architecture, int classes)
{
	draft	   *d = clear();

	add_concat_head(d, "", fastai_head, add_body(d, "", names, architecture), classes);
	return d;
}

static void
test_recognised(void)
{
	static const char *const architectures[3] = {"resnet18", "resnet34", "resnet50"};
	char		what[64];
	draft	   *d;

	for (int i = 0; i < 3; i++)
	{
		const char *a = architectures[i];

		snprintf(what, sizeof(what), "torchvision's %s", a);
		expect(torchvision_file("", a, 1000), what, a, VC_HEAD_LINEAR, 1000);
		snprintf(what, sizeof(what), "%s behind module.", a);
		expect(torchvision_file("module.", a, 7), what, a, VC_HEAD_LINEAR, 7);
		snprintf(what, sizeof(what), "%s behind model.", a);
		expect(torchvision_file("model.", a, 1), what, a, VC_HEAD_LINEAR, 1);
		snprintf(what, sizeof(what), "fastai's %s", a);
		expect(fastai_file(&fastai, a, 2), what, a, VC_HEAD_CONCAT, 2);
		snprintf(what, sizeof(what), "fastai's %s of timm", a);
		expect(fastai_file(&fastai_timm, a, 3), what, a, VC_HEAD_CONCAT, 3);
	}
	expect(torchvision_file("module.model.", "resnet18", 7), "both prefixes", "resnet18", VC_HEAD_LINEAR, 7);

	d = clear();
	add_linear_head(d, "", "linear", add_body(d, "", &torchvision, "resnet20"), 10);
	expect(d, "akamaster's resnet20", "resnet20", VC_HEAD_LINEAR, 10);
	d = clear();
	add_linear_head(d, "module.", "linear", add_body(d, "module.", &torchvision, "resnet20"), 10);
	expect(d, "akamaster's resnet20 behind module.", "resnet20", VC_HEAD_LINEAR, 10);
	d = clear();
	add_concat_head(d, "", own_head, add_body(d, "", &torchvision, "resnet20"), 2);
	expect(d, "our resnet20 with a concat head", "resnet20", VC_HEAD_CONCAT, 2);
	d = clear();
	add_concat_head(d, "", own_head, add_body(d, "", &torchvision, "resnet50"), 5);
	expect(d, "our resnet50 with a concat head", "resnet50", VC_HEAD_CONCAT, 5);
}

/* The index of a tensor of a draft. */
static int
at(const draft *d, const char *name)
{
	for (int i = 0; i < d->count; i++)
		if (strcmp(d->name[i], name) == 0)
			return i;
	abort();
}

static void
rename_tensor(draft *d, const char *from, const char *to)
{
	strcpy(d->name[at(d, from)], to);
}

static void
test_refused(void)
{
	draft	   *d = clear();

	expect_refused(d, "no tensors", "no tensor is a ResNet's first convolution");
	add(d, "", "layer1.0.conv1.weight", 4, 64, 64, 3);
	expect_refused(d, "no stem", "no tensor is a ResNet's first convolution");
	d = clear();
	add_body(d, "", &torchvision, "resnet18");
	expect_refused(d, "no head", "the file has no head");

	d = torchvision_file("", "resnet18", 10);
	rename_tensor(d, "conv1.weight", "conv1.0.weight");
	expect_refused(d, "timm's resnet18d", "tensor \"conv1.0.weight\" belongs to a stem of several");
	d = torchvision_file("", "resnet50", 10);
	add_block(d, "layer3.6.", 1024, 256, true, true);
	expect_refused(d, "resnet101", "tensor \"layer3.6.conv1.weight\" is not a parameter of resnet50");
	d = torchvision_file("", "resnet34", 10);
	rename_tensor(d, "layer3.5.conv1.weight", "layer3.5.conv1.num_batches_tracked");
	expect_refused(d, "a block that lacks a tensor", "no tensor for layer3.5.conv1.weight of resnet34");
	d = torchvision_file("", "resnet50", 10);
	d->shape[at(d, "layer1.0.conv2.weight")][0] = 128;
	expect_refused(d, "a wide resnet50", "\"layer1.0.conv2.weight\" is 128 x 64 x 3 x 3, but layer1.0.conv2.weight in resnet50 is 64 x 64 x 3 x 3");
	d = torchvision_file("", "resnet18", 10);
	add(d, "", "layer1.0.se.fc1.weight", 4, 4, 64, 1);
	expect_refused(d, "an attention layer", "\"layer1.0.se.fc1.weight\" is not a parameter of resnet18 with a linear head");
	d = torchvision_file("", "resnet18", 10);
	add(d, "module.", "bn1.bias", 1, 64, 0, 0);
	expect_refused(d, "a parameter under two names", "tensors \"bn1.bias\" and \"module.bn1.bias\" are both bn1.bias");
	d = torchvision_file("", "resnet18", 10);
	d->ndim[at(d, "bn1.bias")] = 0;
	expect_refused(d, "a scalar", "tensor \"bn1.bias\" is a scalar, but bn1.bias in resnet18 is 64");
	d = torchvision_file("", "resnet18", 10);
	d->ndim[at(d, "fc.weight")] = 4;
	d->shape[at(d, "fc.weight")][2] = d->shape[at(d, "fc.weight")][3] = 1;
	expect_refused(d, "a head that is a convolution", "\"fc.weight\" is 10 x 512 x 1 x 1, not 1 to 10000 classes");
	expect_refused(torchvision_file("", "resnet18", 0), "no classes", "\"fc.weight\" is 0 x 512");
	expect_refused(torchvision_file("", "resnet18", 10001), "too many classes", "\"fc.weight\" is 10001 x 512");
	expect_refused(torchvision_file("", "resnet20", 10), "resnet20 with torchvision's head", "\"fc.weight\" is not a parameter of resnet20");

	d = fastai_file(&fastai, "resnet18", 2);
	d->shape[at(d, "1.2.weight")][0] = 512;
	expect_refused(d, "fastai without concat pool", "\"1.2.weight\" is 512, but head.norm1.weight in resnet18 is 1024");
	d = fastai_file(&fastai, "resnet18", 2);
	add(d, "", "1.8.bias", 1, 2, 0, 0);
	expect_refused(d, "fastai 1's head", "\"1.8.bias\" is not a parameter of resnet18 with a concat head");
	d = clear();
	add_linear_head(d, "", "linear", add_body(d, "", &torchvision, "resnet20"), 10);
	add(d, "", "layer2.0.shortcut.weight", 4, 32, 16, 1);
	expect_refused(d, "resnet20 with learned shortcuts", "\"layer2.0.shortcut.weight\" is not a parameter of resnet20");
}

static void
test_mapping(void)
{
	static const char *const pairs[][2] = {
		{"_orig_mod.conv1.weight", "conv1.weight"},
		{"module._orig_mod.layer1.0.bn1.bias", "layer1.0.bn1.bias"},
		{"_orig_mod.module.fc.weight", "fc.weight"},
		{"backbone.conv1.weight", "conv1.weight"},
		{"net.model.fc.bias", "fc.bias"},
		{"fc.0.weight", "fc.weight"},
		{"fc.1.bias", "fc.bias"},
		{"classifier.1.weight", "fc.weight"},
		{"fc.1.running_mean", "fc.1.running_mean"},
		{"resnet.embedder.embedder.convolution.weight", "conv1.weight"},
		{"resnet.embedder.embedder.normalization.running_var", "bn1.running_var"},
		{"resnet.encoder.stages.0.layers.1.layer.0.convolution.weight", "layer1.1.conv1.weight"},
		{"encoder.stages.3.layers.0.layer.2.normalization.bias", "layer4.0.bn3.bias"},
		{"resnet.encoder.stages.1.layers.0.shortcut.convolution.weight", "layer2.0.downsample.0.weight"},
		{"resnet.encoder.stages.1.layers.0.shortcut.normalization.weight", "layer2.0.downsample.1.weight"},
		{"resnet.encoder.stages.0.layers.0.layer.0.activation", "resnet.encoder.stages.0.layers.0.layer.0.activation"},
	};
	char		name[VC_NAME_SIZE];
	char		longest[] = "0.4.456789.123456789.123456789.123456789.123456789.123456789";

	ok(vc_map_name("0.7.1.bn2.running_var", name) && strcmp(name, "layer4.1.bn2.running_var") == 0,
	   "fastai's name to ours");
	ok(vc_map_name("module.0.40.x", name) && strcmp(name, "0.40.x") == 0, "what is not known stays");
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		ok(vc_map_name(pairs[i][0], name) && strcmp(name, pairs[i][1]) == 0, "%s is %s", pairs[i][0], pairs[i][1]);
	ok(vc_map_name("", name) && name[0] == '\0', "an empty name");
	ok(vc_map_name("modular.x", name) && strcmp(name, "modular.x") == 0, "no prefix but module.");
	ok(vc_map_name(longest, name) && strlen(name) == VC_NAME_SIZE - 1, "the longest name");
	ok(!vc_map_name("0.4.456789.123456789.123456789.123456789.123456789.1234567890", name),
	   "a name too long by one");
}

/* The match gives the tensors of the parameters. */
static void
test_match(void)
{
	const draft *d = fastai_file(&fastai, "resnet34", 4);
	vc_network_options options = {"resnet34", VC_HEAD_CONCAT, 64, 4, {0, 0, 0}, {1, 1, 1}, 0.5f};
	uint8_t    *data;
	vc_safetensors *file = make(d, &data);
	vc_network *network;
	vc_error	error = {0};
	int			tensors[MAX_TENSORS];
	bool		all = true;

	if (vc_network_create(&options, &network, &error) != VC_OK)
		abort();
	if (!ok(vc_weights_match(file, network, tensors, &error) == VC_OK, "a file matches its network"))
		diag("%s", error.message);
	for (int p = 0; p < network->parameter_count; p++)
	{
		char		mapped[VC_NAME_SIZE];

		all = all && vc_map_name(vc_safetensors_tensor(file, tensors[p])->name, mapped) &&
			strcmp(mapped, network->parameters[p].name) == 0;
	}
	ok(all, "each parameter has its tensor");
	vc_network_free(network);

	options.classes = 5;
	if (vc_network_create(&options, &network, &error) != VC_OK)
		abort();
	ok(vc_weights_match(file, network, tensors, &error) == VC_INVALID_ARGUMENT &&
	   strstr(error.message, "\"1.8.weight\" is 4 x 512") != NULL, "but not one with other classes");
	vc_network_free(network);
	vc_safetensors_free(file);
	free(data);
}

static void
test_real_file(const char *name, const char *architecture, int classes)
{
	const char *folder = getenv("VISCLF_DATA");
	char		path[1024],
				found[VC_NAME_SIZE] = "";
	FILE	   *stream;
	uint8_t    *data;
	size_t		size;
	vc_safetensors *file;
	vc_head		head = VC_HEAD_CONCAT;
	int			found_classes = 0;
	vc_error	error = {0};

	snprintf(path, sizeof(path), "%s/weights/%s", folder != NULL ? folder : "../shared/data", name);
	stream = fopen(path, "rb");
	if (stream == NULL)
	{
		skip(name, "not in $VISCLF_DATA/weights");
		return;
	}
	fseek(stream, 0, SEEK_END);
	size = (size_t) ftell(stream);
	rewind(stream);
	data = malloc(size);
	size = fread(data, 1, size, stream);
	fclose(stream);
	if (!ok(vc_safetensors_open(data, size, &file, &error) == VC_OK &&
			vc_weights_describe(file, found, &head, &found_classes, &error) == VC_OK &&
			strcmp(found, architecture) == 0 && head == VC_HEAD_LINEAR && found_classes == classes,
			"%s is a %s of %d classes", name, architecture, classes))
		diag("%s, %d classes: %s", found, found_classes, error.message);
	vc_safetensors_free(file);
	free(data);
}

int
main(void)
{
	test_mapping();
	test_recognised();
	test_refused();
	test_match();
	test_real_file("resnet18.safetensors", "resnet18", 1000);
	test_real_file("resnet20_cifar10.safetensors", "resnet20", 10);
	return done();
}

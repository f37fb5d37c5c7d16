/*
 * test_network.c
 *		Shapes, names, counts and starting values of the architectures.
 *
 * The counts are those of torchvision, and of He et al. with shortcuts that
 * have no parameters (272,474 would be with projections).  Where
 * pretrained files are found in $VISCLF_DATA/weights (../shared/data/weights)
 * their tensors must be exactly the stored parameters.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/network/network.h"
#include "test/unit/small_networks.h"
#include "test/unit/tap.h"

/* How many numbers gradients change. */
static int64_t
trainable(const vc_network *n)
{
	int64_t		count = 0;

	for (int i = 0; i < n->parameter_count; i++)
		if (vc_parameter_trainable(&n->parameters[i]))
			count += n->parameters[i].count;
	return count;
}

static void
test_counts(void)
{
	static const struct
	{
		const char *architecture;
		int			size;
		int			classes;
		int64_t		parameters;
		int64_t		multiplications;
		int			stored;		/* tensors */
		int			channels;	/* before the pool */
		int			last_side;	/* of the last plane, pixels */
	}			list[] =
	{
		{"resnet18", 224, 1000, 11689512, 1814073344, 102, 512, 7},
		{"resnet34", 224, 1000, 21797672, 3663761408, 182, 512, 7},
		{"resnet50", 224, 1000, 25557032, 4089184256, 267, 2048, 7},
		/* 40,551,040 and the fixed shortcuts' 262,144 */
		{"resnet20", 32, 10, 269722, 40813184, 97, 64, 8},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
	{
		vc_network *n = whole_network(list[i].architecture, VC_HEAD_LINEAR, list[i].size,
									  list[i].classes, 0);
		const vc_node *body = &n->nodes[n->feature_node - 1];
		const vc_node *last = &n->nodes[n->node_count - 1];
		int			stored = 0;

		for (int k = 0; k < n->parameter_count; k++)
			stored += vc_parameter_stored(&n->parameters[k]);
		ok(trainable(n) == list[i].parameters, "%s has %lld parameters",
		   n->architecture, (long long) trainable(n));
		ok(vc_network_multiplications(n) == list[i].multiplications, "%s multiplies %lld times",
		   n->architecture, (long long) vc_network_multiplications(n));
		ok(stored == list[i].stored, "%s has %d stored tensors", n->architecture, stored);
		ok(body->channels == list[i].channels && body->height == list[i].last_side &&
		   body->width == list[i].last_side, "%s ends in %d x %d x %d", n->architecture,
		   body->channels, body->height, body->width);
		ok(n->features == list[i].channels && last->channels == list[i].classes &&
		   last->height == 1 && last->width == 1, "%s: %d features, %d classes",
		   n->architecture, n->features, last->channels);
		vc_network_free(n);
	}
}

/* What every network must hold: order, names, sizes. */
static bool
consistent(const vc_network *n)
{
	for (int i = 1; i < n->node_count; i++)
		for (int side = 0; side < 2; side++)
			if (n->nodes[i].input[side] >= i || (side == 0 && n->nodes[i].input[0] < 0))
				return false;
	for (int i = 0; i < n->parameter_count; i++)
	{
		const vc_parameter *p = &n->parameters[i];
		int64_t		count = 1;

		for (int k = 0; k < p->ndim; k++)
			count *= p->shape[k];
		if (vc_network_find(n, p->name) != i || count != p->count ||
			p->group < 0 || p->group >= VC_GROUPS)
			return false;
		if (i > 0 && p->group < n->parameters[i - 1].group)
			return false;
	}
	return vc_network_find(n, "no such") == -1;
}

static void
test_heads(void)
{
	static const char *const names[] = {"resnet18", "resnet34", "resnet50", "resnet20"};
	static const int channels[] = {512, 512, 2048, 64};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (int size = 8; size <= 72; size += 13)
		{
			vc_network *linear = whole_network(names[i], VC_HEAD_LINEAR, size, 3, 0);
			vc_network *concat = whole_network(names[i], VC_HEAD_CONCAT, size, 3, 0.5f);
			int			norm = vc_network_find(concat, "head.norm1.weight");
			int			hidden = vc_network_find(concat, "head.linear1.weight");

			ok(consistent(linear) && consistent(concat), "%s at %d: names, order, groups",
			   names[i], size);
			ok(concat->features == 2 * channels[i] &&
			   concat->parameters[norm].count == 2 * channels[i] &&
			   concat->parameters[hidden].shape[0] == 512 &&
			   concat->parameters[hidden].shape[1] == 2 * channels[i] &&
			   vc_network_find(concat, "head.linear1.bias") == -1,
			   "%s at %d: the concat head's shapes", names[i], size);
			vc_network_free(linear);
			vc_network_free(concat);
		}
}

/* Reads a safetensors header without its blanks; NULL where there is none. */
static char *
read_header(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	uint64_t	length = 0;
	char	   *text = NULL;
	size_t		kept = 0;

	if (file == NULL)
		return NULL;
	if (fread(&length, 8, 1, file) == 1 && length < 10000000)
		text = calloc(1, length + 1);
	if (text != NULL && fread(text, 1, length, file) == length)
		for (size_t i = 0; i < length; i++)
			if (text[i] != ' ')
				text[kept++] = text[i];
	if (text != NULL)
		text[kept] = '\0';
	fclose(file);
	return text;
}

/* True where the header has a float32 tensor of that name and shape. */
static bool
header_has(const char *header, const vc_parameter *p)
{
	char		key[VC_NAME_SIZE + 8];
	char		shape[64] = "\"shape\":[";
	const char *entry;
	const char *found;

	snprintf(key, sizeof(key), "\"%s\":{", p->name);
	for (int i = 0; i < p->ndim; i++)
		snprintf(shape + strlen(shape), sizeof(shape) - strlen(shape), "%d%c",
				 p->shape[i], i + 1 < p->ndim ? ',' : ']');
	entry = strstr(header, key);
	found = entry ? strstr(entry, shape) : NULL;
	return found != NULL && found < strchr(entry, '}') && strstr(entry, "\"F32\"") < found;
}

static void
test_file(const char *architecture, const char *file, int size, int classes)
{
	const char *data = getenv("VISCLF_DATA");
	char		path[4096];
	char	   *header;
	const char *place;
	vc_network *n;
	int			tensors = 0;
	int			stored = 0;
	int			found = 0;

	snprintf(path, sizeof(path), "%s/weights/%s", data ? data : "../shared/data", file);
	header = read_header(path);
	if (header == NULL)
	{
		skip(file, "the file is not there");
		return;
	}
	n = whole_network(architecture, VC_HEAD_LINEAR, size, classes, 0);
	for (int i = 0; i < n->parameter_count; i++)
		if (vc_parameter_stored(&n->parameters[i]))
		{
			stored++;
			found += header_has(header, &n->parameters[i]);
		}
	for (place = header; (place = strstr(place, "\"dtype\"")) != NULL; place++)
		tensors++;
	ok(found == stored && tensors == stored, "%s: %d of %d tensors are in %s, which has %d",
	   architecture, found, stored, file, tensors);
	vc_network_free(n);
	free(header);
}

static void
test_errors(void)
{
	static const struct
	{
		const char *architecture;
		int			size;
		int			classes;
		float		dropout;
		float		std;
		const char *what;
	}			list[] =
	{
		{"resnet19", 224, 2, 0.5f, 1, "an unknown architecture"},
		{"", 224, 2, 0.5f, 1, "an empty architecture"},
		{"resnet18", 0, 2, 0.5f, 1, "size 0"},
		{"resnet18", -224, 2, 0.5f, 1, "a negative size"},
		{"resnet18", VC_MIN_IMAGE_SIZE - 1, 2, 0.5f, 1, "a size below the least"},
		{"resnet18", VC_MAX_IMAGE_SIZE + 1, 2, 0.5f, 1, "a size above the most"},
		{"resnet18", 224, 0, 0.5f, 1, "no class"},
		{"resnet18", 224, -1, 0.5f, 1, "a negative number of classes"},
		{"resnet18", 224, VC_MAX_CLASSES + 1, 0.5f, 1, "too many classes"},
		{"resnet18", 224, 2, 1, 1, "dropout of everything"},
		{"resnet18", 224, 2, -0.1f, 1, "negative dropout"},
		{"resnet18", 224, 2, NAN, 1, "dropout that is no number"},
		{"resnet18", 224, 2, 0.5f, 0, "a standard deviation of 0"},
		{"resnet18", 224, 2, 0.5f, NAN, "a standard deviation that is no number"},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
	{
		vc_network_options options = {.architecture = list[i].architecture,
			.image_size = list[i].size,.classes = list[i].classes,
			.dropout = list[i].dropout,.std = {1, 1, list[i].std}};
		vc_network *n = NULL;
		vc_error	error = {0};
		vc_status	status = vc_network_create(&options, &n, &error);

		ok(status == VC_INVALID_ARGUMENT && error.code == status && error.message[0] != '\0' &&
		   n == NULL, "%s is refused: %s", list[i].what, error.message);
		ok(vc_network_create(&options, &n, NULL) == VC_INVALID_ARGUMENT,
		   "%s is refused without a message too", list[i].what);
	}
}

/* A parameter's starting values, to be freed. */
static float *
start_of(const vc_network *n, const char *name, uint64_t seed, int64_t *count)
{
	int			index = vc_network_find(n, name);
	float	   *data = malloc(sizeof(float) * n->parameters[index].count);

	*count = n->parameters[index].count;
	vc_parameter_init(n, index, seed, data);
	return data;
}

/* Mean and standard deviation of starting values, against what they should be. */
static void
test_spread(const vc_network *n, const char *name, double mean, double std)
{
	int64_t		count;
	float	   *data = start_of(n, name, 42, &count);
	double		sum = 0;
	double		squares = 0;
	double		got_mean,
				got_std;

	for (int64_t i = 0; i < count; i++)
	{
		sum += data[i];
		squares += (double) data[i] * data[i];
	}
	got_mean = sum / count;
	got_std = sqrt(fmax(0, squares / count - got_mean * got_mean));

	/* Five standard errors. */
	ok(fabs(got_mean - mean) <= 5 * std / sqrt(count) + 1e-7 &&
	   fabs(got_std - std) <= 5 * std / sqrt(2.0 * count) + 1e-7,
	   "%s %s starts with mean %.5f (%.5f), deviation %.5f (%.5f)", n->architecture, name,
	   got_mean, mean, got_std, std);
	free(data);
}

static void
test_start(void)
{
	vc_network *concat = whole_network("resnet18", VC_HEAD_CONCAT, 64, 4, 0.5f);
	vc_network *linear = whole_network("resnet18", VC_HEAD_LINEAR, 64, 1000, 0);

	/* Kaiming: sqrt(2 / fan), fan out for convolutions, fan in for linear. */
	test_spread(concat, "conv1.weight", 0, sqrt(2.0 / (64 * 49)));
	test_spread(concat, "layer2.0.conv1.weight", 0, sqrt(2.0 / (128 * 9)));
	test_spread(concat, "layer2.0.downsample.0.weight", 0, sqrt(2.0 / 128));
	test_spread(concat, "head.linear1.weight", 0, sqrt(2.0 / 1024));
	test_spread(concat, "head.linear2.weight", 0, sqrt(2.0 / 512));
	test_spread(concat, "bn1.weight", 1, 0);
	test_spread(concat, "bn1.bias", 0, 0);
	test_spread(concat, "layer4.1.bn2.running_mean", 0, 0);
	test_spread(concat, "layer4.1.bn2.running_var", 1, 0);

	/* torch's linear layer: uniform in +-1/sqrt(512). */
	test_spread(linear, "fc.weight", 0, 1 / sqrt(3.0 * 512));
	test_spread(linear, "fc.bias", 0, 1 / sqrt(3.0 * 512));
	vc_network_free(concat);
	vc_network_free(linear);
}

/* Output channel o of resnet20's fixed shortcut is input o - (out - in) / 2. */
static void
test_shortcut(void)
{
	vc_network *n = whole_network("resnet20", VC_HEAD_LINEAR, 32, 10, 0);
	int64_t		count;
	float	   *data = start_of(n, "layer3.0.shortcut.weight", 1, &count);
	bool		right = count == 64 * 32;

	for (int o = 0; right && o < 64; o++)
		for (int i = 0; i < 32; i++)
			right = right && data[o * 32 + i] == (o - 16 == i);
	ok(right, "resnet20's shortcut puts 32 channels into the middle of 64");
	free(data);
	vc_network_free(n);
}

static void
test_seeds(void)
{
	vc_network *n = whole_network("resnet20", VC_HEAD_CONCAT, 32, 4, 0.5f);
	bool		same = true;
	bool		other = true;
	int64_t		count;
	float	   *first = start_of(n, "layer1.0.conv1.weight", 7, &count);
	float	   *second = start_of(n, "layer1.0.conv2.weight", 7, &count);

	for (int i = 0; i < n->parameter_count; i++)
	{
		const char *name = n->parameters[i].name;
		float	   *a = start_of(n, name, 7, &count);
		float	   *b = start_of(n, name, 7, &count);
		float	   *c = start_of(n, name, 8, &count);

		same = same && memcmp(a, b, sizeof(float) * count) == 0;
		if (n->parameters[i].role == VC_WEIGHT)
			other = other && memcmp(a, c, sizeof(float) * count) != 0;
		free(a);
		free(b);
		free(c);
	}
	ok(same, "the same seed gives the same values");
	ok(other, "another seed gives other weights");
	ok(memcmp(first, second, sizeof(float) * 16 * 16 * 9) != 0,
	   "two layers of one shape start differently");
	free(first);
	free(second);
	vc_network_free(n);
}

int
main(void)
{
	test_counts();
	test_heads();
	test_file("resnet20", "resnet20_cifar10.safetensors", 32, 10);
	test_file("resnet18", "resnet18.safetensors", 224, 1000);
	test_errors();
	test_start();
	test_shortcut();
	test_seeds();
	vc_network_free(NULL);
	return done();
}

/*
 * plans.c
 *		Has cuDNN plan every convolution of the architectures, without a GPU.
 *
 * cuDNN 9 plans for a card that is described to it.  So all that
 * cuda/cudnn_graph.c and cudnn_choice.c say to cuDNN is checked by cuDNN
 * itself (attributes, types, shapes, layouts, which operations it fuses), on
 * machines without a GPU.  What it cannot check is the numbers, nor, without
 * NVIDIA's driver, the engines that cuDNN compiles as it plans: those that
 * fuse bias, addition and relu in half precision are among them, so that what
 * is fused is told and not required.
 *
 *	plans			resnet18, a first and a last card, large batches on the last
 *	plans all		all architectures, all cards, candidates to measure too
 *
 * Speaks TAP; skipped where this cuDNN plans nothing without a GPU.
 */
#include <stdio.h>
#include <string.h>

#include "cuda/cudnn_private.h"
#include "engine/network/network.h"
#include "test/unit/tap.h"

/* A card, in the words that cuDNN writes such a description in. */
typedef struct card
{
	const char *name;
	int			version;		/* compute capability times 100 */
	int			multiprocessors;
	int			shared;			/* bytes that a block may have */
	int			threads;		/* of a multiprocessor */
	int			l2;				/* bytes */
} card;

static const card cards[] = {
	{"T4", 750, 40, 65536, 1024, 4194304},
	{"A100", 800, 108, 166912, 2048, 41943040},
	{"A10", 860, 72, 101376, 1536, 6291456},
	{"L4", 890, 58, 101376, 1536, 50331648},
	{"H100", 900, 132, 232448, 2048, 52428800},
};

static const struct
{
	const char *name;
	vc_cuda_type type;
	int			rounds;
	int			least;			/* compute capability times 100 */
}			precisions[] =
{
	{"float32", VC_CUDA_FLOAT, 0, 0},
	{"tf32", VC_CUDA_FLOAT, 1, 800},
	{"bfloat16", VC_CUDA_BFLOAT16, 0, 800},
	{"float16", VC_CUDA_HALF, 0, 0},
};

/* How many convolutions were planned, and how many were not. */
typedef struct tally
{
	int			planned;
	int			missing;
	int			fused;
	int			not_fused;
	size_t		workspace;		/* the largest */
	size_t		first[VC_CUDA_DIRECTIONS];	/* of the convolution that reads images */
} tally;

static cudnnBackendDescriptor_t
describe(const card *c)
{
	cudnnBackendDescriptor_t properties = NULL;
	char		json[1024];

	snprintf(json, sizeof(json),
			 "{\"maxGridSize\": [2147483647, 65535, 65535], \"maxBlockSize\": [1024, 1024, 64], "
			 "\"regsPerBlock\": 65536, \"multiProcessorCount\": %d, \"warpSize\": 32, "
			 "\"maxSharedMemoryPerBlock\": 49152, \"maxSharedMemoryPerBlockOptin\": %d, "
			 "\"reservedSharedMemoryPerBlock\": %d, \"maxRegistersPerSM\": 65536, "
			 "\"maxCtasPerSM\": 16, \"maxThreadsPerBlock\": 1024, \"maxThreadsPerSM\": %d, "
			 "\"pciDeviceId\": 0, \"isTccDriver\": 0, \"supportCoopLaunch\": 1, "
			 "\"smClockRateKHz\": 1500000, \"memClockRateKHz\": 2000000, \"l2CacheSize\": %d, "
			 "\"deviceName\": \"%s\", \"deviceVer\": %d, \"driverVer\": 13000, "
			 "\"totalGlobalMem\": 25000000000, \"cudaDeviceId\": 0}",
			 c->multiprocessors, c->shared, c->version < 800 ? 0 : 1024, c->threads, c->l2,
			 c->name, c->version);
	if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &properties) !=
		CUDNN_STATUS_SUCCESS)
		return NULL;
	if (cudnnBackendSetAttribute(properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
								 CUDNN_TYPE_CHAR, (int64_t) strlen(json) + 1, json) ==
		CUDNN_STATUS_SUCCESS &&
		cudnnBackendFinalize(properties) == CUDNN_STATUS_SUCCESS)
		return properties;
	vc_cudnn_destroy(properties);
	return NULL;
}

/* Plans one problem; true where there is an engine for it. */
static bool
plan(vc_cuda_library *library, const vc_cuda_problem *problem, tally *t)
{
	cudnnBackendDescriptor_t found = NULL;
	vc_cuda_operands none = {0};
	vc_error	error = {0};
	vc_status	status = vc_cudnn_choose(library, problem, &none, NULL, &found, &error);

	if (status != VC_OK)
		diag("%s", error.message);
	if (found == NULL)
		return false;
	if (vc_cudnn_workspace(found) > t->workspace)
		t->workspace = vc_cudnn_workspace(found);
	if (!problem->fused && problem->kernel == 7)
		t->first[problem->direction] = vc_cudnn_workspace(found);
	vc_cudnn_destroy(found);
	return true;
}

/* The problems of this card that were planned. */
static vc_cuda_problem seen[4096];
static int	seen_count;

/* Whether a problem comes for the first time. */
static bool
is_new(const vc_cuda_problem *p)
{
	for (int i = 0; i < seen_count; i++)
		if (memcmp(&seen[i], p, sizeof(*p)) == 0)
			return false;
	if (seen_count < (int) (sizeof(seen) / sizeof(seen[0])))
		seen[seen_count++] = *p;
	return true;
}

static void
count(vc_cuda_library *library, const vc_cuda_problem *p, tally *t)
{
	bool		found;

	if (!is_new(p))
		return;
	found = plan(library, p, t);
	if (p->fused)
	{
		t->fused += found;
		t->not_fused += !found;
		return;
	}
	t->planned += found;
	t->missing += !found;
	if (!found)
		diag("no engine: direction %d, %d x %d x %d to %d by %d, stride %d, %d images",
			 p->direction, p->channels, p->height, p->width, p->out_channels, p->kernel,
			 p->stride, p->count);
}

static int
pad(int channels, int unit)
{
	return (channels + unit - 1) / unit * unit;
}

/* Every direction of a convolution, and what inference may fuse. */
static void
plan_node(vc_cuda_library *library, const vc_network *n, const vc_node *node, bool fused,
		  vc_cuda_problem *p, tally *t)
{
	const vc_node *input = &n->nodes[node->input[0]];
	bool		first = input->op == VC_INPUT;

	p->channels = pad(input->channels, first ? vc_cuda_input_channels((vc_cuda_type) p->type) :
					  VC_CUDA_CHANNELS);
	p->height = input->height;
	p->width = input->width;
	p->out_channels = pad(node->channels, VC_CUDA_CHANNELS);
	p->out_height = node->height;
	p->out_width = node->width;
	p->kernel = node->kernel;
	p->stride = node->stride;
	p->padding = node->padding;
	for (p->direction = 0; p->direction < VC_CUDA_DIRECTIONS; p->direction++)
		if (!first || p->direction != VC_CUDA_BACKWARD_DATA)
			count(library, p, t);
	p->direction = VC_CUDA_FORWARD;
	p->fused = 1;
	for (p->adds = 0; fused && p->adds < 2; p->adds++)
		for (p->relu = 0; p->relu < 2; p->relu++)
			if (!first || !p->adds)
				count(library, p, t);
	p->fused = p->adds = p->relu = 0;
}

static void
plan_network(vc_cuda_library *library, const char *architecture, int precision, bool measured,
			 int version)
{
	vc_network_options options = {.architecture = architecture,.head = VC_HEAD_LINEAR,
	.image_size = 224,.classes = 2,.mean = {0, 0, 0},.std = {1, 1, 1}};
	vc_network *n = NULL;
	vc_error	error = {0};
	tally		t = {0};

	if (strcmp(architecture, "resnet20") == 0)
		options.image_size = 32;
	if (vc_network_create(&options, &n, &error) != VC_OK)
	{
		ok(false, "%s: %s", architecture, error.message);
		return;
	}
	for (int i = 0; i < n->node_count; i++)
	{
		vc_cuda_problem p = {.type = (int) precisions[precision].type,
		.rounds = precisions[precision].rounds,.measured = measured,.count = 32};

		if (n->nodes[i].op == VC_CONVOLUTION)
			plan_node(library, n, &n->nodes[i], true, &p, &t);
	}
	ok(t.missing == 0,
	   "%s in %s on %d.%d: %d planned, %d not; %d fused, %d not; workspace up to %zu MiB",
	   architecture, precisions[precision].name, version / 100, version / 10 % 10,
	   t.planned, t.missing, t.fused, t.not_fused, t.workspace >> 20);
	vc_network_free(n);
}

/*
 * What a training in bfloat16 plans at a batch size: no convolution may lose
 * its engines with tensor cores to the size of its workspace.
 */
static void
plan_batch(const card *c, int batch)
{
	vc_cuda_library library = {.properties = describe(c)};
	vc_network_options options = {.architecture = "resnet18",.head = VC_HEAD_LINEAR,
	.image_size = 224,.classes = 2,.mean = {0, 0, 0},.std = {1, 1, 1}};
	vc_network *n = NULL;
	vc_error	error = {0};
	tally		t = {0};

	seen_count = 0;
	if (vc_network_create(&options, &n, &error) != VC_OK)
	{
		ok(false, "resnet18: %s", error.message);
		return;
	}
	for (int i = 0; i < n->node_count; i++)
	{
		vc_cuda_problem p = {.type = VC_CUDA_BFLOAT16,.measured = true,.count = batch};

		if (n->nodes[i].op == VC_CONVOLUTION)
			plan_node(&library, n, &n->nodes[i], false, &p, &t);
	}
	ok(t.missing == 0 && library.plans_slow == 0,
	   "resnet18 in batches of %d: %d problems without tensor cores; workspace up to %zu MiB",
	   batch, library.plans_slow, t.workspace >> 20);
	diag("first convolution: workspace of %.1f MiB forward, %.1f MiB for its weights' gradient",
		 (double) t.first[VC_CUDA_FORWARD] / 1048576,
		 (double) t.first[VC_CUDA_BACKWARD_WEIGHTS] / 1048576);
	diag("%d plans made for %d problems, %d of them compiled", library.plans_made, t.planned,
		 library.plans_compiled);
	vc_network_free(n);
	vc_cudnn_destroy(library.properties);
}

static void
plan_card(const card *c, const char *const *architectures, bool measured)
{
	vc_cuda_library library = {.properties = describe(c)};

	seen_count = 0;
	for (int p = 0; p < (int) (sizeof(precisions) / sizeof(precisions[0])); p++)
		for (int a = 0; architectures[a] != NULL && c->version >= precisions[p].least; a++)
			plan_network(&library, architectures[a], p, measured, c->version);
	vc_cudnn_destroy(library.properties);
}

int
main(int argc, char **argv)
{
	static const int batches[] = {256, 334, 335, 512};
	static const char *const few[] = {"resnet18", NULL};
	static const char *const all[] = {"resnet20", "resnet18", "resnet34", "resnet50", NULL};
	bool		whole = argc > 1 && strcmp(argv[1], "all") == 0;
	cudnnBackendDescriptor_t properties = describe(&cards[0]);

	if (properties == NULL)
	{
		printf("1..0 # SKIP this cuDNN (%zu) plans nothing without a GPU\n", cudnnGetVersion());
		return 0;
	}
	vc_cudnn_destroy(properties);
	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++)
		if (whole || i == 0 || i + 1 == sizeof(cards) / sizeof(cards[0]))
			plan_card(&cards[i], whole ? all : few, whole);
	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
		plan_batch(&cards[sizeof(cards) / sizeof(cards[0]) - 1], batches[i]);
	return done();
}

/*
 * settings.c
 *		The visclf.* settings.
 */
#include "extension/support/settings.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "engine/support/cores.h"
#include "engine/device.h"

int			setting_device = DEVICE_AUTO;
int			setting_convolution = VC_ALGORITHM_AUTO;
int			setting_precision = VC_PRECISION_AUTO;
int			setting_gpu_idle_timeout = 300;
int			setting_batch_size = 32;
int			setting_max_image_pixels = 100000000;
int			setting_decode_memory = 512;
int			setting_max_cached_models = 4;
int			setting_shared_weights = 2048;
int			setting_progress_interval = 10;
int			setting_checkpoint_interval = 60;

static int	setting_threads = 0;

static const struct config_enum_entry device_values[] = {
	{"auto", DEVICE_AUTO, false},
	{"cpu", DEVICE_CPU, false},
	{"cuda", DEVICE_CUDA, false},
	{NULL, 0, false}
};

static const struct config_enum_entry convolution_values[] = {
	{"auto", VC_ALGORITHM_AUTO, false},
	{"direct", VC_ALGORITHM_DIRECT, false},
	{NULL, 0, false}
};

static const struct config_enum_entry precision_values[] = {
	{"auto", VC_PRECISION_AUTO, false},
	{"float32", VC_FLOAT32, false},
	{"int8", VC_INT8, false},
	{"tf32", VC_TF32, false},
	{"bfloat16", VC_BFLOAT16, false},
	{"float16", VC_FLOAT16, false},
	{NULL, 0, false}
};

int
machine_cores(void)
{
	static int	cores = 0;

	if (cores == 0)
		cores = vc_cores();
	return cores;
}

/*
 * Only a superuser may set more threads than cores, because one backend could
 * then take all threads that the machine allows. Values from a file, a
 * database or a role were checked when they were set.
 */
static bool
check_threads(int *threads, void **extra, GucSource source)
{
	if (*threads <= machine_cores() || source < PGC_S_CLIENT || InitializingParallelWorker ||
		(IsTransactionState() && superuser()))
		return true;
	GUC_check_errdetail("This server has %d cores.", machine_cores());
	GUC_check_errhint("A superuser may set more threads than cores.");
	return false;
}

int
setting_compute_threads(void)
{
	if (IsParallelWorker())
		return 1;
	return setting_threads > 0 ? setting_threads : machine_cores();
}

void
define_settings(void)
{
	DefineCustomEnumVariable("visclf.device",
							 "Sets where networks are trained and run.",
							 "auto takes a GPU that works and otherwise the CPU.",
							 &setting_device, DEVICE_AUTO, device_values,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("visclf.convolution",
							 "Sets how convolutions are computed.",
							 "auto measures each shape once and takes the fastest; direct is the most exact.",
							 &setting_convolution, VC_ALGORITHM_AUTO, convolution_values,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("visclf.precision",
							 "Sets the numbers that networks are trained and classify with.",
							 "auto takes the fastest that keeps the labels: int8 on a CPU for a model that says the same with it of at least 99.5 % of its validation images, otherwise float32; bfloat16 or float16 on a GPU.",
							 &setting_precision, VC_PRECISION_AUTO, precision_values,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("visclf.gpu_idle_timeout",
							"Sets the time without a transaction that uses a model after which a backend gives a GPU's memory back.",
							"0 keeps it to the end of the session.",
							&setting_gpu_idle_timeout, 300, 0, INT_MAX / 1000,
							PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("visclf.threads",
							"Sets the CPU threads that one backend decodes images and computes with.",
							"0 takes every core. Parallel workers use one each. Only superusers set more than there are cores.",
							&setting_threads, 0, 0, 1024,
							PGC_USERSET, 0, check_threads, NULL, NULL);
	DefineCustomIntVariable("visclf.batch_size",
							"Sets the images that classify_batch runs at once.",
							NULL,
							&setting_batch_size, 32, 1, 1024,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("visclf.max_image_pixels",
							"Sets the size above which an image is refused instead of decoded.",
							"Width times height as stored.",
							&setting_max_image_pixels, 100000000, 1, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("visclf.decode_memory",
							"Sets the memory that one backend's threads decode images in.",
							"Threads whose images need more together wait for each other; an image that needs more alone is refused.",
							&setting_decode_memory, 512, 16, MAX_KILOBYTES / 1024,
							PGC_SUSET, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomIntVariable("visclf.max_cached_models",
							"Sets the model versions that a backend keeps ready to run.",
							NULL,
							&setting_max_cached_models, 4, 1, 1000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("visclf.shared_weights",
							"Sets the disk space for versions that backends share, prepared to run.",
							"They are temporary files of the server's. Where the space is used up, those not used for longest go when another version comes. 0 gives each backend a copy in its own memory.",
							&setting_shared_weights, 2048, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomIntVariable("visclf.progress_interval",
							"Sets the time between progress messages within an epoch of training.",
							"0 turns them off.",
							&setting_progress_interval, 10, 0, 3600,
							PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("visclf.checkpoint_interval",
							"Sets the least time between checkpoints that visclf.resume can go on from.",
							"Checkpoints are written at the end of an epoch; 0 writes one after each.",
							&setting_checkpoint_interval, 60, 0, 86400,
							PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	MarkGUCPrefixReserved("visclf");
}

/*
 * test_decode_memory.c
 *		The memory that threads decode images in: counted, bounded, given back.
 */
#include "test/unit/jpeg_maker.h"
#include "test/unit/memory_use.h"
#include "test/unit/tap.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/image/decode_memory.h"
#include "engine/image/pool.h"

#define MB		(1024 * 1024)
#define SIZE	32
#define JOBS	12

/* A colour, then a grey, by which scans may come one after the other. */
static const jpeg_scan_info apart[] = {
	{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}
};
static const jpeg_recipe recipes[] = {
	{3000, 2000, 3, JCS_RGB, JCS_YCbCr, plain_rgb, false, 0, NULL, 0},
	{3000, 2000, 3, JCS_RGB, JCS_YCbCr, plain_rgb, true, 0, NULL, 0},
	{3000, 2000, 3, JCS_RGB, JCS_YCbCr, plain_rgb, false, 0, apart, 3},
	{30000, 40, 3, JCS_RGB, JCS_YCbCr, plain_rgb, false, 0, NULL, 0},
	{1111, 999, 4, JCS_CMYK, JCS_CMYK, plain_rgb, true, 0, NULL, 0},
};
static const char *const names[] = {"baseline", "progressive", "colours apart", "wide", "cmyk"};

/* What was seen while an image was decoded. */
static size_t before;
static int64_t most_used;
static int64_t counted;
static int polls;
static int last_poll;

static bool
watch(void *argument)
{
	int64_t		used = (int64_t) (allocated() - before);

	(void) argument;
	most_used = used > most_used ? used : most_used;
	counted = vc_decode_memory_taken();
	return ++polls == last_poll;
}

static vc_status
load(const made_jpeg *image, int64_t memory, vc_error *error)
{
	vc_decode_options options = {SIZE, VC_RESIZE_SQUISH, {100000000, memory, watch, NULL}};
	uint8_t		pixels[SIZE * SIZE * 3];

	before = allocated();
	most_used = counted = polls = 0;
	return vc_image_load(image->data, image->size, &options, pixels, NULL, error);
}

static void
test_counting(void)
{
	for (size_t i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++)
	{
		made_jpeg	image = make_jpeg(&recipes[i]);
		vc_error	error = {0};
		vc_status	status = load(&image, 0, &error);

		ok(status == VC_OK && counted > 0 && most_used <= counted + MB / 2 && counted < 2 * most_used + MB,
		   "%s: %lld kB were counted, %lld kB used", names[i], (long long) counted / 1024, (long long) most_used / 1024);
		ok(load(&image, counted, &error) == VC_OK, "as much is enough");
		status = load(&image, counted - 1, &error);
		ok(status == VC_LIMIT_EXCEEDED && polls == 0, "less is refused: %s", error.message);
		ok(vc_decode_memory_taken() == 0, "all is given back");
		free(image.data);
	}
}

static void
test_interrupts(void)
{
	made_jpeg	image = make_jpeg(&recipes[1]);
	vc_error	error = {0};

	last_poll = 20;
	ok(load(&image, 0, &error) == VC_CANCELED && polls == 20, "an interrupt ends decoding");
	ok(vc_decode_memory_taken() == 0, "which gives all back");
	last_poll = 0;
	free(image.data);
}

static void
fill_jobs(vc_decode_job *jobs, const made_jpeg *image)
{
	static uint8_t pixels[JOBS][SIZE * SIZE * 3];

	for (int i = 0; i < JOBS; i++)
		jobs[i] = (vc_decode_job) {.data = image->data,.size = image->size,.out = pixels[i]};
}

static void
test_sum(void)
{
	const int64_t limit = 90 * MB;	/* two images of 36 MB, not three */
	vc_decode_options options = {SIZE, VC_RESIZE_SQUISH, {.pixels = 100000000,.memory = limit}};
	made_jpeg	image = make_jpeg(&recipes[1]);
	vc_decode_job jobs[JOBS];
	vc_pool    *pool;
	int64_t		most = 0;
	int			good = 0;

	fill_jobs(jobs, &image);
	vc_pool_create(6, &pool, NULL);
	vc_pool_decode(pool, jobs, JOBS, &options);
	while (!vc_pool_wait(pool, 1))
		most = vc_decode_memory_taken() > most ? vc_decode_memory_taken() : most;
	for (int i = 0; i < JOBS; i++)
		good += jobs[i].error.code == VC_OK;
	ok(good == JOBS, "%d of %d images that have to wait are decoded", good, JOBS);
	ok(most > 0 && most <= limit, "6 threads took %lld of %lld MB", (long long) most / MB, (long long) limit / MB);

	/* a cancel does not wait for what is being decoded, nor for what waits */
	fill_jobs(jobs, &image);
	vc_pool_decode(pool, jobs, JOBS, &options);
	while (vc_decode_memory_taken() == 0)
		vc_pool_wait(pool, 1);
	vc_pool_cancel(pool);
	good = 0;
	for (int i = 0; i < JOBS; i++)
		good += jobs[i].error.code == VC_OK;
	ok(good < 6, "a cancel ends what has begun (%d were decoded)", good);
	ok(vc_decode_memory_taken() == 0, "and gives all back");
	vc_pool_free(pool);
	free(image.data);
}

/* Threads of this process. */
static int
count_threads(void)
{
	char		line[256];
	int			count = 0;
	FILE	   *status = fopen("/proc/self/status", "r");

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		sscanf(line, "Threads: %d", &count);
	if (status != NULL)
		fclose(status);
	return count;
}

/* In a process with so much more address space; 0 where all images are decoded. */
static int
decode_with_room(size_t more)
{
	vc_decode_options options = {SIZE, VC_RESIZE_SQUISH, {.pixels = 100000000}};
	jpeg_recipe recipe = {300, 200, 3, JCS_RGB, JCS_YCbCr, plain_rgb, false, 0, NULL, 0};
	made_jpeg	image = make_jpeg(&recipe);
	vc_decode_job jobs[JOBS];
	struct rlimit old;
	struct rlimit few;
	vc_pool    *pool;

	getrlimit(RLIMIT_AS, &old);
	few = old;
	few.rlim_cur = address_space() + more;
	setrlimit(RLIMIT_AS, &few);
	if (vc_pool_create(64, &pool, NULL) != VC_OK)
		return 2;
	setrlimit(RLIMIT_AS, &old);
	if (pool == NULL)
		return more == 0 ? 0 : 3;
	if (count_threads() < 2 || count_threads() > 64)
		return 5;
	fill_jobs(jobs, &image);
	vc_pool_decode(pool, jobs, JOBS, &options);
	while (!vc_pool_wait(pool, 100))
		;
	for (int i = 0; i < JOBS; i++)
		if (jobs[i].error.code != VC_OK)
			return 4;
	return 0;
}

static void
test_few_threads(void)
{
	static const size_t rooms[] = {0, 8 * MB, 24 * MB};

	for (int i = 0; i < 3; i++)
	{
		pid_t		child = fork();
		int			status;

		if (child == 0)
			_exit(decode_with_room(rooms[i]));
		waitpid(child, &status, 0);
		ok(status == 0, "of 64 threads those that fit in %zu MB: status %d", rooms[i] / MB, status);
	}
}

int
main(void)
{
	test_few_threads();
	test_counting();
	test_interrupts();
	test_sum();
	return done();
}

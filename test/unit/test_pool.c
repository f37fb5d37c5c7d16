/*
 * test_pool.c
 *		The threads that decode images.
 */
#include "test/unit/jpeg_maker.h"
#include "test/unit/tap.h"

#include <dirent.h>
#include <signal.h>

#include "engine/image/pool.h"

#define SIZE	16
#define JOBS	300

static vc_decode_job jobs[JOBS];
static uint8_t pixels[JOBS][SIZE * SIZE * 3];
static made_jpeg images[3];
static const vc_decode_options options = {SIZE, VC_RESIZE_SQUISH, {.pixels = 1000000}};

static void
red(int x, int y, uint8_t *samples)
{
	(void) x;
	(void) y;
	memcpy(samples, "\xff\0\0", 3);
}

static void
shaded(int x, int y, uint8_t *samples)
{
	samples[0] = (uint8_t) (x ^ y);
	samples[1] = (uint8_t) (x * y);
	samples[2] = (uint8_t) (x + y);
}

/* Two images and something that is none. */
static void
make_images(void)
{
	jpeg_recipe small = {20, 30, 3, JCS_RGB, JCS_YCbCr, red, false, 0, NULL, 0};
	jpeg_recipe large = {300, 200, 3, JCS_RGB, JCS_YCbCr, shaded, false, 0, NULL, 0};

	images[0] = make_jpeg(&small);
	images[1] = make_jpeg(&large);
	images[2] = (made_jpeg)
	{
		(uint8_t *) "no image", 8
	};
}

/* Fills jobs[] with the images in turn. */
static void
make_jobs(void)
{
	memset(pixels, 1, sizeof(pixels));
	for (int i = 0; i < JOBS; i++)
	{
		memset(&jobs[i], 0xee, sizeof(jobs[i]));
		jobs[i].data = images[i % 3].data;
		jobs[i].size = images[i % 3].size;
		jobs[i].out = pixels[i];
	}
}

/* Jobs, but if told for those that were canceled, whose result is not what loading alone gives. */
static int
count_wrong(bool canceled)
{
	int			wrong = 0;

	for (int i = 0; i < JOBS; i++)
	{
		uint8_t		alone[SIZE * SIZE * 3];
		vc_error	error = {0};
		vc_status	status = vc_image_load(jobs[i].data, jobs[i].size, &options, alone, NULL, &error);

		if (!(canceled && jobs[i].error.code == VC_CANCELED) &&
			(jobs[i].error.code != status || strcmp(jobs[i].error.message, error.message) != 0 ||
			 (status == VC_OK && memcmp(alone, pixels[i], sizeof(alone)) != 0)))
			wrong++;
	}
	return wrong;
}

static void
test_batches(int threads)
{
	vc_pool    *pool;
	int			waits = 0;

	ok(vc_pool_create(threads, &pool, NULL) == VC_OK, "%d threads start", threads);
	ok(vc_pool_wait(pool, 0), "a new pool is idle");
	for (int batch = 0; batch < 3; batch++)
	{
		make_jobs();
		vc_pool_decode(pool, jobs, JOBS, &options);
		while (!vc_pool_wait(pool, 1))
			waits++;
		ok(count_wrong(false) == 0, "%d threads, batch %d is right", threads, batch);
	}
	ok(waits > 0, "waiting timed out in between (%d times)", waits);
	vc_pool_decode(pool, jobs, 0, &options);
	ok(vc_pool_wait(pool, 1000), "an empty batch ends");
	vc_pool_free(pool);
}

static void
test_cancel(void)
{
	vc_pool    *pool;
	int			canceled = 0;
	int			done_jobs = 0;

	vc_pool_create(2, &pool, NULL);

	/* on a busy machine a whole batch may be done before it is canceled */
	for (int attempt = 1; attempt <= 50 && (canceled == 0 || done_jobs == 0); attempt++)
	{
		make_jobs();
		vc_pool_decode(pool, jobs, JOBS, &options);
		vc_pool_wait(pool, 2);
		vc_pool_cancel(pool);
		canceled = 0;
		for (int i = 0; i < JOBS; i++)
			canceled += jobs[i].error.code == VC_CANCELED;
		done_jobs = JOBS - canceled;
	}
	ok(vc_pool_wait(pool, 0), "a canceled batch has ended");
	ok(canceled > 0 && done_jobs > 0, "%d jobs canceled", canceled);
	ok(count_wrong(true) == 0, "%d jobs before them done", done_jobs);
	make_jobs();
	vc_pool_decode(pool, jobs, JOBS, &options);
	ok(vc_pool_wait(pool, 60000) && count_wrong(false) == 0, "the next batch is right");
	vc_pool_decode(pool, jobs, JOBS, &options);
	vc_pool_free(pool);
	ok(true, "freed while decoding");
}

/* The signals that a thread of this process blocks, as Linux tells. */
static unsigned long long
blocked_signals(const char *thread)
{
	char		path[512];
	char		line[256];
	unsigned long long mask = 0;
	FILE	   *status;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", thread);
	status = fopen(path, "r");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		sscanf(line, "SigBlk: %llx", &mask);
	if (status != NULL)
		fclose(status);
	return mask;
}

/* Threads that block every signal in the mask; -1 where nothing tells. */
static int
count_blocking(unsigned long long mask)
{
	DIR		   *threads = opendir("/proc/self/task");
	struct dirent *entry;
	int			count = 0;

	if (threads == NULL)
		return -1;
	while ((entry = readdir(threads)) != NULL)
		count += (blocked_signals(entry->d_name) & mask) == mask;
	closedir(threads);
	return count;
}

static void
test_signals(void)
{
	static const int wanted[] = {SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGALRM, SIGHUP};
	unsigned long long mask = 0;
	vc_pool    *pool;
	int			before;
	int			during;
	sigset_t	mine;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		mask |= 1ULL << (wanted[i] - 1);
	before = count_blocking(mask);
	if (before < 0)
	{
		skip("threads block signals", "no /proc/self/task here");
		return;
	}
	vc_pool_create(3, &pool, NULL);

	/* a batch, for a thread that only just starts has glibc's mask */
	make_jobs();
	vc_pool_decode(pool, jobs, JOBS, &options);
	while (!vc_pool_wait(pool, 100))
		;
	during = count_blocking(mask);
	ok(during - before == 3, "the threads block all signals (%d of 3)", during - before);
	sigprocmask(SIG_SETMASK, NULL, &mine);
	ok(!sigismember(&mine, SIGINT) && !sigismember(&mine, SIGTERM),
	   "the caller still takes them");
	vc_pool_free(pool);
}

int
main(void)
{
	vc_pool    *pool;
	vc_error	error = {0};

	make_images();
	test_batches(1);
	test_batches(3);
	test_cancel();
	test_signals();
	ok(vc_pool_create(0, &pool, &error) == VC_INVALID_ARGUMENT && pool == NULL &&
	   error.message[0] != '\0', "a pool of no threads is refused");
	vc_pool_free(NULL);
	free(images[0].data);
	free(images[1].data);
	return done();
}

/*
 * test_store.c
 *		Files that processes share.
 */
#include "test/unit/tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/weights/store.h"

#define BYTES	100000

static char folder[] = "/tmp/test_store.XXXXXX";
static char bytes[BYTES];

/* The number of files in the folder; the last one's path, and removes all if told. */
static int
files(char *path, bool remove_them)
{
	DIR		   *directory = opendir(folder);
	struct dirent *entry;
	int			count = 0;

	while ((entry = readdir(directory)) != NULL)
	{
		if (entry->d_name[0] == '.')
			continue;
		count++;
		snprintf(path, 300, "%s/%s", folder, entry->d_name);
		if (remove_them)
			unlink(path);
	}
	closedir(directory);
	return count;
}

static void
test_keeping(void)
{
	vc_store   *one = vc_store_open(folder);
	vc_store   *other = vc_store_open(folder);
	const char *kept;
	const char *found;
	char		path[300];

	ok(vc_store_find(one, "key", 3, BYTES) == NULL, "nothing is there at first");
	kept = vc_store_keep(one, "key", 3, bytes, BYTES);
	ok(kept != NULL && memcmp(kept, bytes, BYTES) == 0, "what is kept can be read");
	found = vc_store_find(other, "key", 3, BYTES);
	ok(found != NULL && found != kept && memcmp(found, bytes, BYTES) == 0, "others find it");
	ok((size_t) found % 4096 == 0, "aligned");
	ok(vc_store_find(other, "key", 3, BYTES) == found, "mapped once");
	ok(vc_store_keep(other, "key", 3, "other", 5) == NULL &&
	   memcmp(vc_store_find(other, "key", 3, BYTES), bytes, BYTES) == 0,
	   "what is there is not replaced");
	ok(vc_store_find(other, "key", 3, BYTES - 1) == NULL, "not of another size");
	ok(vc_store_find(other, "kez", 3, BYTES) == NULL, "not under another key");
	ok(files(path, false) == 1, "no other file is left");
	vc_store_close(one);
	ok(memcmp(found, bytes, BYTES) == 0, "closing another store changes nothing");
	ok(files(path, true) == 1 && memcmp(found, bytes, BYTES) == 0, "nor does removing the file");
	vc_store_close(other);
}

static void
test_parts(void)
{
	vc_store   *store = vc_store_open(folder);
	vc_store_file *file = vc_store_create(store, "parts", 5, BYTES);
	const char *found;
	char		path[300];

	vc_store_write(file, BYTES / 2, bytes + BYTES / 2, BYTES - BYTES / 2);
	ok(vc_store_find(store, "parts", 5, BYTES) == NULL, "what is not complete is not found");
	vc_store_write(file, 0, bytes, BYTES / 2);
	found = vc_store_publish(file);
	ok(found != NULL && memcmp(found, bytes, BYTES) == 0, "a file written in parts");
	vc_store_give_up(vc_store_create(store, "none", 4, BYTES));
	ok(files(path, false) == 1, "what is given up leaves nothing");
	vc_store_close(store);

	/* a file that lost its end, as by a crash of the machine */
	if (truncate(path, BYTES / 2) != 0)
		perror(path);
	store = vc_store_open(folder);
	ok(vc_store_find(store, "parts", 5, BYTES) == NULL, "half a file is not found");
	vc_store_close(store);
	files(path, true);
}

/* Changes a byte of a file. */
static void
change(const char *path, long at)
{
	FILE	   *file = fopen(path, "r+");
	int			byte;

	if (file == NULL || fseek(file, at, SEEK_SET) != 0 || (byte = getc(file)) == EOF ||
		fseek(file, at, SEEK_SET) != 0 || putc(byte ^ 16, file) == EOF || fclose(file) != 0)
		perror(path);
}

/* Bytes that were changed are not given to anybody. */
static void
test_damage(void)
{
	static const int sizes[] = {1, 31, 32, 33, BYTES};
	char		path[300];

	for (int s = 0; s < 5; s++)
	{
		int			bad = 0;
		int			good = 0;

		for (int i = 0; i < 7; i++)
		{
			vc_store   *one = vc_store_open(folder);
			vc_store   *other;

			vc_store_keep(one, "key", 3, bytes, sizes[s]);
			vc_store_close(one);
			files(path, false);
			change(path, 4096 + (long) i * (sizes[s] - 1) / 6);
			one = vc_store_open(folder);
			other = vc_store_open(folder);
			bad += vc_store_find(one, "key", 3, sizes[s]) != NULL;
			good += vc_store_keep(one, "key", 3, bytes, sizes[s]) != NULL && vc_store_find(other, "key", 3, sizes[s]) != NULL;
			vc_store_close(one);
			vc_store_close(other);
			files(path, true);
		}
		ok(bad == 0, "a byte of %d that was changed is seen wherever it is", sizes[s]);
		ok(good == 7, "and the file made again");
	}
}

static void
test_trouble(void)
{
	vc_store   *store = vc_store_open("/nowhere/at/all");
	char		key[VC_STORE_KEY_SIZE + 1] = {0};

	ok(vc_store_find(store, "key", 3, 1) == NULL && vc_store_keep(store, "key", 3, "x", 1) == NULL,
	   "a folder that is missing");
	vc_store_close(store);
	store = vc_store_open(folder);
	ok(vc_store_keep(store, key, sizeof(key), "x", 1) == NULL, "a key that is too long");
	ok(vc_store_keep(store, key, sizeof(key) - 1, "x", 1) != NULL, "the longest key");
	vc_store_close(store);
	files((char[300]) {0}, true);
}

/* Many processes that make the same file end up with one. */
static void
test_race(void)
{
	char		path[300];
	int			good = 0;

	for (int i = 0; i < 8; i++)
		if (fork() == 0)
		{
			vc_store   *store = vc_store_open(folder);
			const char *kept = vc_store_keep(store, "race", 4, bytes, BYTES);
			bool		same = kept != NULL && memcmp(kept, bytes, BYTES) == 0 &&
				kept == vc_store_find(store, "race", 4, BYTES);

			vc_store_close(store);
			_exit(same ? 0 : 1);
		}
	for (int i = 0; i < 8; i++)
	{
		int			status;

		wait(&status);
		good += status == 0;
	}
	ok(good == 8 && files(path, true) == 1, "8 processes at once keep one file");
}

int
main(void)
{
	for (int i = 0; i < BYTES; i++)
		bytes[i] = (char) (i * 7 + i / 251);
	if (mkdtemp(folder) == NULL)
	{
		perror(folder);
		return 1;
	}
	test_keeping();
	test_parts();
	test_damage();
	test_trouble();
	test_race();
	rmdir(folder);
	return done();
}

/*
 * store.c
 *		Read-only numbers that processes share, as files in a folder.
 *
 * A file is one page with the key and a checksum, then the bytes.  Its name
 * is a hash of the key.  If two keys have one hash, the second is not stored.
 */
#include "engine/weights/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE 4096		/* whole pages, so that the bytes begin on a page */
#define MAGIC		0x76697364	/* version of this layout of files */
#define LANES		4			/* of the checksum, which processors multiply side by side */

typedef struct header
{
	uint32_t	magic;
	uint32_t	key_bytes;
	uint64_t	bytes;
	uint8_t		key[VC_STORE_KEY_SIZE];
	uint64_t	sum;			/* of the bytes */
} header;

#define KEY_BYTES offsetof(header, sum)	/* tells files from each other */

typedef struct mapping
{
	void	   *start;
	size_t		size;
} mapping;

struct vc_store
{
	char	   *folder;
	mapping    *mappings;
	int			count;
	int			capacity;
};

struct vc_store_file
{
	vc_store   *store;
	header		head;
	int			descriptor;
	bool		complete;		/* nothing has failed yet */
	char		name[1];		/* while it is written; longer */
};

vc_store *
vc_store_open(const char *folder)
{
	vc_store   *store = calloc(1, sizeof(*store));

	if (store != NULL && (store->folder = strdup(folder)) == NULL)
	{
		free(store);
		return NULL;
	}
	return store;
}

void
vc_store_close(vc_store *store)
{
	if (store == NULL)
		return;
	for (int i = 0; i < store->count; i++)
		munmap(store->mappings[i].start, store->mappings[i].size);
	free(store->mappings);
	free(store->folder);
	free(store);
}

/* The file name of a key, by FNV-1a's hash. The caller frees it; NULL if memory is short. */
static char *
file_name(const vc_store *store, const header *head)
{
	size_t		size = strlen(store->folder) + 18;
	char	   *name = malloc(size);
	uint64_t	hash = 14695981039346656037u;

	for (uint32_t i = 0; i < head->key_bytes; i++)
		hash = (hash ^ head->key[i]) * 1099511628211u;
	if (name != NULL)
		snprintf(name, size, "%s/%016llx", store->folder, (unsigned long long) hash);
	return name;
}

/* Returns false if the key is too long. */
static bool
fill_header(header *head, const void *key, size_t key_bytes, size_t bytes)
{
	memset(head, 0, sizeof(*head));
	if (key_bytes > VC_STORE_KEY_SIZE)
		return false;
	head->magic = MAGIC;
	head->key_bytes = (uint32_t) key_bytes;
	head->bytes = bytes;
	memcpy(head->key, key, key_bytes);
	return true;
}

/*
 * A checksum at the speed of memory.  Each step is one-to-one in the state
 * before it and in the eight bytes that it takes, so any change within eight
 * bytes changes the result.
 */
static uint64_t
checksum(const void *data, size_t bytes)
{
	const uint64_t prime = 0x9e3779b97f4a7c15u;
	uint64_t	lane[LANES] = {1, 2, 3, 4};
	uint64_t	sum = bytes;
	size_t		at = 0;

	for (; at + sizeof(lane) <= bytes; at += sizeof(lane))
		for (int i = 0; i < LANES; i++)
		{
			uint64_t	word;

			memcpy(&word, (const char *) data + at + sizeof(word) * i, sizeof(word));
			lane[i] = (lane[i] ^ word) * prime;
			lane[i] ^= lane[i] >> 29;
		}
	for (; at < bytes; at++)
		lane[0] = (lane[0] ^ ((const uint8_t *) data)[at]) * prime;
	for (int i = 0; i < LANES; i++)
	{
		sum = (sum ^ lane[i]) * prime;
		sum ^= sum >> 32;
	}
	return sum;
}

/* Makes room for one more mapping. */
static bool
store_grow(vc_store *store)
{
	int			capacity = store->capacity * 2 + 16;
	mapping    *more;

	if (store->count < store->capacity)
		return true;
	if ((more = realloc(store->mappings, sizeof(mapping) * (size_t) capacity)) == NULL)
		return false;
	store->mappings = more;
	store->capacity = capacity;
	return true;
}

/*
 * Maps a file with this header; NULL if it has another one, or is damaged:
 * then *damaged is true.
 */
static const void *
store_map(vc_store *store, int descriptor, const header *head, bool *damaged)
{
	size_t		size = HEADER_SIZE + head->bytes;
	struct stat status;
	const header *start;

	if (!store_grow(store) || fstat(descriptor, &status) != 0)
		return NULL;
	*damaged = (size_t) status.st_size < HEADER_SIZE;
	if (*damaged || (start = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0)) == MAP_FAILED)
		return NULL;
	if (memcmp(start, head, KEY_BYTES) == 0)
	{
		*damaged = (size_t) status.st_size != size ||
			checksum((const char *) start + HEADER_SIZE, head->bytes) != start->sum;
		if (!*damaged)
		{
			store->mappings[store->count++] = (mapping) {(void *) start, size};
			return (const char *) start + HEADER_SIZE;
		}
	}
	munmap((void *) start, size);
	return NULL;
}

static const void *
store_lookup(vc_store *store, const header *head)
{
	char	   *name;
	int			descriptor;
	bool		damaged = false;
	const void *data = NULL;

	for (int i = 0; i < store->count; i++)
		if (memcmp(store->mappings[i].start, head, KEY_BYTES) == 0)
			return (const char *) store->mappings[i].start + HEADER_SIZE;
	name = file_name(store, head);
	descriptor = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
	if (descriptor >= 0)
	{
		data = store_map(store, descriptor, head, &damaged);
		close(descriptor);
	}
	if (damaged)
		unlink(name);			/* so that it is made again */
	free(name);
	return data;
}

const void *
vc_store_find(vc_store *store, const void *key, size_t key_bytes, size_t bytes)
{
	header		head;

	return fill_header(&head, key, key_bytes, bytes) ? store_lookup(store, &head) : NULL;
}

vc_store_file *
vc_store_create(vc_store *store, const void *key, size_t key_bytes, size_t bytes)
{
	static unsigned made = 0;
	size_t		size = strlen(store->folder) + 64;
	vc_store_file *file = calloc(1, sizeof(*file) + size);

	if (file == NULL || !fill_header(&file->head, key, key_bytes, bytes))
	{
		free(file);
		return NULL;
	}
	file->store = store;
	snprintf(file->name, size, "%s/new.%ld.%u", store->folder, (long) getpid(), made++);
	file->descriptor = open(file->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file->descriptor < 0)
	{
		free(file);
		return NULL;
	}

	/* sets the size by the last byte, which is written again later */
	file->complete = true;
	vc_store_write(file, bytes > 0 ? bytes - 1 : 0, "", bytes > 0 ? 1 : 0);
	return file;
}

/* Writes at an offset of the file; returns false if that fails. */
static bool
write_all(int descriptor, off_t offset, const char *data, size_t bytes)
{
	while (bytes > 0)
	{
		ssize_t		written = pwrite(descriptor, data, bytes, offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		data += written;
		offset += written;
		bytes -= (size_t) written;
	}
	return true;
}

void
vc_store_write(vc_store_file *file, size_t offset, const void *data, size_t bytes)
{
	file->complete = file->complete &&
		write_all(file->descriptor, (off_t) (HEADER_SIZE + offset), data, bytes);
}

void
vc_store_give_up(vc_store_file *file)
{
	if (file == NULL)
		return;
	unlink(file->name);
	close(file->descriptor);
	free(file);
}

/* Writes the checksum of all bytes to the header. */
static bool
sum_file(vc_store_file *file)
{
	size_t		size = HEADER_SIZE + file->head.bytes;
	char	   *start = mmap(NULL, size, PROT_READ, MAP_SHARED, file->descriptor, 0);

	if (start == MAP_FAILED)
		return false;
	file->head.sum = checksum(start + HEADER_SIZE, file->head.bytes);
	munmap(start, size);
	return true;
}

const void *
vc_store_publish(vc_store_file *file)
{
	const void *data = NULL;
	char	   *name;

	if (file == NULL)
		return NULL;
	name = file_name(file->store, &file->head);
	if (name != NULL && file->complete && sum_file(file) &&
		write_all(file->descriptor, 0, (const char *) &file->head, sizeof(file->head)))
	{
		if (link(file->name, name) == 0 || errno == EEXIST)
			data = store_lookup(file->store, &file->head);
	}
	free(name);
	vc_store_give_up(file);
	return data;
}

const void *
vc_store_keep(vc_store *store, const void *key, size_t key_bytes, const void *data, size_t bytes)
{
	vc_store_file *file = vc_store_create(store, key, key_bytes, bytes);

	if (file != NULL)
		vc_store_write(file, 0, data, bytes);
	return vc_store_publish(file);
}

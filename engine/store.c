/*
 * store.c
 *		Read-only numbers that processes share, as files in a folder.
 *
 * A file is one page that has the key, and the bytes.  Its name is a hash of
 * the key; of two keys with one hash, the second is not kept.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE 4096		/* a page, or several of them, so the bytes begin on one */
#define MAGIC		0x76697363	/* of this layout of files */

typedef struct header
{
	uint32_t	magic;
	uint32_t	key_bytes;
	uint64_t	bytes;
	uint8_t		key[VC_STORE_KEY_SIZE];
} header;

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

/* The file of a key: FNV-1a's hash.  Free it; NULL without memory. */
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

/* False where the key is too long. */
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

/* Makes room for one more mapping. */
static bool
grow(vc_store *store)
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

/* Maps a file whose header is to be this one; NULL where it has another. */
static const void *
map(vc_store *store, int descriptor, const header *head)
{
	size_t		size = HEADER_SIZE + head->bytes;
	struct stat status;
	void	   *start;

	if (!grow(store) || fstat(descriptor, &status) != 0 || (size_t) status.st_size != size)
		return NULL;
	start = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
	if (start == MAP_FAILED)
		return NULL;
	if (memcmp(start, head, sizeof(*head)) != 0)
	{
		munmap(start, size);
		return NULL;
	}
	store->mappings[store->count++] = (mapping) {start, size};
	return (const char *) start + HEADER_SIZE;
}

static const void *
find(vc_store *store, const header *head)
{
	char	   *name;
	int			descriptor;
	const void *data = NULL;

	for (int i = 0; i < store->count; i++)
		if (memcmp(store->mappings[i].start, head, sizeof(*head)) == 0)
			return (const char *) store->mappings[i].start + HEADER_SIZE;
	name = file_name(store, head);
	descriptor = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
	free(name);
	if (descriptor >= 0)
	{
		data = map(store, descriptor, head);
		close(descriptor);
	}
	return data;
}

const void *
vc_store_find(vc_store *store, const void *key, size_t key_bytes, size_t bytes)
{
	header		head;

	return fill_header(&head, key, key_bytes, bytes) ? find(store, &head) : NULL;
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

	/* the last byte, which is written again, makes the size right */
	file->complete = true;
	vc_store_write(file, bytes > 0 ? bytes - 1 : 0, "", bytes > 0 ? 1 : 0);
	return file;
}

/* Writes at an offset of the file; false where that fails. */
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

const void *
vc_store_publish(vc_store_file *file)
{
	const void *data = NULL;
	char	   *name;

	if (file == NULL)
		return NULL;
	name = file_name(file->store, &file->head);
	if (name != NULL && file->complete &&
		write_all(file->descriptor, 0, (const char *) &file->head, sizeof(file->head)))
	{
		if (link(file->name, name) == 0 || errno == EEXIST)
			data = find(file->store, &file->head);
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

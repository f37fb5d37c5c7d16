/*
 * shared_weights.c
 *		The weights of a version, and what devices make of them, in files that
 *		all backends map.
 *
 * A version never changes, so neither do its files: one with its tensors as
 * the rows have them, written here, and those of devices (cpu/share.c).  They lie in
 * a folder of the version's in base/pgsql_tmp, which base backups leave out
 * and the server empties when it starts, also after a crash.  Files are only
 * ever complete (engine/weights/store.h), and a lost one is made again from the rows:
 * nothing depends on them.  On a standby they are its own.
 */
#include "extension/models/shared_weights.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "extension/support/release.h"
#include "extension/support/settings.h"
#include "extension/support/sql.h"

#define FOLDER "base/" PG_TEMP_FILES_DIR "/" PG_TEMP_FILE_PREFIX ".visclf"
#define LOCK_MILLISECONDS 2		/* wait between two tries for a lock */
#define LOCK_LOOKS 500
#define KEY "parameters"
#define ALIGNMENT 64			/* of each tensor, in bytes */

/* A version's folder, when room is made. */
typedef struct Folder
{
	char		path[MAXPGPATH];
	time_t		used;
	int64		bytes;
} Folder;

/* State of writing the file of a version's tensors. */
typedef struct Writer
{
	vc_store_file *file;		/* NULL: published, or not available */
	const vc_network *network;
	const size_t *offsets;		/* of each tensor */
} Writer;

/* Calls each() for the entries of a folder, if it exists. */
static void
each_entry(const char *folder, void (*each) (const char *path, void *argument), void *argument)
{
	DIR		   *directory = AllocateDir(folder);
	struct dirent *entry;
	char		path[MAXPGPATH * 2];

	while (directory != NULL && (entry = ReadDirExtended(directory, folder, LOG)) != NULL)
	{
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		each(path, argument);
	}
	if (directory != NULL)
		FreeDir(directory);
}

static void
add_bytes(const char *path, void *argument)
{
	struct stat status;

	if (stat(path, &status) == 0)
		*(int64 *) argument += status.st_size;
}

static void
remove_file(const char *path, void *argument)
{
	unlink(path);
}

static void
add_folder(const char *path, void *argument)
{
	List	  **folders = argument;
	Folder	   *folder = palloc0(sizeof(*folder));
	struct stat status;

	if (stat(path, &status) != 0)
		return;
	strlcpy(folder->path, path, sizeof(folder->path));
	folder->used = status.st_mtime;
	each_entry(path, add_bytes, &folder->bytes);
	*folders = lappend(*folders, folder);
}

/* Removes a folder of files. Existing mappings stay valid. */
static void
remove_folder(const char *path)
{
	each_entry(path, remove_file, NULL);
	rmdir(path);
}

static int
compare_use(const ListCell *a, const ListCell *b)
{
	time_t		first = ((const Folder *) lfirst(a))->used;
	time_t		second = ((const Folder *) lfirst(b))->used;

	return (first > second) - (first < second);
}

/*
 * Removes the least recently used folders until `bytes` more fit; returns
 * false if they never can. Backends keep what they have mapped.
 */
static bool
make_room(int64 bytes)
{
	int64		room = (int64) setting_shared_weights * 1024 * 1024;
	List	   *folders = NIL;
	ListCell   *cell;

	if (bytes > room)
		return false;
	each_entry(FOLDER, add_folder, &folders);
	foreach(cell, folders)
		bytes += ((Folder *) lfirst(cell))->bytes;
	list_sort(folders, compare_use);
	foreach(cell, folders)
	{
		Folder	   *folder = lfirst(cell);

		if (bytes <= room)
			break;
		remove_folder(folder->path);
		bytes -= folder->bytes;
	}
	list_free_deep(folders);
	return true;
}

/* Removes a folder whose path begins with the text. */
static void
remove_version(const char *path, void *prefix)
{
	if (strncmp(path, prefix, strlen(prefix)) == 0)
		remove_folder(path);
}

void
shared_weights_forget(int model_id)
{
	each_entry(FOLDER, remove_version, psprintf("%s/%u.%d.", FOLDER, MyDatabaseId, model_id));
}

/* Returns true if the folder exists or was created. */
static bool
make_folder(const char *path)
{
	return MakePGDirectory(path) == 0 || errno == EEXIST;
}

/*
 * Returns a fingerprint of the version's rows of weights, from the transaction
 * that wrote each row and its place. It changes when somebody repairs rows,
 * even twice in one transaction.
 */
static char *
rows_stamp(int model_id)
{
	Sql			sql;

	sql_begin(&sql, "SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(xmin, ctid), ',' ORDER BY name)) "
			  "FROM visclf.weight WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model_id);
	sql_read(&sql);
	return result_string(0, 1);
}

/* Returns the version's folder for `bytes` of tensors, or NULL if it cannot be created. */
static char *
version_folder(ModelKey key, int64 bytes)
{
	char	   *path = psprintf("%s/%u.%d." INT64_FORMAT ".%s", FOLDER, MyDatabaseId, key.model_id,
								key.created_at, rows_stamp(key.model_id));
	bool		is_there = utime(path, NULL) == 0;

	if (!make_room(is_there ? 0 : 2 * bytes))	/* devices store them a second time, packed */
		return NULL;
	if (is_there)
		return path;
	if (make_folder("base/" PG_TEMP_FILES_DIR) && make_folder(FOLDER) && make_folder(path))
		return path;
	ereport(DEBUG1,
			(errcode_for_file_access(),
			 errmsg("could not create directory \"%s\": %m", path)));
	return NULL;
}

/*
 * Waits, for at most a second, until no other backend writes the version's
 * file. That backend may itself wait for a lock on the rows that this one
 * holds. Returns a file to close then, or -1 without a lock.
 */
static int
lock_folder(const char *folder)
{
	char	   *path = psprintf("%s/lock", folder);
	int			file = OpenTransientFile(path, O_RDWR | O_CREAT | PG_BINARY);

	for (int look = 0; look < LOCK_LOOKS && file >= 0 && flock(file, LOCK_EX | LOCK_NB) != 0 &&
		 (errno == EWOULDBLOCK || errno == EINTR); look++)
	{
		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOCK_MILLISECONDS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return file;
}

/* Sets the offset of each tensor in the file; returns the file's size. */
static size_t *
tensor_offsets(const vc_network *network, size_t *size)
{
	size_t	   *offsets = palloc(sizeof(size_t) * network->parameter_count);

	*size = 0;
	for (int i = 0; i < network->parameter_count; i++)
	{
		offsets[i] = *size;
		if (vc_parameter_stored(&network->parameters[i]))
			*size += TYPEALIGN(ALIGNMENT, sizeof(float) * network->parameters[i].count);
	}
	return offsets;
}

static void
release_writer(void *argument)
{
	vc_store_give_up(((Writer *) argument)->file);
}

static void
release_store(void *store)
{
	vc_store_close(store);
}

static void
write_tensor(int index, const float *data, void *argument)
{
	const Writer *writer = argument;

	vc_store_write(writer->file, writer->offsets[index], data,
				   sizeof(float) * writer->network->parameters[index].count);
}

/* Writes the version's rows into the store; returns NULL on failure. */
static const void *
write_shared_tensors(const Model *model, vc_store *store, const size_t *offsets, size_t size,
			  MemoryContext context)
{
	Writer	   *writer = MemoryContextAllocZero(context, sizeof(*writer));
	const void *data;

	writer->network = model->network;
	writer->offsets = offsets;
	writer->file = vc_store_create(store, KEY, strlen(KEY), size);
	if (writer->file == NULL)
		return NULL;
	release_with_context(context, release_writer, writer);
	weights_each(model, write_tensor, writer);
	data = vc_store_publish(writer->file);
	writer->file = NULL;
	return data;
}

/* Returns the version's tensors in its folder, and writes them first if they are missing. */
static const char *
find_tensors(const char *folder, const Model *model, vc_store *store, const size_t *offsets,
			 size_t size, MemoryContext context)
{
	const void *data = vc_store_find(store, KEY, strlen(KEY), size);
	int			lock;

	if (data != NULL)
		return data;
	lock = lock_folder(folder);
	data = vc_store_find(store, KEY, strlen(KEY), size);
	if (data == NULL)
		data = write_shared_tensors(model, store, offsets, size, context);
	if (lock >= 0)
		CloseTransientFile(lock);
	return data;
}

void
shared_weights(ModelKey key, const Model *model, MemoryContext context, vc_plan_options *options)
{
	const vc_network *network = model->network;
	size_t		size;
	size_t	   *offsets = tensor_offsets(network, &size);
	const char *folder;
	const char *data;
	const float **parameters;
	vc_store   *store;

	if (setting_shared_weights == 0 || (folder = version_folder(key, size)) == NULL ||
		(store = vc_store_open(folder)) == NULL)
		return;
	release_with_context(context, release_store, store);
	data = find_tensors(folder, model, store, offsets, size, context);
	if (data == NULL)
		return;
	parameters = MemoryContextAllocZero(context, sizeof(*parameters) * network->parameter_count);
	for (int i = 0; i < network->parameter_count; i++)
		if (vc_parameter_stored(&network->parameters[i]))
			parameters[i] = (const float *) (data + offsets[i]);
	options->parameters = parameters;
	options->store = store;
}

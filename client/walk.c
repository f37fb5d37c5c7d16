/*
 * walk.c
 *		All files of a folder and the folders in it.
 *
 * Memory holds one path and one open folder a level.
 */
#include "client/walk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A folder that is being read, and the one that it is in. */
typedef struct level
{
	const struct level *above;
	dev_t		device;
	ino_t		inode;
} level;

typedef struct walker
{
	char		path[PATH_MAX];
	size_t		root_length;	/* of what names are without */
	walk_function file;
	void		(*failed) (void *argument, const char *path, const char *why);
	void	   *argument;
} walker;

static void read_folder(walker *w, size_t length, const struct stat *status, const level *above);

/* True where a folder lies in itself, by a link. */
static bool
is_circle(const struct stat *status, const level *above)
{
	for (; above != NULL; above = above->above)
		if (above->device == status->st_dev && above->inode == status->st_ino)
			return true;
	return false;
}

/* Looks at what w->path names, which has `length` bytes. */
static void
visit(walker *w, size_t length, const level *above)
{
	struct stat status;

	if (stat(w->path, &status) != 0)
		w->failed(w->argument, w->path, strerror(errno));
	else if (S_ISREG(status.st_mode))
		w->file(w->argument, w->path, w->path + w->root_length, status.st_size);
	else if (S_ISDIR(status.st_mode) && !is_circle(&status, above))
		read_folder(w, length, &status, above);
}

/* Reads the folder w->path. */
static void
read_folder(walker *w, size_t length, const struct stat *status, const level *above)
{
	level		here = {above, status->st_dev, status->st_ino};
	DIR		   *folder = opendir(w->path);
	struct dirent *entry;

	if (folder == NULL)
	{
		w->failed(w->argument, w->path, strerror(errno));
		return;
	}
	while ((entry = readdir(folder)) != NULL)
	{
		size_t		bytes = strlen(entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (length + 1 + bytes >= sizeof(w->path))
		{
			w->failed(w->argument, w->path, "a path in it is too long");
			continue;
		}
		w->path[length] = '/';
		memcpy(w->path + length + 1, entry->d_name, bytes + 1);
		visit(w, length + 1 + bytes, &here);
		w->path[length] = '\0';
	}
	closedir(folder);
}

vc_status
walk(const char *root, walk_function file,
	 void (*failed) (void *argument, const char *path, const char *why), void *argument, vc_error *error)
{
	walker		w = {.file = file, .failed = failed, .argument = argument};
	size_t		length = strlen(root);
	struct stat status;
	const char *slash;

	while (length > 1 && root[length - 1] == '/')
		length--;
	if (length + 1 >= sizeof(w.path))
		return vc_fail(error, VC_INVALID_ARGUMENT, "path \"%s\" is too long", root);
	memcpy(w.path, root, length);
	if (stat(w.path, &status) != 0)
		return vc_fail(error, VC_INVALID_ARGUMENT, "cannot read \"%s\": %s", root, strerror(errno));
	slash = strrchr(w.path, '/');
	if (S_ISDIR(status.st_mode))
		w.root_length = length + 1;
	else
		w.root_length = slash == NULL ? 0 : (size_t) (slash + 1 - w.path);
	visit(&w, length, NULL);
	return VC_OK;
}

/*
 * walk.h
 *		All files of a folder and the folders in it.
 */
#ifndef VISCLF_CLIENT_WALK_H
#define VISCLF_CLIENT_WALK_H

#include <stdint.h>

#include "engine/support/status.h"

/*
 * Is told of one file: its path from where the program runs, its name (the
 * path from the folder, with slashes) and its size in bytes.
 */
typedef void (*walk_function) (void *argument, const char *path, const char *name, int64_t bytes);

/*
 * Tells of each file below `root`, or of root where that is a file.  Names that
 * begin with a dot are passed over, folders and files; links are followed,
 * but not in a circle.  What cannot be read is told to `failed`.  Errors:
 * VC_INVALID_ARGUMENT where root itself cannot be read.
 */
extern vc_status walk(const char *root, walk_function file,
					  void (*failed) (void *argument, const char *path, const char *why),
					  void *argument, vc_error *error);

#endif							/* VISCLF_CLIENT_WALK_H */

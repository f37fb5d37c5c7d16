/*
 * store.h
 *		Read-only numbers that processes share, as files in a folder.
 *
 * A file is written under another name and linked to its own when it is
 * complete.  So readers always find a whole file, which never changes
 * afterwards.  They map it: processes share its pages, and the kernel may
 * reclaim them.  Files, and the folder, may be removed at any time; what is
 * mapped stays.
 *
 * A store saves work and memory, and nothing depends on it: if something
 * cannot be stored, for lack of disk space or of rights, that is not an
 * error.
 */
#ifndef VISCLF_STORE_H
#define VISCLF_STORE_H

#include <stdbool.h>
#include <stddef.h>

#define VC_STORE_KEY_SIZE	2048	/* the most bytes of a key */

typedef struct vc_store vc_store;
typedef struct vc_store_file vc_store_file;

/* Opens the store in an existing folder; NULL if memory is short. */
extern vc_store *vc_store_open(const char *folder);

/* Closes it, and unmaps all that was found or published through it. */
extern void vc_store_close(vc_store *store);

/*
 * Finds the bytes of a key, aligned to 4096 bytes and valid until the store
 * is closed; NULL if there are none, or not so many.
 */
extern const void *vc_store_find(vc_store *store, const void *key, size_t key_bytes, size_t bytes);

/*
 * Begins a file of so many bytes, to be written in any order and then
 * published, or given up.  NULL if it cannot be made.
 */
extern vc_store_file *vc_store_create(vc_store *store, const void *key, size_t key_bytes,
									  size_t bytes);
extern void vc_store_write(vc_store_file *file, size_t offset, const void *data, size_t bytes);

/*
 * Completes the file, so that others find it, and returns what vc_store_find
 * gives: another process may have been faster.  NULL is allowed.
 */
extern const void *vc_store_publish(vc_store_file *file);
extern void vc_store_give_up(vc_store_file *file);

/* All of the above for bytes that are in memory. */
extern const void *vc_store_keep(vc_store *store, const void *key, size_t key_bytes,
								 const void *data, size_t bytes);

#endif							/* VISCLF_STORE_H */

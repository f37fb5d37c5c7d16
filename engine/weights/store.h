/*
 * store.h
 *		Read-only numbers that processes share, as files in a folder.
 *
 * A file is written under another name and linked to its own when it is
 * complete, so that whoever finds it finds all of it, and it never changes
 * afterwards.  It is read by mapping it: processes share its pages, and the
 * kernel may take them back.  Removing files, or the folder, at any time is
 * allowed; what is mapped stays.
 *
 * A store saves work and memory, and is never needed: what cannot be kept,
 * for lack of disk space or of rights, is not there, and no error.
 */
#ifndef VISCLF_STORE_H
#define VISCLF_STORE_H

#include <stdbool.h>
#include <stddef.h>

#define VC_STORE_KEY_SIZE	2048	/* bytes that a key may have */

typedef struct vc_store vc_store;
typedef struct vc_store_file vc_store_file;

/* The store in a folder that is there; NULL without memory. */
extern vc_store *vc_store_open(const char *folder);

/* Ends the mappings of all that was found or published through it. */
extern void vc_store_close(vc_store *store);

/*
 * What is kept under a key, aligned to 4096 bytes, until the store is closed; NULL
 * where that is nothing, or not of so many bytes.
 */
extern const void *vc_store_find(vc_store *store, const void *key, size_t key_bytes, size_t bytes);

/*
 * Begins a file of so many bytes, to be written in any order and then
 * published, or given up.  NULL where there is none to be had.
 */
extern vc_store_file *vc_store_create(vc_store *store, const void *key, size_t key_bytes,
									  size_t bytes);
extern void vc_store_write(vc_store_file *file, size_t offset, const void *data, size_t bytes);

/*
 * Ends the file, NULL allowed, so that others find it; what vc_store_find
 * then gives, be it another process's that was faster.
 */
extern const void *vc_store_publish(vc_store_file *file);
extern void vc_store_give_up(vc_store_file *file);

/* All of the above for bytes that are in memory. */
extern const void *vc_store_keep(vc_store *store, const void *key, size_t key_bytes,
								 const void *data, size_t bytes);

#endif							/* VISCLF_STORE_H */

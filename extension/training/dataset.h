/*
 * dataset.h
 *		The images of a training, decoded once, in a temporary file.
 *
 * Pixels are on disk, where temp_file_limit counts them. In memory are a few
 * bytes for each image.
 */
#ifndef VISCLF_DATASET_H
#define VISCLF_DATASET_H

#include "extension/support/pgcompat.h"

#include "storage/fd.h"

#include "engine/image/fingerprint.h"

#define DATASET_EXAMPLES 3		/* images that a warning names */

typedef enum DatasetSide
{
	SIDE_BY_HASH,
	SIDE_TRAIN,
	SIDE_VALID
} DatasetSide;

typedef struct DatasetRow
{
	uint64		hash;			/* of the image's bytes */
	uint64		group;			/* decides the side, unless `side` does */
	int32		label_count;	/* 1, unless images have any number */
	int32	   *labels;			/* indexes into classes, ascending */
	DatasetSide side;
	int			fold;			/* from 1; 0: there are none */
	char	   *key;			/* of validation rows; NULL without key_column */
	char	   *group_key;		/* NULL without group_column */
} DatasetRow;

typedef struct DatasetClass
{
	char	   *label;
	int			first_seen;		/* DatasetRow's index until dataset_finish */
} DatasetClass;

/* Rows whose image is worth a warning. */
typedef struct DatasetOddities
{
	int64		count;
	char	   *examples[DATASET_EXAMPLES];	/* the first, "key: what" */
} DatasetOddities;

typedef struct Dataset
{
	MemoryContext context;		/* holds all of it */
	File		file;			/* pixels of row i at i * image_bytes */
	size_t		image_bytes;
	DatasetRow *rows;
	int64		count;
	int64		capacity;
	DatasetClass *classes;		/* ascending, bytewise or as dataset_sort_classes has them */
	int			class_count;
	int			class_capacity;
	bool		multi_label;	/* images have any number of classes */
	int			folds;			/* 0: none */
	uint32	   *order;			/* hash of all rows, which depends on their contents alone */
	uint32	   *train;			/* rows, in that order */
	int64		train_count;	/* with those that balance repeats */
	int64		train_images;	/* without them */
	uint32	   *valid;
	int64		valid_count;
	uint64		fingerprint;	/* of images and labels */
	vc_fingerprint *prints;		/* of each row, until they are grouped */
	int64		print_capacity;
	int64		alike;			/* rows whose image nearly equals another row's, but for its bytes */
	int64		repeated;		/* rows whose image another row has too */
	int64		conflicting;	/* of those, labelled unlike most rows of their image */
	int64		leaking;		/* of those, on the side with fewer rows of their image */
	DatasetOddities bad;		/* rows left out */
	DatasetOddities flawed;		/* rows whose image is cut off or damaged */
} Dataset;

/* An empty dataset in the current context. */
extern Dataset *dataset_create(size_t image_bytes, bool multi_label);

/* Returns the index of a label among the classes, in order of first sight. */
extern int	dataset_label(Dataset *dataset, const char *label);

/* Adds one image; copies the row with its keys and labels. */
extern void dataset_add(Dataset *dataset, const uint8_t *pixels, const DatasetRow *row);

/*
 * After the last row: puts rows whose images are nearly the same into one group, so that
 * they are on one side; rows that have a group of their own stay in it.
 */
extern void dataset_group_alike(Dataset *dataset);

/* Counts a row without pixels; counts a row whose image has a flaw. */
extern void dataset_add_bad(Dataset *dataset, const char *key, const char *why);
extern void dataset_add_flawed(Dataset *dataset, const char *key, const char *flaw);

/* After the last row: gives the classes another order than that of their bytes. */
extern void dataset_sort_classes(Dataset *dataset, qsort_arg_comparator compare, void *argument);

/*
 * Call it after the last row. Sorts the classes; splits the rows into folds,
 * or by the share to hold out if folds is 0; orders them by content, so that
 * the same rows in any order train the same model; then takes fold 0. A
 * negative number of folds means that many, or as few as there are units.
 * Throws if there are fewer units than folds.
 */
extern void dataset_finish(Dataset *dataset, uint64 seed, double validation_share, int folds);

/*
 * Sets train to the rows outside a fold, and valid to those in it. Fold 0 sets
 * train to all rows, and valid to those of the first fold, to compare
 * precisions with. Without folds, it sets the two sides.
 */
extern void dataset_take(Dataset *dataset, int fold);

/* Returns the number of rows in the folds before one. */
extern int64 dataset_fold_start(const Dataset *dataset, int fold);

/* Counts the rows of each class: counts[class_count]. */
extern void dataset_count(const Dataset *dataset, const uint32 *rows, int64 count, int64 *counts);

/*
 * dataset_split.c: assigns rows without a given side to one, or to folds that
 * each have as many of every class, except that groups stay together. Returns
 * the number of such units. If a class has few images, they are held out by
 * number, otherwise by hash.
 */
extern void dataset_hold_out(Dataset *dataset, uint64 seed, double share);
extern int64 dataset_deal(Dataset *dataset, uint64 seed, int folds);

/*
 * Repeats training rows until every class has as many as the largest; the seed
 * decides which are repeated once more. Not for multi-label. Throws if there
 * would be far more rows than images.
 */
extern void dataset_oversample(Dataset *dataset, uint64 seed);

/* Sets members[class_count] to 1 if the row has the class, else 0. */
extern void dataset_members(const Dataset *dataset, uint32 row, uint8_t *members);

/* Returns the names of the classes, in the order of the network's outputs. */
extern char **dataset_class_names(const Dataset *dataset);

/* Reads the pixels of one row. */
extern void dataset_read(Dataset *dataset, uint32 row, uint8_t *pixels);

#endif							/* VISCLF_DATASET_H */

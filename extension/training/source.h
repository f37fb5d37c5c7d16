/*
 * source.h
 *		Reading the table or view that a model is trained on.
 */
#ifndef VISCLF_SOURCE_H
#define VISCLF_SOURCE_H

#include "extension/training/dataset.h"
#include "extension/training/options.h"

/*
 * Reads the labelled rows of the source once, in one snapshot, as the
 * current role, and warns of those whose image cannot be decoded.  Throws
 * where a column is missing or of the wrong type, and where the rows are too
 * few to train on.  SPI must be connected; the dataset is in the current
 * context.
 */
extern Dataset *source_read(const TrainOptions *options);

/* Gives the classes the order of the label column's type, where that has one: numbers, enums. */
extern void source_order_classes(const TrainOptions *options, Dataset *dataset);

/* Warns, with numbers, of what a user would want to know of the rows. */
extern void source_warn(const TrainOptions *options, const Dataset *dataset);

#endif							/* VISCLF_SOURCE_H */

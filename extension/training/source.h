/*
 * source.h
 *		Reads the table or view that a model is trained on.
 */
#ifndef VISCLF_SOURCE_H
#define VISCLF_SOURCE_H

#include "extension/training/dataset.h"
#include "extension/training/options.h"

/*
 * Reads the labelled rows of the source once, in one snapshot, as the current
 * role, and warns of those whose image cannot be decoded. Throws if a column
 * is missing or of the wrong type, or if there are too few rows to train on.
 * SPI must be connected; the dataset is in the current context.
 */
extern Dataset *source_read(const TrainOptions *options);

/* Gives the classes the order of the label column's type, where that has one: numbers, enums. */
extern void source_order_classes(const TrainOptions *options, Dataset *dataset);

/* Warns of oddities of the rows, with numbers. */
extern void source_warn(const TrainOptions *options, const Dataset *dataset);

#endif							/* VISCLF_SOURCE_H */

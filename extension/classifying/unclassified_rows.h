/*
 * unclassified_rows.h
 *		The rows of a table that are still to be classified.
 *
 * SPI must be connected.  Only keys are read at first, and kept in a tuplestore,
 * which goes to disk when they are many; images follow a batch at a time.
 */
#ifndef VISCLF_UNCLASSIFIED_ROWS_H
#define VISCLF_UNCLASSIFIED_ROWS_H

#include "extension/support/pgcompat.h"

#include "executor/spi.h"
#include "utils/tuplestore.h"

#include "extension/classifying/prediction_table.h"

typedef struct UnclassifiedRows
{
	Oid			relation;
	char	   *source;			/* its name, quoted and qualified */
	char	   *key_column;		/* quoted */
	AttrNumber	key_number;
	char	   *image_column;	/* quoted */
	AttrNumber	image_number;
	Oid			image_type;
	Oid			key_type;
	Oid			equality;		/* the type's own operator */
	List	   *others;			/* model_ids of the predictions that there are for the keys; 0: none */
	int16		key_length;
	bool		key_by_value;
	char		key_alignment;
	Tuplestorestate *keys;
	TupleTableSlot *slot;
	int64		count;			/* of the keys */
	int64		without_key;	/* rows whose key is NULL */
	SPIPlanPtr	fetch;
} UnclassifiedRows;

/*
 * Finds the rows of the source, which is locked and whose columns are checked, whose key has no prediction by the version in
 * the table; an error where two of them have the same key.  Lasts as long as
 * the current context, over commits.
 */
extern UnclassifiedRows *unclassified_rows_find(Oid source, const char *key_column, const char *image_column,
							 const PredictionTable *table, int model_id);

/* Throws where keys have predictions that are not by a version of the model. */
extern void unclassified_rows_check_models(const UnclassifiedRows *rows, const PredictionTable *table, const char *model);

/*
 * Fetches the rows of the next keys, at most `most` of them, into the last SPI
 * result: key and image; how many there still are.  False: no more keys.
 */
extern bool unclassified_rows_next(UnclassifiedRows *rows, int most, uint64 *fetched);

#endif							/* VISCLF_UNCLASSIFIED_ROWS_H */

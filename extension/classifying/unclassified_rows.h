/*
 * unclassified_rows.h
 *		Finds the rows of a table that have no prediction yet.
 *
 * SPI must be connected. First only the keys are read, into a tuplestore,
 * which spills to disk. Images are fetched batch by batch.
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
	List	   *others;			/* model_ids of the keys' predictions; 0: NULL */
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
 * Finds the rows of the source whose key has no prediction by the version in
 * the table. The source is locked and its columns are checked. Throws if two
 * rows have the same key. The result lives in the current context and survives
 * commits.
 */
extern UnclassifiedRows *unclassified_rows_find(Oid source, const char *key_column, const char *image_column,
							 const PredictionTable *table, int model_id);

/* A key that outlives its row's transaction, in the current context. */
extern Datum unclassified_rows_own_key(const UnclassifiedRows *rows, Datum key);

/* Throws if keys have predictions by another model. */
extern void unclassified_rows_check_models(const UnclassifiedRows *rows, const PredictionTable *table, const char *model);

/*
 * Fetches the rows of at most `most` next keys into the last SPI result, as
 * key and image. Sets *fetched to the number of rows that still exist. Returns
 * false if no keys are left.
 */
extern bool unclassified_rows_next(UnclassifiedRows *rows, int most, uint64 *fetched);

#endif							/* VISCLF_UNCLASSIFIED_ROWS_H */

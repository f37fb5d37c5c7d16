/*
 * prediction_table.h
 *		Writes predictions into a table of the user.
 *
 * SPI must be connected. Everything runs with the caller's rights.
 */
#ifndef VISCLF_PREDICTION_TABLE_H
#define VISCLF_PREDICTION_TABLE_H

#include "extension/support/pgcompat.h"

#include "executor/spi.h"

#include "extension/models/model.h"

typedef struct PredictionTable
{
	Oid			relation;
	char	   *name;			/* quoted and qualified */
	char	   *key_column;		/* quoted */
	TupleDesc	desc;			/* of visclf.prediction */
	SPIPlanPtr	write;
} PredictionTable;

/*
 * Opens a table of predictions by its name, and creates it if it does not
 * exist: with the key column, the columns of visclf.prediction, and
 * classified_at. Throws if an existing table lacks one of them (the warning
 * may be missing) or a unique index on the key alone. It lives in the current
 * context.
 */
extern PredictionTable *prediction_table_open(const char *name, const char *key_column,
											  Oid key_type, int32 key_typmod);

/*
 * Locks the table for the transaction that writes a batch; throws if it is no
 * longer the table that was opened.
 */
extern void prediction_table_check(const PredictionTable *table);

/* Writes a row, replacing one with the same key. */
extern void prediction_table_write(const PredictionTable *table, Datum key, Datum prediction);

#endif							/* VISCLF_PREDICTION_TABLE_H */

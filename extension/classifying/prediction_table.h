/*
 * prediction_table.h
 *		The user's own table that predictions are written into.
 *
 * SPI must be connected; all happens with the caller's rights.
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
 * Opens a table of predictions by its name, made if need be: the key column
 * of that name and type, then those of visclf.prediction and classified_at.
 * An error where a table of that name lacks one of them, but the warning, or a
 * unique index of the key alone.  Lasts as long as the current context.
 */
extern PredictionTable *prediction_table_open(const char *name, const char *key_column,
											  Oid key_type, int32 key_typmod);

/* Before a batch is written, for its transaction: throws where the table is not the one that was opened. */
extern void prediction_table_check(const PredictionTable *table);

/* Writes a row, over the key's older one where there is one. */
extern void prediction_table_write(const PredictionTable *table, Datum key, Datum prediction);

#endif							/* VISCLF_PREDICTION_TABLE_H */

/*
 * predictions.h
 *		Reads the relation of predictions that images are counted from.
 */
#ifndef VISCLF_PREDICTIONS_H
#define VISCLF_PREDICTIONS_H

#include "extension/support/pgcompat.h"

#include "extension/counting/quantifier.h"

typedef struct Predictions
{
	Oid			relation;
	bool		soft;			/* the method uses probabilities */
	char	   *label_column;
	char	   *probabilities_column;
	char	   *error_column;	/* NULL: there is none */
	char	   *known_column;	/* column of labels that people gave; NULL: there is none */
	bool		has_model_id;
	bool		has_warning;
	bool		has_confidence;
} Predictions;

/*
 * Checks the columns, once relation, soft and the names are set; error_column
 * becomes NULL where the relation has none of that name.
 */
extern void predictions_check(Predictions *p);

/*
 * The last columns of a query over the relation, called s, in which $1 is a
 * model_id: "known, label, bin, images, other, flawed, probabilities".  The label is NULL
 * for an image that failed; other is another model_id where there is one.
 * Without soft, all but the first three are aggregates, to be grouped by them.
 */
extern char *predictions_columns(const Predictions *p);

/* Returns SQL for the bin of a row's confidence, or NULL if it has none. */
extern const char *predictions_bin(const Predictions *p);

/*
 * Calls a function for each row of a query, with its number, in a context that
 * is reset as it goes; $1 is the model_id. SPI must be connected.
 */
extern void predictions_each(const char *query, const Quantifier *q,
							 void (*take) (void *argument, uint64 number), void *argument);

/*
 * Calls a function for each row of a query over predictions, with its number
 * in the last result, in a context that is reset as it goes; $1 is the
 * model_id. Throws for a row of another version. SPI must be connected.
 */
extern void predictions_read(const char *query, const Quantifier *q,
							 void (*take) (void *argument, uint64 number, const PredictionRow *row),
							 void *argument);

#endif							/* VISCLF_PREDICTIONS_H */

/*
 * predictions.h
 *		The relation of predictions that images are counted from.
 */
#ifndef VISCLF_PREDICTIONS_H
#define VISCLF_PREDICTIONS_H

#include "extension/support/pgcompat.h"

#include "extension/counting/quantifier.h"

typedef struct Predictions
{
	Oid			relation;
	bool		soft;			/* the method looks at probabilities */
	char	   *label_column;
	char	   *probabilities_column;
	char	   *error_column;	/* NULL: there is none */
	char	   *known_column;	/* labels that people gave; NULL: there is none */
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

/* The bin alone: of the confidence that a row says it has; NULL where there is none. */
extern const char *predictions_bin(const Predictions *p);

/*
 * Hands the number of each row of a query to a function, in a context that is emptied
 * as it goes; $1 is the model_id.  SPI connected.
 */
extern void predictions_each(const char *query, const Quantifier *q,
							 void (*take) (void *argument, uint64 number), void *argument);

/*
 * Hands each row of a query over predictions, and its number in the last
 * result, to a function, in a context that is emptied as it goes; $1 is the model_id.  Throws for a row of another
 * version.  SPI connected.
 */
extern void predictions_read(const char *query, const Quantifier *q,
							 void (*take) (void *argument, uint64 number, const PredictionRow *row),
							 void *argument);

#endif							/* VISCLF_PREDICTIONS_H */

/*
 * known.h
 *		Counting with known labels: reads a relation of predictions and labels
 *		once, into counts that the engine estimates from.
 */
#ifndef VISCLF_KNOWN_H
#define VISCLF_KNOWN_H

#include "extension/support/pgcompat.h"

#include "fmgr.h"

#include "extension/counting/predictions.h"
#include "extension/counting/quantifier.h"

#include "engine/counting/ppi.h"

/* What to count, by which columns. */
typedef struct Grouping
{
	Predictions predictions;
	char	  **by;
	int			by_count;

	/* of images whose label is known (predictions.known_column); NULL: no such column */
	char	   *key_column;		/* finds their predictions out of fold */
	char	   *weight_column;
	char	   *cluster_column;
} Grouping;

/* True or predicted classes of an image; one, unless the model is multi-label. */
typedef struct ClassSet
{
	bool		is;				/* false: not known, or not predicted */
	int			count;
	int		   *classes;
} ClassSet;

/* The prediction for a labelled image by a network that was not trained on it. */
typedef struct KnownHeld
{
	char	   *key;
	ClassSet		predicted;
	uint64		cluster;		/* its group in training; 0: none */
} KnownHeld;

/* Images that are alike. */
typedef struct KnownRow
{
	int64		images;
	int64		flawed;			/* of them, with a warning */
	ClassSet		predicted;
	ClassSet		known;
	ClassSet		held;			/* prediction by a network that was not trained on them */
	double		weight;			/* 1 / the probability of having been sampled; NAN: no weights */
	uint64		cluster;		/* 0: none */
	int			bin;			/* of the confidence; -1: it is not known */
} KnownRow;

/* One group. */
typedef struct KnownGroup
{
	Datum		groups;			/* jsonb */
	int64		known;			/* images whose label is known */
	int64		unknown;		/* classified images of unknown label */
	int64		failed;
	int64		flawed;
	int64		confidences[BINS];	/* of the unknown */
	int64		counted;		/* images with a prediction, and a label or not */
	int64		evidence;		/* labelled images that show the model's errors */
	double		stands_for;		/* the sum of their weights */
} KnownGroup;

/* The counts. */
typedef struct KnownTally
{
	const Quantifier *q;
	MemoryContext context;
	bool		honest;			/* predictions for labelled images that were trained on are not evidence */
	bool		strange;		/* evidence is validation images alone, of no group */
	KnownGroup *groups;
	int			group_count;
	int			group_room;
	int64	   *known;			/* [group_count][classes]: images of a known class */
	int64	   *predicted;			/* the others, by predicted class */
	int64	   *raw;			/* all, by predicted class */
	vc_ppi_row *rows;
	int64		row_count;
	int64		row_room;
	uint8	   *has_label;		/* [row_count][2][classes] of multi-label models: true, predicted */
	int64	   *truths;			/* [classes]: labelled images of each class that are evidence */
} KnownTally;

/*
 * Reads and checks the common arguments of counting functions, by name. A
 * column with its default name is used if it exists. `by` is the name of one
 * column, or an array.
 */
extern Grouping grouping_read(FunctionCallInfo fcinfo, const Quantifier *q, bool one);

/* The same for the columns about labelled images alone. */
extern void grouping_read_known(FunctionCallInfo fcinfo, const Quantifier *q, Grouping *g);

/*
 * Read the model and the method of a call: the first without the model's
 * errors, the second with them, for methods other than ppi.
 */
extern Quantifier *grouping_open(FunctionCallInfo fcinfo);
extern Quantifier *grouping_quantifier(FunctionCallInfo fcinfo, const Quantifier *q);

/* Returns true if the method is ppi: it is named, or none is named and labels are known. */
extern bool grouping_is_ppi(FunctionCallInfo fcinfo, const Grouping *g);

/* Calls a function for each group, with the value of `groups`. Not for ppi. */
extern void grouping_count(const Grouping *g, const Quantifier *q,
						   void (*take) (void *argument, const ImageGroup *group, Datum groups), void *argument);

/* "SELECT dense_rank, jsonb of the group, what FROM (SELECT g0, ..., columns FROM relation s join) counted", in the order of groups. */
extern char *grouping_query(const Grouping *g, const char *what, const char *columns, const char *from);

/* Returns true if the label of any image is known. */
extern bool grouping_has_known(const Grouping *g);

/* Counts the relation. SPI must be connected. The result lives in the current context. */
extern KnownTally *known_count(const Grouping *g, Quantifier *q);

/*
 * The same in steps: create a tally, for labelled images with keys or without;
 * add its groups; add rows; at the end, add validation images if no labelled
 * image shows the model's errors. SPI must be connected for the first and the
 * last.
 */
extern KnownTally *known_begin(Quantifier *q, bool keys);
extern void known_add_group(KnownTally *tally, Datum groups);
extern void known_add(KnownTally *tally, int group, const KnownRow *row);
extern void known_end(KnownTally *tally);

/* Returns a label of a single-label model; NULL: there is none. */
extern ClassSet known_label(const Quantifier *q, const char *label);

/* Sets the held-out prediction of a key (may be NULL), and the cluster if the row has none. */
extern void known_find_held(const Quantifier *q, const char *key, KnownRow *row);

/*
 * The last columns of a query over the relation, called s, to be grouped by the first
 * KNOWN_KEYS; and a row of its result, whose first of them is a column (from 1).
 */
#define KNOWN_KEYS 6
extern char *known_columns(const Grouping *g, const Quantifier *q);
extern KnownRow known_read_row(const Grouping *g, const Quantifier *q, uint64 number, int column);

/* Returns the cluster of a name; 0 for NULL. */
extern uint64 known_cluster(const char *name);

/*
 * Estimates, and calls a function for each class with the engine's result and
 * the class's index.
 */
extern void known_solve(const KnownTally *tally, double confidence,
						void (*take) (void *argument, vc_ppi *ppi, int index, int class_index), void *argument);

/* Returns the doubts about a class of a group, or NULL. */
extern char *known_warning(const KnownTally *tally, int group, int class_index, const vc_ppi_share *share);

#endif							/* VISCLF_KNOWN_H */

/*
 * known.h
 *		Counting where the label of some images is known: a relation of predictions
 *		and labels, read once into counts that the engine estimates from.
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
	char	   *key_column;		/* finds what was said of them out of fold */
	char	   *weight_column;
	char	   *cluster_column;
} Grouping;

/* Classes that an image carries, or is said to; one, but for multi-label models. */
typedef struct Carried
{
	bool		is;				/* false: it is not known, or not said */
	int			count;
	int		   *classes;
} Carried;

/* What was said of a labelled image by a network that had not seen it. */
typedef struct KnownHeld
{
	char	   *key;
	Carried		predicted;
	uint64		cluster;		/* its group in training; 0: none */
} KnownHeld;

/* Images that are alike. */
typedef struct KnownRow
{
	int64		images;
	int64		flawed;			/* of them, with a warning */
	Carried		predicted;
	Carried		known;
	Carried		held;			/* what was said by a network that had not seen them */
	double		weight;			/* 1 / the probability of having been drawn; NAN: there are no weights */
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
	int64		evidence;		/* labelled images that say how the model errs */
	double		stands_for;		/* the sum of their weights */
} KnownGroup;

/* The counts. */
typedef struct KnownTally
{
	const Quantifier *q;
	MemoryContext context;
	bool		honest;			/* what the model says of labelled images that are not held out counts as evidence */
	int64		held;			/* labelled images whose key training knows */
	bool		strange;		/* evidence is validation images alone, of no group */
	KnownGroup *groups;
	int			group_count;
	int			group_room;
	int64	   *known;			/* [group_count][classes]: images known to carry a class */
	int64	   *predicted;			/* the others, by what is said */
	int64	   *raw;			/* all, by what is said */
	vc_ppi_row *rows;
	int64		row_count;
	int64		row_room;
	uint8	   *carries;		/* [row_count][2][classes] of multi-label models: truth, said */
	int64	   *truths;			/* [classes]: labelled images of each class that are evidence */
} KnownTally;

/*
 * Reads the arguments that functions which count have in common, by their names, and
 * checks them; a column that was not named and is usual is taken where there is one.
 * `by` is the name of one column, or an array.
 */
extern Grouping grouping_read(FunctionCallInfo fcinfo, const Quantifier *q, bool one);

/* The same of the columns about labelled images alone. */
extern void grouping_read_known(FunctionCallInfo fcinfo, const Quantifier *q, Grouping *g);

/* The model and the method that a call names, without how it errs; and with it, for methods that are not ppi. */
extern Quantifier *grouping_open(FunctionCallInfo fcinfo);
extern Quantifier *grouping_quantifier(FunctionCallInfo fcinfo, const Quantifier *q);

/* Whether the method is ppi: it is asked for, or none is and labels are known. */
extern bool grouping_is_ppi(FunctionCallInfo fcinfo, const Grouping *g);

/* Hands each group, with the value of `groups`, to a function; q is not for ppi. */
extern void grouping_count(const Grouping *g, const Quantifier *q,
						   void (*take) (void *argument, const ImageGroup *group, Datum groups), void *argument);

/* "SELECT dense_rank, jsonb of the group, what FROM (SELECT g0, ..., columns FROM relation s join) counted", in the order of groups. */
extern char *grouping_query(const Grouping *g, const char *what, const char *columns, const char *from);

/* Whether a label is known of any image. */
extern bool grouping_has_known(const Grouping *g);

/* Counts the relation.  SPI connected; lasts as long as the current context. */
extern KnownTally *known_count(const Grouping *g, Quantifier *q);

/*
 * The same in steps: a tally, for labelled images with keys or without; its groups;
 * rows in them; at the end validation images, where no labelled one says how the model
 * errs.  SPI connected at the first and the last.
 */
extern KnownTally *known_begin(Quantifier *q, bool keys);
extern void known_add_group(KnownTally *tally, Datum groups);
extern void known_add(KnownTally *tally, int group, const KnownRow *row);
extern void known_end(KnownTally *tally);

/* A label of a model of one label an image; NULL: there is none. */
extern Carried known_label(const Quantifier *q, const char *label);

/* Fills what is held of a key, and the cluster where the row has none; the key may be NULL. */
extern void known_find_held(const Quantifier *q, const char *key, KnownRow *row);

/*
 * The last columns of a query over the relation, called s, to be grouped by the first
 * KNOWN_KEYS; and a row of its result, whose first of them is a column (from 1).
 */
#define KNOWN_KEYS 6
extern char *known_columns(const Grouping *g, const Quantifier *q);
extern KnownRow known_read_row(const Grouping *g, const Quantifier *q, uint64 number, int column);

/* The cluster of a name; 0 for NULL. */
extern uint64 known_cluster(const char *name);

/*
 * Estimates, and hands each class to a function: what the engine has, and the class's
 * index there.
 */
extern void known_solve(const KnownTally *tally, double confidence,
						void (*take) (void *argument, vc_ppi *ppi, int index, int class_index), void *argument);

/* What to doubt about a class of a group, or NULL. */
extern char *known_warning(const KnownTally *tally, int group, int class_index, const vc_ppi_share *share);

#endif							/* VISCLF_KNOWN_H */

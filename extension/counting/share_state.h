/*
 * share_state.h
 *		The state of a group in the aggregates about one class: counts, not
 *		images, except for methods that use probabilities.
 */
#ifndef VISCLF_SHARE_STATE_H
#define VISCLF_SHARE_STATE_H

#include "extension/support/pgcompat.h"

#include "fmgr.h"

#include "extension/counting/quantifier.h"

/* Images of one label, NULL if they failed; or one image, if it has probabilities. */
typedef struct ShareCount
{
	char	   *label;
	int64		images;
	Datum		probabilities;	/* 0: none */
} ShareCount;

/* Equal images whose label is known. */
typedef struct ShareKnown
{
	char	   *known;
	char	   *label;			/* NULL: they failed */
	char	   *key;			/* NULL: there is none, as of the cluster */
	char	   *cluster;
	double		weight;			/* NAN: there is none */
	int64		images;
} ShareKnown;

/* One group. */
typedef struct ShareState
{
	char	   *model;
	char	   *class;
	vc_quantification method;
	bool		soft;
	ShareCount *counts;			/* of images of unknown label */
	int64		count;
	int64		room;
	ShareKnown *known;
	int64		known_count;
	int64		known_room;
	int64		images;			/* in all */
} ShareState;

/* Write a state as bytes for another server, and read it; throws if the bytes are not a state. */
extern bytea *share_state_write(const ShareState *state);
extern ShareState *share_state_read(const bytea *bytes);

/* Adds the second to the first, in the current context. */
extern void share_state_merge(ShareState *into, const ShareState *from);

#endif							/* VISCLF_SHARE_STATE_H */

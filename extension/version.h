/*
 * version.h
 *		The row of a model's version: made, locked, made ready.
 *
 * SPI must be connected.
 */
#ifndef VISCLF_VERSION_H
#define VISCLF_VERSION_H

#include "pgcompat.h"

#include "model.h"

/* What a new row of visclf.model says; see its columns. */
typedef struct VersionRow
{
	const char *name;
	const char *architecture;
	vc_head		head;
	char	  **classes;
	int			class_count;
	bool		multi_label;
	const float *thresholds;	/* [class_count]; NULL: none */
	int			image_size;
	const char *resize;
	float		mean[3];
	float		std[3];
	const float *ranges;		/* of activations; NULL: not known */
	int			range_count;
	float		int8_agreement;
	Datum		hyperparameters;	/* jsonb */
	const char *device;			/* NULL: computed elsewhere */
	int			parent_id;		/* 0: none */
	const char *progress;		/* jsonb; NULL: nothing to be resumed */
} VersionRow;

/*
 * Inserts the row of a new version, in training; returns its model_id.  An
 * error where the name belongs to another role.
 */
extern int	version_create(const VersionRow *row);

/*
 * Locks the version against a second training as long as the context lives,
 * over commits; an error where another session has it.
 */
extern void version_lock(const Model *model, MemoryContext context);

/*
 * True where another session trains the version; otherwise it is kept from
 * being trained until the transaction ends.
 */
extern bool version_is_locked(int model_id);

/*
 * Locks a table of predictions against a second writer as long as the context
 * lives, over commits; an error where another session has it.
 */
extern void lock_predictions(Oid table, MemoryContext context);

/* Makes other changes to the versions of a name wait for this transaction. */
extern void version_lock_name(const char *name);

/* An error unless the current role owns the models of a name. */
extern void version_check_owner(const char *name);

/* The model's ranges and agreement become the row's of a ready version. */
extern void version_calibrated(const Model *model);

/* Makes a ready version the one of its name that classify uses. */
extern void version_activate(const char *name, int model_id);

/*
 * Makes the version ready, and the one that classify uses; metrics is jsonb.
 * The model's thresholds and ranges become the row's.
 */
extern void version_ready(const Model *model, Datum metrics);

#endif							/* VISCLF_VERSION_H */

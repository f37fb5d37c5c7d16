/*
 * model_version.h
 *		The row of a model's version: made, made ready, made active.
 *
 * SPI must be connected.
 */
#ifndef VISCLF_MODEL_VERSION_H
#define VISCLF_MODEL_VERSION_H

#include "extension/support/pgcompat.h"

#include "extension/models/model.h"
#include "extension/support/sql.h"

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

/* Changes so many versions of a name; an error where it is another number. */
extern void version_write(Sql *sql, const char *name, uint64 rows);

/*
 * The model's ranges and agreement become the row's of a ready version; an error
 * unless the current role still owns it.
 */
extern void version_calibrated(const Model *model);

/*
 * Makes a ready version of that owner's the one of its name that classify
 * uses.  The name is locked.
 */
extern void version_activate(const char *name, int model_id, Oid owner);

/*
 * Makes the version ready, and the one that classify uses, unless a newer one
 * is ready, which is said; metrics is jsonb.  The model's thresholds and ranges
 * become the row's.
 */
extern void version_ready(const Model *model, Datum metrics);

#endif							/* VISCLF_MODEL_VERSION_H */

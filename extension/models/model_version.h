/*
 * model_version.h
 *		Writes a version's row: creates it, makes it ready, makes it active.
 *
 * SPI must be connected.
 */
#ifndef VISCLF_MODEL_VERSION_H
#define VISCLF_MODEL_VERSION_H

#include "extension/support/pgcompat.h"

#include "extension/models/model.h"
#include "extension/support/sql.h"

/* Values of a new row of visclf.model. */
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
	const char *device;			/* NULL: trained elsewhere */
	int			parent_id;		/* 0: none */
	const char *progress;		/* jsonb; NULL: cannot be resumed */
} VersionRow;

/*
 * Inserts the row of a new version, in training. Returns its model_id. Throws
 * if the name belongs to another role.
 */
extern int	version_create(const VersionRow *row);

/* Runs a write; throws unless it changes this number of rows. */
extern void version_write(Sql *sql, const char *name, uint64 rows);

/*
 * Stores the model's ranges and agreement in its ready version; throws unless
 * the current role still owns it.
 */
extern void version_calibrated(const Model *model);

/*
 * Makes a ready version of the owner the active one of its name. The name is
 * locked.
 */
extern void version_activate(const char *name, int model_id, Oid owner);

/*
 * Makes the version ready and active, unless a newer one is ready: then a
 * notice says so. metrics is jsonb. The model's thresholds and ranges are
 * stored too.
 */
extern void version_ready(const Model *model, Datum metrics);

#endif							/* VISCLF_MODEL_VERSION_H */

/*
 * model_version.c
 *		Writes a version's row: creates it, makes it ready, makes it active.
 *
 * Each change holds the lock on the name and is limited to rows of the owner.
 * If no row is changed, the model was concurrently dropped or given to another
 * role.
 */
#include "extension/models/model_version.h"

#include "catalog/pg_type.h"

#include "extension/models/ownership.h"
#include "extension/support/role.h"
#include "extension/support/sql.h"

/* Returns the number of a name's next version. The name is locked. */
static int
next_version(const char *name)
{
	Sql			sql;

	sql_begin(&sql, "SELECT coalesce(pg_catalog.max(version), 0) OPERATOR(pg_catalog.+) 1 "
			  "FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1");
	sql_text(&sql, name);
	sql_read_all(&sql);
	return result_int(0, 1);
}

int
version_create(const VersionRow *v)
{
	Oid			owner = name_claim(v->name);
	int			version = next_version(v->name);
	Sql			sql;

	sql_begin(&sql,
			  "INSERT INTO visclf.model (name, architecture, head, classes, "
			  "image_size, resize, mean, std, hyperparameters, device, parent_id, progress, "
			  "multi_label, thresholds, activation_ranges, int8_agreement, version, owner, owner_role) "
			  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::pg_catalog.jsonb, $13, $14, $15, "
			  "CASE WHEN $15 IS NOT NULL THEN $16::pg_catalog.float4 END, "
			  "$17, $18::pg_catalog.name, $19::visclf.role) RETURNING model_id");
	sql_text(&sql, v->name);
	sql_text(&sql, v->architecture);
	sql_text(&sql, head_name(v->head));
	sql_datum(&sql, TEXTARRAYOID, text_array(v->classes, v->class_count));
	sql_int(&sql, v->image_size);
	sql_text(&sql, v->resize);
	sql_datum(&sql, FLOAT4ARRAYOID, real_array(v->mean, 3));
	sql_datum(&sql, FLOAT4ARRAYOID, real_array(v->std, 3));
	sql_datum(&sql, JSONBOID, v->hyperparameters);
	sql_text(&sql, v->device);
	sql_int(&sql, v->parent_id);
	if (v->parent_id == 0)
		sql.nulls[sql.count - 1] = 'n';
	sql_text(&sql, v->progress);
	sql_datum(&sql, BOOLOID, BoolGetDatum(v->multi_label));
	sql_reals(&sql, v->thresholds, v->class_count);
	sql_reals(&sql, v->ranges, v->range_count);
	sql_float8(&sql, v->int8_agreement);
	sql_int(&sql, version);
	sql_text(&sql, role_name(owner));
	sql_oid(&sql, owner);
	sql_write(&sql);
	return result_int(0, 1);
}

void
version_write(Sql *sql, const char *name, uint64 rows)
{
	if (sql_write(sql) != rows)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" was concurrently dropped or given to another role", name)));
}

void
version_activate(const char *name, int model_id, Oid owner)
{
	Sql			sql;

	sql_begin(&sql, "UPDATE visclf.model SET active = false "
			  "WHERE name OPERATOR(pg_catalog.=) $1 AND active AND owner_role OPERATOR(pg_catalog.=) $2");
	sql_text(&sql, name);
	sql_oid(&sql, owner);
	sql_write(&sql);
	sql_begin(&sql, "UPDATE visclf.model SET active = true "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1 AND owner_role OPERATOR(pg_catalog.=) $2");
	sql_int(&sql, model_id);
	sql_oid(&sql, owner);
	version_write(&sql, name, 1);
}

void
version_calibrated(const Model *model)
{
	Sql			sql;

	name_lock_owned(model->name);
	sql_begin(&sql, "UPDATE visclf.model SET activation_ranges = $3, int8_agreement = $4::pg_catalog.float4 "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1 AND owner_role OPERATOR(pg_catalog.=) $2");
	sql_int(&sql, model->model_id);
	sql_oid(&sql, model->owner);
	sql_reals(&sql, model->ranges, model->network->node_count);
	sql_float8(&sql, model->int8_agreement);
	version_write(&sql, model->name, 1);
}

/* Returns the number of a later version that is ready while one is active, or 0. */
static int
newer_version(const Model *model)
{
	Sql			sql;

	sql_begin(&sql, "SELECT coalesce(pg_catalog.max(version) FILTER (WHERE status OPERATOR(pg_catalog.=) 'ready'), 0) "
			  "FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.>) $2 "
			  "AND EXISTS (SELECT FROM visclf.model a WHERE a.name OPERATOR(pg_catalog.=) $1 AND a.active)");
	sql_text(&sql, model->name);
	sql_int(&sql, model->version);
	sql_read_all(&sql);
	return result_int(0, 1);
}

void
version_ready(const Model *model, Datum metrics)
{
	Sql			sql;
	int			newer;

	name_lock(model->name);
	sql_begin(&sql,
			  "UPDATE visclf.model SET status = 'ready', progress = NULL, "
			  "finished_at = pg_catalog.clock_timestamp(), metrics = $3, thresholds = $4, "
			  "activation_ranges = $5, int8_agreement = CASE WHEN $5 IS NOT NULL THEN $6::pg_catalog.float4 END "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1 AND owner_role OPERATOR(pg_catalog.=) $2");
	sql_int(&sql, model->model_id);
	sql_oid(&sql, model->owner);
	sql_datum(&sql, JSONBOID, metrics);
	sql_reals(&sql, model->thresholds, model->class_count);
	sql_reals(&sql, model->ranges, model->network->node_count);
	sql_float8(&sql, model->int8_agreement);
	version_write(&sql, model->name, 1);
	newer = newer_version(model);
	if (newer == 0)
		version_activate(model->name, model->model_id, model->owner);
	else
		ereport(NOTICE,
				(errmsg("model \"%s\" version %d is ready but not active, because version %d is newer",
						model->name, model->version, newer),
				 errhint("CALL visclf.activate(model, %d) makes it active.", model->version)));
}

/*
 * version.c
 *		The row of a model's version: made, locked, made ready.
 *
 * A version in training holds an advisory lock, taken anew in each
 * transaction, so that a training whose backend is gone can be told from one
 * that runs: the view visclf.models shows it, and visclf.resume relies on it.
 */
#include "version.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/fmgrprotos.h"

#include "sql.h"

/* First key of the advisory locks: "visc"; visclf.sql has the same number. */
#define LOCK_CLASS 1986622307

void
version_lock(const Model *model)
{
	if (!DatumGetBool(DirectFunctionCall2(pg_try_advisory_xact_lock_int4,
										  Int32GetDatum(LOCK_CLASS),
										  Int32GetDatum(model->model_id))))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("model \"%s\" version %d is being trained by another session",
						model->name, model->version),
				 errhint("See visclf.training_log for how far it is.")));
}

/* Throws where the name belongs to a role that this one is no member of. */
static void
check_name(const char *name)
{
	Sql			sql;
	char	   *owner;
	char	   *member;

	sql_begin(&sql, "SELECT o.owner, visclf.acts_as(o.owner) FROM visclf.model_owner($1) o(owner)");
	sql_text(&sql, name);
	sql_run(&sql);
	owner = result_text(0, 1);
	member = result_text(0, 2);
	if (owner != NULL && member[0] != 't')
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("model \"%s\" belongs to role \"%s\"", name, owner),
				 errhint("Choose another name.")));
}

int
version_create(const VersionRow *v)
{
	Sql			sql;
	bool		isnull;

	check_name(v->name);

	/* two versions of one name get their numbers one after the other */
	DirectFunctionCall2(pg_advisory_xact_lock_int4, Int32GetDatum(LOCK_CLASS + 1),
						Int32GetDatum((int32) hash_bytes((const unsigned char *) v->name,
														 strlen(v->name))));
	sql_begin(&sql,
			  "INSERT INTO visclf.model (name, version, architecture, head, classes, "
			  "image_size, resize, mean, std, hyperparameters, device, parent_id) "
			  "SELECT $1, coalesce((SELECT pg_catalog.max(m.version) "
			  "FROM visclf.model m WHERE m.name OPERATOR(pg_catalog.=) $1), 0) "
			  "OPERATOR(pg_catalog.+) 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 "
			  "RETURNING model_id");
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
	sql_run(&sql);
	return DatumGetInt32(result_datum(0, 1, &isnull));
}

void
version_ready(const Model *model, Datum metrics)
{
	Sql			sql;

	sql_begin(&sql, "UPDATE visclf.model SET active = false "
			  "WHERE name OPERATOR(pg_catalog.=) $1 AND active");
	sql_text(&sql, model->name);
	sql_run(&sql);
	sql_begin(&sql,
			  "UPDATE visclf.model SET status = 'ready', active = true, progress = NULL, "
			  "finished_at = pg_catalog.clock_timestamp(), metrics = $2 "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model->model_id);
	sql_datum(&sql, JSONBOID, metrics);
	sql_run(&sql);
}

/*
 * version.c
 *		The row of a model's version: made, locked, made ready.
 *
 * Locks are on objects of the class visclf.model, which SQL cannot take: a
 * version's while it is trained, so that a training whose backend is gone can
 * be told from one that runs, and a name's while its versions change.
 */
#include "version.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/lsyscache.h"

#include "foreign.h"
#include "sql.h"

/* Objects of the class visclf.model; visclf.sql looks for versions. */
enum
{
	LOCK_VERSION,				/* by model_id */
	LOCK_NAME,					/* by a hash of the name */
	LOCK_PREDICTIONS			/* by the table's OID */
};

static void
set_tag(LOCKTAG *tag, uint32 object, int kind)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, model_table(), object, kind);
}

static void
release_lock(void *tag)
{
	LockRelease(tag, ExclusiveLock, true);
}

void
version_lock(const Model *model, MemoryContext context)
{
	LOCKTAG    *tag = MemoryContextAlloc(context, sizeof(LOCKTAG));

	set_tag(tag, model->model_id, LOCK_VERSION);
	if (LockAcquire(tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("model \"%s\" version %d is being trained by another session",
						model->name, model->version),
				 errhint("See visclf.training_log for how far it is.")));
	vc_release_with(context, release_lock, tag);
}

void
lock_predictions(Oid table, MemoryContext context)
{
	LOCKTAG    *tag = MemoryContextAlloc(context, sizeof(LOCKTAG));
	LockAcquireResult result;

	set_tag(tag, table, LOCK_PREDICTIONS);
	result = LockAcquire(tag, ExclusiveLock, true, true);
	if (result == LOCKACQUIRE_ALREADY_HELD)
	{
		release_lock(tag);
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("this session is already classifying into \"%s\"", get_rel_name(table)),
				 errhint("Is it called by a trigger of that table?")));
	}
	if (result == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another session is classifying into \"%s\"", get_rel_name(table)),
				 errhint("Let it end; what it leaves, the next call does.")));
	vc_release_with(context, release_lock, tag);
}

bool
version_is_locked(int model_id)
{
	LOCKTAG		tag;

	set_tag(&tag, model_id, LOCK_VERSION);
	return LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL;
}

void
version_lock_name(const char *name)
{
	LOCKTAG		tag;

	set_tag(&tag, hash_bytes((const unsigned char *) name, strlen(name)), LOCK_NAME);
	LockAcquire(&tag, ExclusiveLock, false, false);
}

/* Throws where the name belongs to a role whose rights this one has not. */
static void
check_name(const char *name)
{
	Sql			sql;
	char	   *owner;

	model_check_name(name);
	sql_begin(&sql, "SELECT o.owner, visclf.acts_as(o.owner) FROM visclf.model_owner($1) o(owner)");
	sql_text(&sql, name);
	sql_read_latest(&sql);
	owner = result_text(0, 1);
	if (owner != NULL && strcmp(result_text(0, 2), "t") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("model \"%s\" belongs to role \"%s\"", name, owner),
				 errhint("Choose another name.")));
}

void
version_check_owner(const char *name)
{
	Sql			sql;

	sql_begin(&sql, "SELECT FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1 "
			  "AND visclf.acts_as(owner)");
	sql_text(&sql, name);
	if (sql_read(&sql) > 0)
		return;
	model_check_name(name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("you own no model \"%s\"", name),
			 errhint("%s", suggest_model(name, "SELECT model, owner FROM visclf.models."))));
}

int
version_create(const VersionRow *v)
{
	Sql			sql;
	bool		isnull;

	version_lock_name(v->name);
	check_name(v->name);
	sql_begin(&sql,
			  "INSERT INTO visclf.model (name, version, architecture, head, classes, "
			  "image_size, resize, mean, std, hyperparameters, device, parent_id, progress, owner, "
			  "multi_label, thresholds, activation_ranges, int8_agreement) "
			  "SELECT $1, coalesce((SELECT pg_catalog.max(m.version) "
			  "FROM visclf.model m WHERE m.name OPERATOR(pg_catalog.=) $1), 0) "
			  "OPERATOR(pg_catalog.+) 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
			  "$12::pg_catalog.jsonb, coalesce(visclf.model_owner($1), $13::pg_catalog.name), $14, $15, $16, "
			  "CASE WHEN $16 IS NOT NULL THEN $17::pg_catalog.float4 END "
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
	sql_text(&sql, v->progress);
	sql_text(&sql, GetUserNameFromId(GetUserId(), false));
	sql_datum(&sql, BOOLOID, BoolGetDatum(v->multi_label));
	sql_reals(&sql, v->thresholds, v->class_count);
	sql_reals(&sql, v->ranges, v->range_count);
	sql_float8(&sql, v->int8_agreement);
	sql_write(&sql);
	return DatumGetInt32(result_datum(0, 1, &isnull));
}

void
version_activate(const char *name, int model_id)
{
	Sql			sql;

	version_lock_name(name);
	sql_begin(&sql, "UPDATE visclf.model SET active = false "
			  "WHERE name OPERATOR(pg_catalog.=) $1 AND active");
	sql_text(&sql, name);
	sql_write(&sql);
	sql_begin(&sql, "UPDATE visclf.model SET active = true "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model_id);
	sql_write(&sql);
}

void
version_calibrated(const Model *model)
{
	Sql			sql;

	sql_begin(&sql, "UPDATE visclf.model SET activation_ranges = $2, int8_agreement = $3::pg_catalog.float4 "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model->model_id);
	sql_reals(&sql, model->ranges, model->network->node_count);
	sql_float8(&sql, model->int8_agreement);
	sql_write(&sql);
}

void
version_ready(const Model *model, Datum metrics)
{
	Sql			sql;

	sql_begin(&sql,
			  "UPDATE visclf.model SET status = 'ready', progress = NULL, "
			  "finished_at = pg_catalog.clock_timestamp(), metrics = $2, thresholds = $3, "
			  "activation_ranges = $4, int8_agreement = CASE WHEN $4 IS NOT NULL THEN $5::pg_catalog.float4 END "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model->model_id);
	sql_datum(&sql, JSONBOID, metrics);
	sql_reals(&sql, model->thresholds, model->class_count);
	sql_reals(&sql, model->ranges, model->network->node_count);
	sql_float8(&sql, model->int8_agreement);
	sql_write(&sql);
	version_activate(model->name, model->model_id);
}

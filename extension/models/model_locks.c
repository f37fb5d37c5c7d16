/*
 * model_locks.c
 *		Locks versions, names and tables of predictions.
 */
#include "extension/models/model_locks.h"

#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "extension/support/release.h"
#include "extension/support/sql.h"

static void
set_tag(LOCKTAG *tag, uint32 object, LockKind kind)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, model_table(), object, kind);
}

void
lock_object(uint32 object, LockKind kind)
{
	LOCKTAG		tag;

	set_tag(&tag, object, kind);
	LockAcquire(&tag, ExclusiveLock, false, false);
}

/*
 * Releases a lock, unless an aborted transaction block has done so before its
 * contexts were deleted.
 */
static void
release_lock(void *tag)
{
	if (LockHeldByMe(tag, ExclusiveLock, false))
		LockRelease(tag, ExclusiveLock, true);
}

/* Locks an object until the context ends, unless another session has the lock. */
static LockAcquireResult
try_lock(uint32 object, LockKind kind, MemoryContext context)
{
	LOCKTAG    *tag = MemoryContextAlloc(context, sizeof(LOCKTAG));
	LockAcquireResult result;

	set_tag(tag, object, kind);
	result = LockAcquire(tag, ExclusiveLock, true, true);
	if (result != LOCKACQUIRE_NOT_AVAIL)
		release_with_context(context, release_lock, tag);
	return result;
}

void
version_lock(const Model *model, MemoryContext context)
{
	LockAcquireResult result = try_lock(model->model_id, LOCK_VERSION, context);

	if (result == LOCKACQUIRE_ALREADY_HELD)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("this session is already training model \"%s\" version %d", model->name, model->version),
				 errhint("Is it called by a function in what the model is trained on?")));
	if (result == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("model \"%s\" version %d is being trained by another session",
						model->name, model->version),
				 errhint("See visclf.training_log for its progress.")));
}

/* The mode is another than that of a training, so that one of this session's can be told. */
bool
version_is_locked(int model_id)
{
	LOCKTAG		tag;

	set_tag(&tag, model_id, LOCK_VERSION);
	return LockHeldByMe(&tag, ExclusiveLock, false) ||
		LockAcquire(&tag, AccessExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL;
}

/* Throws unless the current role has a right on the table or on one of its columns. */
static void
check_right(Oid table, AclMode right)
{
	if (pg_class_aclcheck(table, GetUserId(), right) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(table, GetUserId(), right, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(table)), get_rel_name(table));
}

void
lock_predictions(Oid table, MemoryContext context)
{
	LockAcquireResult result;

	check_right(table, ACL_SELECT);
	check_right(table, ACL_INSERT);
	check_right(table, ACL_UPDATE);
	result = try_lock(table, LOCK_PREDICTIONS, context);
	if (result == LOCKACQUIRE_ALREADY_HELD)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("this session is already classifying into \"%s\"", get_rel_name(table)),
				 errhint("Is it called by a trigger of that table?")));
	if (result == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another session is classifying into \"%s\"", get_rel_name(table)),
				 errhint("Wait until it ends, then call again for the remaining rows.")));
}

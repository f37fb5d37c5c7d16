/*
 * pgcompat.h
 *		Every check of PostgreSQL's version, in one place.
 *
 * Every file includes this first, in place of postgres.h. Names are those of
 * the newest version.
 */
#ifndef VISCLF_PGCOMPAT_H
#define VISCLF_PGCOMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "visclf needs PostgreSQL 15 or newer"
#endif

/* Since 16, VARDATA and its like are in a header of their own. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Until 16, PG_TEMP_FILES_DIR is in storage/fd.h. */
#if PG_VERSION_NUM >= 170000
#include "common/file_utils.h"
#else
#include "storage/fd.h"
#endif

/* Since 18, the attribute goes first, so that it may be C11's. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Type of the bytes that pg_b64_encode takes. */
#if PG_VERSION_NUM >= 180000
typedef uint8 Base64Input;
#else
typedef char Base64Input;
#endif

/* Since 17, a flag tells whether a stronger lock counts too. */
#if PG_VERSION_NUM < 170000
#include "storage/lock.h"
#define LockHeldByMe(tag, mode, or_stronger) LockHeldByMe(tag, mode)
#endif

/* Since 17, transaction_timeout has a flag of its own. */
#if PG_VERSION_NUM >= 170000
#define transaction_timed_out() (TransactionTimeoutPending != 0)
#else
#define transaction_timed_out() false
#endif

/*
 * Hook that sees a relation once its size is known. In 19 its arguments
 * differ, and it is called for every kind of relation.
 */
#if PG_VERSION_NUM >= 190000
#define relation_hook_type build_simple_rel_hook_type
#define relation_hook build_simple_rel_hook
#define RELATION_HOOK_ARGUMENTS PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *entry
#define RELATION_HOOK_VALUES root, rel, entry
#else
#define relation_hook_type get_relation_info_hook_type
#define relation_hook get_relation_info_hook
#define RELATION_HOOK_ARGUMENTS PlannerInfo *root, Oid relation, bool inherits, RelOptInfo *rel
#define RELATION_HOOK_VALUES root, relation, inherits, rel
#endif

#endif							/* VISCLF_PGCOMPAT_H */

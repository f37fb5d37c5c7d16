/*
 * unclassified_rows.c
 *		Finds the rows of a table that have no prediction yet.
 */
#include "extension/classifying/unclassified_rows.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "extension/support/release.h"
#include "extension/support/sql.h"

#define KEYS_PER_FETCH 1000

/*
 * A tuplestore and the context that holds it. That context must not be a child
 * of the one whose end releases both.
 */
typedef struct KeyStore
{
	Tuplestorestate *keys;
	MemoryContext context;
} KeyStore;

static void
release_keys(void *argument)
{
	KeyStore   *store = argument;

	tuplestore_end(store->keys);
	MemoryContextDelete(store->context);
}

/* Creates an empty store that survives commits. */
static void
make_store(UnclassifiedRows *p)
{
	KeyStore   *store = palloc(sizeof(*store));
	MemoryContext caller;

	store->context = AllocSetContextCreate(TopMemoryContext, "visclf pending keys",
										   ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(store->context);
	p->keys = store->keys = tuplestore_begin_heap(false, true, work_mem);
	MemoryContextSwitchTo(caller);
	release_with_context(CurrentMemoryContext, release_keys, store);
}

/* Throws because two rows have the same key. */
static void
throw_repeated(const UnclassifiedRows *p, const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("column %s of %s has the value \"%s\" more than once", p->key_column, p->source, key),
			 errhint("Name a column that identifies rows.")));
}

/* Returns SQL for a key, cast to the type that the operator takes. */
static char *
operand(const char *key, Oid type, Oid wanted)
{
	if (type == wanted || !OidIsValid(wanted) || wanted == RECORDOID || wanted == RECORDARRAYOID ||
		IsPolymorphicType(wanted))
		return pstrdup(key);
	return psprintf("%s::%s", key, format_type_extended(wanted, -1, FORMAT_TYPE_FORCE_QUALIFY));
}

/*
 * Returns SQL that compares two keys by their type's own equality, whatever
 * operators are in the search_path. With `any`, the second is an array of
 * keys.
 */
static char *
same_key(const UnclassifiedRows *p, const char *left, const char *right, bool any)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(p->equality));
	Form_pg_operator operator;
	char	   *condition;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", p->equality);
	operator = (Form_pg_operator) GETSTRUCT(tuple);
	condition = psprintf("%s OPERATOR(%s.%s) %s(%s)", operand(left, p->key_type, operator->oprleft),
						 quote_identifier(get_namespace_name(operator->oprnamespace)),
						 NameStr(operator->oprname), any ? "ANY " : "",
						 any ? operand(right, get_array_type(p->key_type), get_array_type(operator->oprright)) :
						 operand(right, p->key_type, operator->oprright));
	ReleaseSysCache(tuple);
	return condition;
}

Datum
unclassified_rows_own_key(const UnclassifiedRows *p, Datum key)
{
	if (p->key_length == -1)
		return PointerGetDatum(PG_DETOAST_DATUM_COPY(key));
	return datumCopy(key, p->key_by_value, p->key_length);
}

/* Stores the fetched keys, and the model_ids of their predictions. */
static void
store_keys(UnclassifiedRows *p, uint64 count)
{
	for (uint64 i = 0; i < count; i++)
	{
		int64		rows = result_bigint(i, 2);
		bool		isnull;
		Datum		other = result_datum(i, 3, INT4OID, &isnull);
		Datum		key;

		if (!isnull)
			p->others = list_append_unique_int(p->others, DatumGetInt32(other));
		key = result_datum(i, 1, p->key_type, &isnull);
		if (isnull)
			p->without_key = rows;
		else if (rows > 1)
			throw_repeated(p, result_text(i, 1));
		else
		{
			key = unclassified_rows_own_key(p, key);
			tuplestore_putvalues(p->keys, p->slot->tts_tupleDescriptor, &key, &isnull);
			if (!p->key_by_value)
				pfree(DatumGetPointer(key));
		}
	}
}

static void
read_unclassified_keys(UnclassifiedRows *p, const PredictionTable *table, int model_id)
{
	Sql			sql;
	Portal		cursor;
	uint64		fetched;

	/* a row with no model_id counts as model 0's */
	sql_begin_source(&sql, psprintf("SELECT s.%1$s, pg_catalog.count(*), "
									"pg_catalog.max(CASE WHEN t.%2$s IS NOT NULL THEN coalesce(t.model_id, 0) END) "
									"FROM %3$s s LEFT JOIN %4$s t ON %5$s "
									"WHERE t.model_id IS NULL OR t.model_id OPERATOR(pg_catalog.<>) $1 GROUP BY 1",
									p->key_column, table->key_column, p->source, table->name,
									same_key(p, psprintf("t.%s", table->key_column), psprintf("s.%s", p->key_column), false)));
	sql_int(&sql, model_id);
	cursor = sql_open(&sql, false);
	do
	{
		CHECK_FOR_INTERRUPTS();
		fetched = sql_fetch(cursor, KEYS_PER_FETCH);
		store_keys(p, fetched);
		SPI_freetuptable(SPI_tuptable);
	} while (fetched > 0);
	SPI_cursor_close(cursor);
	p->count = tuplestore_tuple_count(p->keys);
}

static void
prepare_fetch(UnclassifiedRows *p)
{
	Oid			types[1] = {get_array_type(p->key_type)};
	char	   *key = psprintf("s.%s", p->key_column);

	p->fetch = sql_prepare(psprintf("SELECT %s, s.%s::pg_catalog.bytea FROM %s s WHERE %s",
									key, p->image_column, p->source, same_key(p, key, "$1", true)),
						   1, types);
}

/*
 * Locks the source for the transaction of the next batch; throws if it has
 * changed since its keys were read.
 */
static void
check_source(const UnclassifiedRows *p)
{
	LockRelationOid(p->relation, AccessShareLock);
	if (get_rel_name(p->relation) == NULL || strcmp(relation_name(p->relation), p->source) != 0 ||
		get_atttype(p->relation, p->key_number) != p->key_type ||
		get_atttype(p->relation, p->image_number) != p->image_type)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s was altered while it was classified", p->source),
				 errhint("Call visclf.classify_table again for the remaining rows.")));
}

UnclassifiedRows *
unclassified_rows_find(Oid source, const char *key_column, const char *image_column,
			 const PredictionTable *table, int model_id)
{
	UnclassifiedRows    *p = palloc0(sizeof(*p));
	TupleDesc	desc = CreateTemplateTupleDesc(1);

	p->relation = source;
	p->source = relation_name(source);
	p->key_column = pstrdup(quote_identifier(key_column));
	p->key_number = get_attnum(source, key_column);
	p->image_column = pstrdup(quote_identifier(image_column));
	p->image_number = get_attnum(source, image_column);
	p->image_type = get_atttype(source, p->image_number);
	p->key_type = get_atttype(source, p->key_number);
	p->equality = lookup_type_cache(p->key_type, TYPECACHE_EQ_OPR)->eq_opr;
	get_typlenbyvalalign(p->key_type, &p->key_length, &p->key_by_value, &p->key_alignment);
	TupleDescInitEntry(desc, 1, "key", p->key_type, -1, 0);
	p->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	make_store(p);
	read_unclassified_keys(p, table, model_id);
	prepare_fetch(p);
	return p;
}

void
unclassified_rows_check_models(const UnclassifiedRows *p, const PredictionTable *table, const char *model)
{
	ListCell   *cell;

	foreach(cell, p->others)
	{
		Sql			sql;

		sql_begin(&sql, "SELECT FROM visclf.model WHERE model_id OPERATOR(pg_catalog.=) $1 "
				  "AND name OPERATOR(pg_catalog.=) $2");
		sql_int(&sql, lfirst_int(cell));
		sql_text(&sql, model);
		if (sql_read_latest(&sql) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("%s has rows for keys of %s that are not from model \"%s\"",
							table->name, p->source, model),
					 lfirst_int(cell) == 0 ? errdetail("Their model_id is NULL.") :
					 errdetail("Their model_id is %d.", lfirst_int(cell)),
					 errhint("Name another table, or pass replace => true to write over them.")));
	}
}

bool
unclassified_rows_next(UnclassifiedRows *p, int most, uint64 *fetched)
{
	Datum	   *keys = palloc(sizeof(Datum) * most);
	int			count = 0;
	Datum		array;

	*fetched = 0;
	while (count < most && tuplestore_gettupleslot(p->keys, true, true, p->slot))
	{
		bool		isnull;

		keys[count++] = datumCopy(slot_getattr(p->slot, 1, &isnull), p->key_by_value, p->key_length);
	}
	if (count == 0)
		return false;
	check_source(p);
	array = PointerGetDatum(construct_array(keys, count, p->key_type, p->key_length,
											p->key_by_value, p->key_alignment));
	*fetched = sql_run(p->fetch, &array);
	return true;
}

/*
 * pending.c
 *		The rows of a table that are still to be classified.
 */
#include "pending.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "foreign.h"
#include "sql.h"

#define KEYS_PER_FETCH 1000

/* The tuplestore, and the context that it is in: not below the one it ends with. */
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

/* An empty store that lives over commits. */
static void
make_store(Pending *p)
{
	KeyStore   *store = palloc(sizeof(*store));
	MemoryContext caller;

	store->context = AllocSetContextCreate(TopMemoryContext, "visclf pending keys",
										   ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(store->context);
	p->keys = store->keys = tuplestore_begin_heap(false, true, work_mem);
	MemoryContextSwitchTo(caller);
	vc_release_with(CurrentMemoryContext, release_keys, store);
}

/* Throws for a key that does not tell rows apart. */
static void
throw_repeated(const Pending *p, const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("column %s of %s has the value \"%s\" more than once", p->key_column, p->source, key),
			 errhint("Name a column that tells the rows apart.")));
}

/* Puts the keys that were fetched into the store. */
static void
store_keys(Pending *p, uint64 count)
{
	for (uint64 i = 0; i < count; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		bool		isnull;
		int64		rows = DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
		Datum		key = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull);

		if (isnull)
			p->without_key = rows;
		else if (rows > 1)
			throw_repeated(p, SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1));
		else
			tuplestore_putvalues(p->keys, p->slot->tts_tupleDescriptor, &key, &isnull);
	}
}

static void
read_keys(Pending *p, const PredictionTable *table, int model_id)
{
	StringInfoData query;
	Sql			sql;
	Portal		cursor;
	uint64		fetched;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT s.%s, pg_catalog.count(*) FROM %s s WHERE NOT EXISTS "
					 "(SELECT FROM %s t WHERE t.%s = s.%s AND t.model_id OPERATOR(pg_catalog.=) $1) "
					 "GROUP BY 1",
					 p->key_column, p->source, table->name, table->key_column, p->key_column);
	sql_begin(&sql, query.data);
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
prepare_fetch(Pending *p)
{
	Oid			types[1] = {get_array_type(p->key_type)};
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT s.%s, s.%s FROM %s s WHERE s.%s = ANY ($1)",
					 p->key_column, p->image_column, p->source, p->key_column);
	p->fetch = sql_prepare(query.data, 1, types);
}

Pending *
pending_find(Oid source, const char *key_column, const char *image_column,
			 const PredictionTable *table, int model_id)
{
	Pending    *p = palloc0(sizeof(*p));
	TupleDesc	desc = CreateTemplateTupleDesc(1);

	p->source = relation_name(source);
	p->key_column = pstrdup(quote_identifier(key_column));
	p->image_column = pstrdup(quote_identifier(image_column));
	p->key_type = get_atttype(source, get_attnum(source, key_column));
	get_typlenbyvalalign(p->key_type, &p->key_length, &p->key_by_value, &p->key_alignment);
	TupleDescInitEntry(desc, 1, "key", p->key_type, -1, 0);
	p->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	make_store(p);
	read_keys(p, table, model_id);
	prepare_fetch(p);
	return p;
}

int
pending_next(Pending *p, int most)
{
	Datum	   *keys = palloc(sizeof(Datum) * most);
	int			count = 0;
	Datum		array;

	while (count < most && tuplestore_gettupleslot(p->keys, true, true, p->slot))
	{
		bool		isnull;

		keys[count++] = datumCopy(slot_getattr(p->slot, 1, &isnull), p->key_by_value, p->key_length);
	}
	if (count == 0)
		return 0;
	array = PointerGetDatum(construct_array(keys, count, p->key_type, p->key_length,
											p->key_by_value, p->key_alignment));
	sql_run(p->fetch, &array);
	return count;
}

/*
 * known.c
 *		Counts of images whose label is known, of the others, and of what was said.
 *
 * PostgreSQL counts the rows that are alike.  What says how the model errs is, of a
 * labelled image, what was said by a network that had not seen it: out of fold or
 * held out, found by the image's key; or what the version says, if the image was
 * labelled after its training.  Where that cannot be told, because the version was
 * trained without folds or without keys, a labelled image counts as what it is and
 * says nothing of errors.
 */
#include "extension/counting/known.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

#define ROWS_PER_FETCH 1000

/* Columns of the cursor. */
enum
{
	COLUMN_NUMBER = 1,			/* of the group */
	COLUMN_GROUPS,
	COLUMN_SAID,
	COLUMN_KNOWN,
	COLUMN_HELD,				/* what was said without having seen it */
	COLUMN_WEIGHT,
	COLUMN_CLUSTER,
	COLUMN_BIN,					/* of the confidence, where the label is not known */
	COLUMN_IMAGES,
	COLUMN_OTHER,				/* another model_id */
	COLUMN_FLAWED
};

static char *
label_text(const Grouping *g, const Quantifier *q, const char *column)
{
	return q->multi_label ? source_text_array(g->predictions.relation, column) :
		psprintf("(%s) COLLATE pg_catalog.\"C\"", source_text(g->predictions.relation, column));
}

/* An expression of images whose label is known, NULL of others; of another column, or NULL. */
static char *
of_known(const Grouping *g, const char *column, const char *type)
{
	return column ? psprintf("CASE WHEN s.%s IS DISTINCT FROM NULL THEN (%s)::pg_catalog.%s END",
							 quote_identifier(g->predictions.known_column), source_text(g->predictions.relation, column), type) :
		psprintf("NULL::pg_catalog.%s", type);
}

static char *
make_query(const Grouping *g, const Quantifier *q)
{
	const Predictions *p = &g->predictions;
	const char *type = q->multi_label ? "text[]" : "text";
	char	   *said = label_text(g, q, p->label_column);
	char	   *known = g->predictions.known_column ? label_text(g, q, g->predictions.known_column) : psprintf("NULL::pg_catalog.%s", type);
	char	   *cluster = of_known(g, g->cluster_column, "text");
	StringInfoData columns;
	StringInfoData from;

	initStringInfo(&columns);
	initStringInfo(&from);
	appendStringInfo(&from, "%s s", relation_name(p->relation));
	if (g->predictions.known_column && g->key_column)
	{
		appendStringInfo(&from, " LEFT JOIN (SELECT h.key, pg_catalog.min(h.%s) AS said, pg_catalog.min(h.group_key) AS group_key "
						 "FROM visclf.validation h WHERE h.model_id OPERATOR(pg_catalog.=) $1 AND h.key IS NOT NULL "
						 "GROUP BY h.key HAVING pg_catalog.count(*) OPERATOR(pg_catalog.=) 1) v ON v.key OPERATOR(pg_catalog.=) %s",
						 q->multi_label ? "predicted_labels" : "predicted", of_known(g, g->key_column, "text"));
		cluster = psprintf("coalesce(%s, v.group_key)", cluster);
	}
	if (p->error_column)
		said = psprintf("CASE WHEN s.%s IS NULL THEN %s END", quote_identifier(p->error_column), said);
	appendStringInfo(&columns, "%s AS said, %s AS known, %s AS held, %s AS weight, %s AS cluster, %s AS bin, pg_catalog.count(*) AS images, ",
					 said, known, g->predictions.known_column && g->key_column ? "v.said" : psprintf("NULL::pg_catalog.%s", type),
					 of_known(g, g->weight_column, "float8"), cluster,
					 p->known_column ? psprintf("CASE WHEN s.%s IS NOT DISTINCT FROM NULL THEN %s END",
												quote_identifier(p->known_column), predictions_bin(p)) : predictions_bin(p));
	appendStringInfo(&columns, p->has_model_id ? "pg_catalog.max(CASE WHEN s.model_id OPERATOR(pg_catalog.<>) $1 THEN s.model_id END) AS other, " :
					 "NULL::pg_catalog.int4 AS other, ");
	appendStringInfo(&columns, p->has_warning ? "pg_catalog.count(s.warning) AS flawed" : "0::pg_catalog.int8 AS flawed");
	for (int i = 1; i <= g->by_count + 6; i++)
		appendStringInfo(&from, "%s%d", i == 1 ? " GROUP BY " : ", ", i);
	return grouping_query(g, "said, known, held, weight, cluster, bin, images, other, flawed", columns.data, from.data);
}

/* The classes in a column of the last result. */
static Carried
read_carried(const Quantifier *q, uint64 number, int column)
{
	Carried		carried = {0};
	bool		isnull;
	char	  **labels;
	char	   *label = NULL;
	Datum		array;

	if (q->multi_label)
	{
		array = result_datum(number, column, TEXTARRAYOID, &isnull);
		if (isnull)
			return carried;
		labels = text_array_values(array, &carried.count);
	}
	else
	{
		label = result_text(number, column);
		if (label == NULL)
			return carried;
		labels = &label;
		carried.count = 1;
	}
	carried.is = true;
	carried.classes = palloc(sizeof(int) * Max(carried.count, 1));
	for (int i = 0; i < carried.count; i++)
		carried.classes[i] = quantifier_class(q, labels[i]);
	return carried;
}

uint64
known_cluster(const char *text)
{
	uint64		hash = text ? hash_bytes_extended((const unsigned char *) text, strlen(text), 0) : 0;

	return text && hash == 0 ? 1 : hash;
}

/* Throws before more memory is taken than one call may. */
static void
check_memory(const KnownTally *t)
{
	vc_ppi_data data = {.groups = t->group_room, .classes = t->q->multi_label ? 2 : t->q->class_count, .row_count = t->row_room};
	uint64		bytes = vc_ppi_memory(&data) + sizeof(KnownGroup) * (uint64) t->group_room +
		3 * sizeof(int64) * (uint64) t->group_room * t->q->class_count + sizeof(vc_ppi_row) * (uint64) t->row_room +
		(t->q->multi_label ? 2 * (uint64) t->row_room * t->q->class_count : 0);

	if (bytes >> 10 > (uint64) maintenance_work_mem)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("memory required is " UINT64_FORMAT " MB, maintenance_work_mem is %d MB",
						(bytes + 1048575) >> 20, maintenance_work_mem / 1024),
				 errhint("%d groups of %d classes, with %lld kinds of labelled images, need it: raise maintenance_work_mem, group by fewer columns, or count a part of the groups at a time.",
						 t->group_count, t->q->class_count, (long long) t->row_count)));
}

/* A larger array, the new part of which is 0. */
static void *
grow(KnownTally *t, void *array, Size old, Size new)
{
	array = array ? repalloc_huge(array, new) : MemoryContextAllocHuge(t->context, new);
	memset((char *) array + old, 0, new - old);
	return array;
}

void
known_add_group(KnownTally *t, Datum groups)
{
	Size		classes = sizeof(int64) * t->q->class_count;

	if (t->group_count == t->group_room)
	{
		int			room = t->group_room;

		t->group_room = Max(16, 2 * room);
		check_memory(t);
		t->groups = grow(t, t->groups, sizeof(KnownGroup) * room, sizeof(KnownGroup) * t->group_room);
		t->known = grow(t, t->known, classes * room, classes * t->group_room);
		t->said = grow(t, t->said, classes * room, classes * t->group_room);
		t->raw = grow(t, t->raw, classes * room, classes * t->group_room);
	}
	t->groups[t->group_count++].groups = groups;
}

/* Adds labelled images that say how the model errs. */
static void
add_evidence(KnownTally *t, int group, int64 images, double weight, uint64 cluster, const Carried *truth, const Carried *said)
{
	int			classes = t->q->class_count;
	vc_ppi_row *row;

	if (t->row_count == t->row_room)
	{
		int64		room = t->row_room;

		t->row_room = Max(64, 2 * room);
		check_memory(t);
		t->rows = grow(t, t->rows, sizeof(vc_ppi_row) * room, sizeof(vc_ppi_row) * t->row_room);
		if (t->q->multi_label)
			t->carries = grow(t, t->carries, 2 * (Size) classes * room, 2 * (Size) classes * t->row_room);
	}
	row = &t->rows[t->row_count];
	*row = (vc_ppi_row) {images, cluster, weight, group, -1, -1};
	for (int i = 0; i < truth->count; i++)
		t->truths[truth->classes[i]] += images;
	if (!t->q->multi_label)
	{
		row->truth = truth->classes[0];
		row->said = said->classes[0];
	}
	for (int i = 0; t->q->multi_label && i < truth->count; i++)
		t->carries[(Size) t->row_count * 2 * classes + truth->classes[i]] = 1;
	for (int i = 0; t->q->multi_label && i < said->count; i++)
		t->carries[((Size) t->row_count * 2 + 1) * classes + said->classes[i]] = 1;
	t->row_count++;
}

/* How many images of unknown label each stands for, in proportion. */
static double
stands_for(double weight)
{
	if (isnan(weight))
		return 1;
	if (weight < 1 || weight > 1e15)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the weight of a labelled image is %g", weight),
				 errhint("A weight is 1 / the probability with which the image was drawn to be labelled, so 1 or more: the images of a stratum / those of them that were drawn.")));
	return weight - 1;
}

static void
add_carried(int64 *counts, const KnownTally *t, const Carried *carried, int64 images)
{
	for (int i = 0; i < carried->count; i++)
		counts[(Size) (t->group_count - 1) * t->q->class_count + carried->classes[i]] += images;
}

void
known_add(KnownTally *t, const KnownRow *row)
{
	KnownGroup *group = &t->groups[t->group_count - 1];
	const Carried *held = row->held.is || !t->honest ? &row->held : &row->said;

	group->flawed += row->flawed;
	group->counted += row->said.is ? row->images : 0;
	add_carried(t->raw, t, &row->said, row->images);
	if (!row->known.is)
	{
		*(row->said.is ? &group->unknown : &group->failed) += row->images;
		add_carried(t->said, t, &row->said, row->images);
		if (row->bin >= 0 && row->bin < BINS)
			group->confidences[row->bin] += row->images;
		return;
	}
	group->known += row->images;
	add_carried(t->known, t, &row->known, row->images);
	if (held->is)
	{
		double		weight = stands_for(row->weight);

		add_evidence(t, t->group_count - 1, row->images, weight, row->cluster, &row->known, held);
		group->evidence += row->images;
		group->stands_for += weight * row->images;
	}
}

/* The weight of labelled images that are alike; a NULL among weights is an error. */
static double
read_weight(const Grouping *g, uint64 number)
{
	double		weight = g->weight_column ? result_float8(number, COLUMN_WEIGHT) : NAN;

	if (g->weight_column && isnan(weight))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("column \"%s\" is NULL or not a number for a labelled image", g->weight_column),
				 errhint("Every image with a label has a weight, or none has: 1 where it was sure to be labelled.")));
	return weight;
}

/* A row of the cursor; those of a group follow each other. */
static void
take_row(KnownTally *t, const Grouping *g, uint64 number)
{
	KnownRow	row = {result_bigint(number, COLUMN_IMAGES), result_bigint(number, COLUMN_FLAWED),
		read_carried(t->q, number, COLUMN_SAID), read_carried(t->q, number, COLUMN_KNOWN),
		read_carried(t->q, number, COLUMN_HELD), NAN, known_cluster(result_text(number, COLUMN_CLUSTER)), -1};
	bool		isnull;
	Datum		value = result_datum(number, COLUMN_OTHER, INT4OID, &isnull);

	if (!isnull)
		quantifier_other_version(t->q, DatumGetInt32(value));
	value = result_datum(number, COLUMN_BIN, INT4OID, &isnull);
	row.bin = isnull ? -1 : DatumGetInt32(value);
	if (row.known.is)
		row.weight = read_weight(g, number);
	if (result_bigint(number, COLUMN_NUMBER) > t->group_count)
	{
		MemoryContext caller = MemoryContextSwitchTo(t->context);

		known_add_group(t, datumCopy(result_not_null(number, COLUMN_GROUPS, JSONBOID), false, -1));
		MemoryContextSwitchTo(caller);
	}
	known_add(t, &row);
}

static void
read_relation(KnownTally *t, const Grouping *g)
{
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "visclf rows", ALLOCSET_DEFAULT_SIZES);
	uint64		fetched;
	Portal		cursor;
	Sql			sql;

	sql_begin(&sql, make_query(g, t->q));
	sql_int(&sql, t->q->model_id);
	cursor = sql_open(&sql, true);
	do
	{
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		fetched = sql_fetch(cursor, ROWS_PER_FETCH);
		caller = MemoryContextSwitchTo(rows);
		for (uint64 i = 0; i < fetched; i++)
			take_row(t, g, i);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(rows);
		SPI_freetuptable(SPI_tuptable);
	} while (fetched > 0);
	SPI_cursor_close(cursor);
	MemoryContextDelete(rows);
}

/* The validation images as evidence of no group. */
static void
read_strangers(KnownTally *t)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "visclf rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;
	uint64		rows;
	Sql			sql;

	sql_begin(&sql, psprintf("SELECT %s, coalesce(group_key, key), pg_catalog.count(*) FROM visclf.validation "
							 "WHERE model_id OPERATOR(pg_catalog.=) $1 GROUP BY 1, 2, 3",
							 t->q->multi_label ? "labels, predicted_labels" : "label, predicted"));
	sql_int(&sql, t->q->model_id);
	rows = sql_read(&sql);
	caller = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < rows; i++)
	{
		Carried		truth = read_carried(t->q, i, 1);
		Carried		said = read_carried(t->q, i, 2);

		if (truth.is && said.is)
			add_evidence(t, -1, result_bigint(i, 4), 1, known_cluster(result_text(i, 3)), &truth, &said);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	t->strange = t->row_count > 0;
}

KnownTally *
known_begin(const Quantifier *q, bool keys)
{
	KnownTally *t = palloc0(sizeof(*t));

	t->q = q;
	t->context = CurrentMemoryContext;
	t->honest = !q->trained || (q->folds > 0 && keys);
	t->truths = palloc0(sizeof(int64) * q->class_count);
	return t;
}

void
known_end(KnownTally *t)
{
	if (t->row_count == 0)
		read_strangers(t);
}

KnownTally *
known_count(const Grouping *g, const Quantifier *q)
{
	KnownTally *t = known_begin(q, g->key_column != NULL);

	read_relation(t, g);
	known_end(t);
	return t;
}

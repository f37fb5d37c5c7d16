/*
 * known.c
 *		Counts images by known label and prediction.
 *
 * PostgreSQL counts equal rows. A labelled image shows the model's errors by a
 * prediction from a network that was not trained on it: out of fold or held
 * out, found by the image's key; or the version's own, if the image was
 * labelled after its training. If that cannot be told, because the version was
 * trained without folds or keys, a labelled image counts by its label and is
 * no evidence of errors.
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


/* Columns of the cursor, before those of known_columns(). */
enum
{
	COLUMN_NUMBER = 1,			/* of the group */
	COLUMN_GROUPS,
	COLUMN_FIRST
};

/* And those, from the first on. */
enum
{
	COLUMN_SAID,
	COLUMN_KNOWN,
	COLUMN_KEY,
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

/*
 * Returns SQL for a column of images whose label is known, and NULL for
 * others; or of another column, or NULL.
 */
static char *
of_known(const Grouping *g, const char *column, const char *type)
{
	return column ? psprintf("CASE WHEN s.%s IS DISTINCT FROM NULL THEN (%s)::pg_catalog.%s END",
							 quote_identifier(g->predictions.known_column), source_text(g->predictions.relation, column), type) :
		psprintf("NULL::pg_catalog.%s", type);
}

char *
known_columns(const Grouping *g, const Quantifier *q)
{
	const Predictions *p = &g->predictions;
	char	   *predicted = label_text(g, q, p->label_column);
	StringInfoData out;

	initStringInfo(&out);
	if (p->error_column)
		predicted = psprintf("CASE WHEN s.%s IS NULL THEN %s END", quote_identifier(p->error_column), predicted);
	appendStringInfo(&out, "%s AS said, ", predicted);
	if (p->known_column)
		appendStringInfo(&out, "%s AS known, ", label_text(g, q, p->known_column));
	else
		appendStringInfo(&out, "NULL::pg_catalog.%s AS known, ", q->multi_label ? "text[]" : "text");
	appendStringInfo(&out, "%s AS key, %s AS weight, %s AS cluster, ", of_known(g, g->key_column, "text"),
					 of_known(g, g->weight_column, "float8"), of_known(g, g->cluster_column, "text"));
	if (p->known_column)
		appendStringInfo(&out, "CASE WHEN s.%s IS NOT DISTINCT FROM NULL THEN %s END AS bin, ",
						 quote_identifier(p->known_column), predictions_bin(p));
	else
		appendStringInfo(&out, "%s AS bin, ", predictions_bin(p));
	appendStringInfo(&out, "pg_catalog.count(*) AS images, %s AS other, %s AS flawed",
					 p->has_model_id ? "pg_catalog.max(CASE WHEN s.model_id OPERATOR(pg_catalog.<>) $1 THEN s.model_id END)" : "NULL::pg_catalog.int4",
					 p->has_warning ? "pg_catalog.count(s.warning)" : "0::pg_catalog.int8");
	return out.data;
}

static char *
make_query(const Grouping *g, const Quantifier *q)
{
	StringInfoData from;

	initStringInfo(&from);
	appendStringInfo(&from, "%s s", relation_name(g->predictions.relation));
	for (int i = 1; i <= g->by_count + KNOWN_KEYS; i++)
		appendStringInfo(&from, "%s%d", i == 1 ? " GROUP BY " : ", ", i);
	return grouping_query(g, "said, known, key, weight, cluster, bin, images, other, flawed", known_columns(g, q), from.data);
}

/* Reads the classes in a column of the last result. */
static ClassSet
read_carried(const Quantifier *q, uint64 number, int column)
{
	ClassSet		carried = {0};
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

/* Throws if a call would take more memory than allowed. */
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

/* Enlarges an array; the new part is 0. */
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
		t->predicted = grow(t, t->predicted, classes * room, classes * t->group_room);
		t->raw = grow(t, t->raw, classes * room, classes * t->group_room);
	}
	t->groups[t->group_count++].groups = groups;
}

/* Adds labelled images that show the model's errors. */
static void
add_evidence(KnownTally *t, int group, int64 images, double weight, uint64 cluster, const ClassSet *truth, const ClassSet *predicted)
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
			t->has_label = grow(t, t->has_label, 2 * (Size) classes * room, 2 * (Size) classes * t->row_room);
	}
	row = &t->rows[t->row_count];
	*row = (vc_ppi_row) {images, cluster, weight, group, -1, -1};
	for (int i = 0; i < truth->count; i++)
		t->truths[truth->classes[i]] += images;
	if (!t->q->multi_label)
	{
		row->truth = truth->classes[0];
		row->predicted = predicted->classes[0];
	}
	for (int i = 0; t->q->multi_label && i < truth->count; i++)
		t->has_label[(Size) t->row_count * 2 * classes + truth->classes[i]] = 1;
	for (int i = 0; t->q->multi_label && i < predicted->count; i++)
		t->has_label[((Size) t->row_count * 2 + 1) * classes + predicted->classes[i]] = 1;
	t->row_count++;
}

/* Returns how many images of unknown label each row stands for, in proportion. */
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
add_carried(int64 *counts, const KnownTally *t, int group, const ClassSet *carried, int64 images)
{
	for (int i = 0; i < carried->count; i++)
		counts[(Size) group * t->q->class_count + carried->classes[i]] += images;
}

void
known_add(KnownTally *t, int index, const KnownRow *row)
{
	KnownGroup *group = &t->groups[index];
	const ClassSet *held = row->held.is || !t->honest ? &row->held : &row->predicted;

	group->flawed += row->flawed;
	group->counted += row->predicted.is ? row->images : 0;
	add_carried(t->raw, t, index, &row->predicted, row->images);
	if (!row->known.is)
	{
		*(row->predicted.is ? &group->unknown : &group->failed) += row->images;
		add_carried(t->predicted, t, index, &row->predicted, row->images);
		if (row->bin >= 0 && row->bin < BINS)
			group->confidences[row->bin] += row->images;
		return;
	}
	group->known += row->images;
	add_carried(t->known, t, index, &row->known, row->images);
	if (held->is)
	{
		double		weight = stands_for(row->weight);

		add_evidence(t, index, row->images, weight, row->cluster, &row->known, held);
		group->evidence += row->images;
		group->stands_for += weight * row->images;
	}
}

/* Returns the weight of equal labelled images; throws if one of them is NULL. */
static double
read_weight(const Grouping *g, uint64 number, int column)
{
	double		weight = g->weight_column ? result_float8(number, column) : NAN;

	if (g->weight_column && isnan(weight))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("column \"%s\" is NULL or not a number for a labelled image", g->weight_column),
				 errhint("Every image with a label has a weight, or none has: 1 where it was sure to be labelled.")));
	return weight;
}

KnownRow
known_read_row(const Grouping *g, const Quantifier *q, uint64 number, int column)
{
	KnownRow	row = {result_bigint(number, column + COLUMN_IMAGES), result_bigint(number, column + COLUMN_FLAWED),
		read_carried(q, number, column + COLUMN_SAID), read_carried(q, number, column + COLUMN_KNOWN), {0}, NAN,
		known_cluster(result_text(number, column + COLUMN_CLUSTER)), -1};
	bool		isnull;
	Datum		value = result_datum(number, column + COLUMN_OTHER, INT4OID, &isnull);

	if (!isnull)
		quantifier_other_version(q, DatumGetInt32(value));
	value = result_datum(number, column + COLUMN_BIN, INT4OID, &isnull);
	row.bin = isnull ? -1 : DatumGetInt32(value);
	if (row.known.is)
		row.weight = read_weight(g, number, column + COLUMN_WEIGHT);
	known_find_held(q, result_text(number, column + COLUMN_KEY), &row);
	return row;
}

/* State of counting a relation. */
typedef struct Counting
{
	KnownTally *tally;
	const Grouping *grouping;
} Counting;

/* Adds a row of the cursor; rows of a group are adjacent. */
static void
take_row(void *argument, uint64 number)
{
	Counting   *counting = argument;
	KnownTally *t = counting->tally;
	KnownRow	row = known_read_row(counting->grouping, t->q, number, COLUMN_FIRST);

	if (result_bigint(number, COLUMN_NUMBER) > t->group_count)
	{
		MemoryContext caller = MemoryContextSwitchTo(t->context);

		known_add_group(t, datumCopy(result_not_null(number, COLUMN_GROUPS, JSONBOID), false, -1));
		MemoryContextSwitchTo(caller);
	}
	known_add(t, t->group_count - 1, &row);
}

/* Adds the validation images as evidence that belongs to no group. */
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
		ClassSet		truth = read_carried(t->q, i, 1);
		ClassSet		predicted = read_carried(t->q, i, 2);

		if (truth.is && predicted.is)
			add_evidence(t, -1, result_bigint(i, 4), 1, known_cluster(result_text(i, 3)), &truth, &predicted);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	t->strange = t->row_count > 0;
}

static int
compare_held(const void *a, const void *b)
{
	return strcmp(((const KnownHeld *) a)->key, ((const KnownHeld *) b)->key);
}

/*
 * Reads the predictions of labelled images that were not trained on, by key;
 * skips keys that several have.
 */
static void
read_held(Quantifier *q)
{
	MemoryContext caller;
	Sql			sql;

	sql_begin(&sql, psprintf("SELECT h.key, pg_catalog.min(h.%s), pg_catalog.min(h.group_key) FROM visclf.validation h "
							 "WHERE h.model_id OPERATOR(pg_catalog.=) $1 AND h.key IS NOT NULL "
							 "GROUP BY h.key HAVING pg_catalog.count(*) OPERATOR(pg_catalog.=) 1",
							 q->multi_label ? "predicted_labels" : "predicted"));
	sql_int(&sql, q->model_id);
	q->held_count = (int) sql_read(&sql);
	caller = MemoryContextSwitchTo(q->context);
	q->held = MemoryContextAllocHuge(q->context, sizeof(KnownHeld) * Max(q->held_count, 1));
	for (int i = 0; i < q->held_count; i++)
		q->held[i] = (KnownHeld) {result_string(i, 1), read_carried(q, i, 2), known_cluster(result_text(i, 3))};
	MemoryContextSwitchTo(caller);
	qsort(q->held, q->held_count, sizeof(KnownHeld), compare_held);
}

void
known_find_held(const Quantifier *q, const char *key, KnownRow *row)
{
	KnownHeld	wanted = {unconstify(char *, key)};
	const KnownHeld *found = key && q->held ? bsearch(&wanted, q->held, q->held_count, sizeof(KnownHeld), compare_held) : NULL;

	if (found == NULL)
		return;
	row->held = found->predicted;
	if (row->cluster == 0)
		row->cluster = found->cluster;
}

ClassSet
known_label(const Quantifier *q, const char *label)
{
	ClassSet		carried = {label != NULL, label != NULL};

	if (label == NULL)
		return carried;
	carried.classes = palloc(sizeof(int));
	carried.classes[0] = quantifier_class(q, label);
	return carried;
}

KnownTally *
known_begin(Quantifier *q, bool keys)
{
	KnownTally *t = palloc0(sizeof(*t));

	t->q = q;
	t->context = CurrentMemoryContext;
	t->honest = !q->trained || (q->folds > 0 && keys);
	t->truths = palloc0(sizeof(int64) * q->class_count);
	if (keys && q->held == NULL)
		read_held(q);
	return t;
}

void
known_end(KnownTally *t)
{
	if (t->row_count == 0)
		read_strangers(t);
}

KnownTally *
known_count(const Grouping *g, Quantifier *q)
{
	KnownTally *t = known_begin(q, g->predictions.known_column != NULL && g->key_column != NULL);

	predictions_each(make_query(g, q), q, take_row, &(Counting) {t, g});
	known_end(t);
	return t;
}

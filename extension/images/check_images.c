/*
 * check_images.c
 *		visclf.check_images: what is odd about a table of images and labels, before anything
 *		is trained.
 *
 * The rows are read once; of each its key, label and side stay, a hash of the
 * bytes and a fingerprint of what is decoded, at a small size.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "extension/support/arguments.h"
#include "extension/support/decoding_batch.h"
#include "extension/support/error.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

#include "engine/image/fingerprint.h"

PG_FUNCTION_INFO_V1(visclf_check_images);

#define ROWS_PER_FETCH 64
#define DECODED_SIDE 64			/* pixels */
#define MOST_EXAMPLES 1000

/* Arguments of visclf.check_images. */
enum
{
	ARG_SOURCE,
	ARG_IMAGE_COLUMN,
	ARG_LABEL_COLUMN,
	ARG_KEY_COLUMN,
	ARG_SPLIT_COLUMN,
	ARG_SMALLEST_CLASS,
	ARG_EXAMPLES,
	ARGS
};

/* What is kept of a row. */
typedef struct CheckedRow
{
	char	   *key;			/* or NULL */
	char	   *label;			/* or NULL */
	char	   *split;			/* or NULL */
	char	   *error;			/* why there are no pixels; or NULL */
	char	   *flaw;			/* or NULL */
	uint64		hash;			/* of the bytes */
	int64		first;			/* of the rows with these bytes */
} CheckedRow;

typedef struct Check
{
	Oid			source;
	char	   *image_column;
	char	   *label_column;	/* or NULL */
	char	   *key_column;		/* or NULL */
	char	   *split_column;	/* or NULL */
	int			smallest_class;
	int			examples;
	MemoryContext context;		/* holds the rows */
	CheckedRow *rows;
	vc_fingerprint *prints;
	int64	   *cluster;		/* the first row that looks the same */
	int64		count;
	int64		capacity;
	ReturnSetInfo *result;
} Check;

/* A finding that is being counted. */
typedef struct Finding
{
	int64		count;
	ArrayBuildState *keys;
	char	   *detail;			/* of the first; or NULL */
} Finding;

/* Counts a row, and keeps its key while there are few. */
static void
find(const Check *c, Finding *f, const CheckedRow *row, const char *detail)
{
	if (f->count++ == 0 && detail != NULL)
		f->detail = pstrdup(detail);
	if (f->count <= c->examples && row->key != NULL)
		f->keys = accumArrayResult(f->keys, CStringGetTextDatum(row->key), false, TEXTOID, CurrentMemoryContext);
}

/* Puts a finding into the result, unless there is none. */
static void
put(const Check *c, const char *name, const Finding *f)
{
	Datum		values[4] = {0};
	bool		nulls[4] = {false};

	if (f->count == 0)
		return;
	values[0] = CStringGetTextDatum(name);
	values[1] = Int64GetDatum(f->count);
	nulls[2] = f->keys == NULL;
	if (f->keys != NULL)
		values[2] = makeArrayResult(f->keys, CurrentMemoryContext);
	nulls[3] = f->detail == NULL;
	if (f->detail != NULL)
		values[3] = CStringGetTextDatum(f->detail);
	tuplestore_putvalues(c->result->setResult, c->result->setDesc, values, nulls);
}

/* A column that the caller may leave out or whose usual name there may not be. */
static char *
optional_column(FunctionCallInfo fcinfo, int argument, Oid source, const char *option, const char *usual)
{
	char	   *column = PG_ARGISNULL(argument) ? NULL : NameStr(*PG_GETARG_NAME(argument));

	if (column == NULL)
		return NULL;
	if (usual != NULL)
		return source_column_or_usual(source, column, option, usual) ? column : NULL;
	source_column_type(source, column, option);
	return column;
}

static void
read_arguments(FunctionCallInfo fcinfo, Check *c)
{
	static const char *const names[ARGS] = {"source", "image_column", NULL, NULL, NULL, "smallest_class", "examples"};

	arguments_not_null(fcinfo, names, ARGS);
	c->source = PG_GETARG_OID(ARG_SOURCE);
	c->image_column = NameStr(*PG_GETARG_NAME(ARG_IMAGE_COLUMN));
	c->smallest_class = PG_GETARG_INT32(ARG_SMALLEST_CLASS);
	c->examples = PG_GETARG_INT32(ARG_EXAMPLES);
	argument_bounds("examples", c->examples, 0, MOST_EXAMPLES);
	source_lock(c->source);
	source_check_image(c->source, c->image_column);
	c->label_column = optional_column(fcinfo, ARG_LABEL_COLUMN, c->source, "label_column", "label");
	c->key_column = optional_column(fcinfo, ARG_KEY_COLUMN, c->source, "key_column", NULL);
	c->split_column = optional_column(fcinfo, ARG_SPLIT_COLUMN, c->source, "split_column", NULL);
	if (c->key_column == NULL)
		c->key_column = source_primary_key(c->source);
	c->context = CurrentMemoryContext;
}

/* A row more. */
static CheckedRow *
add_row(Check *c)
{
	if (c->count == c->capacity)
	{
		c->capacity = Max(1024, c->capacity * 2);
		c->rows = c->rows ? repalloc_huge(c->rows, sizeof(*c->rows) * c->capacity) :
			MemoryContextAllocHuge(c->context, sizeof(*c->rows) * c->capacity);
		c->prints = c->prints ? repalloc_huge(c->prints, sizeof(*c->prints) * c->capacity) :
			MemoryContextAllocHuge(c->context, sizeof(*c->prints) * c->capacity);
	}
	memset(&c->prints[c->count], 0, sizeof(vc_fingerprint));
	memset(&c->rows[c->count], 0, sizeof(CheckedRow));
	return &c->rows[c->count++];
}

/* A column's text in the memory of the rows, or NULL. */
static char *
kept_text(const Check *c, uint64 row, int column)
{
	char	   *text = result_text(row, column);

	return text ? MemoryContextStrdup(c->context, text) : NULL;
}

/* The rows that are fetched, of which those with an image go into the batch. */
static void
take_rows(Check *c, DecodingBatch *batch, uint64 rows, int64 *places)
{
	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		Datum		image = result_datum(i, 1, BYTEAOID, &isnull);
		CheckedRow *row = add_row(c);
		int			place;

		row->label = kept_text(c, i, 2);
		row->key = kept_text(c, i, 3);
		row->split = kept_text(c, i, 4);
		row->first = c->count - 1;
		if (isnull)
		{
			row->error = "image is NULL";
			continue;
		}
		place = decoding_batch_add(batch, image);
		row->hash = hash_bytes_extended(batch->jobs[place].data, batch->jobs[place].size, 0);
		places[place] = c->count - 1;
	}
}

/* What decoding says of the rows of a batch. */
static void
take_pixels(Check *c, const DecodingBatch *batch, const int64 *places)
{
	for (int i = 0; i < batch->count; i++)
	{
		const vc_decode_job *job = &batch->jobs[i];
		CheckedRow *row = &c->rows[places[i]];

		if (job->error.code != VC_OK)
			row->error = MemoryContextStrdup(c->context, job->error.message);
		else
			vc_fingerprint_make(batch->pixels + batch->image_bytes * i, DECODED_SIDE, &c->prints[places[i]]);
		if (job->error.code == VC_OK && job->flaw.text[0] != '\0')
			row->flaw = MemoryContextStrdup(c->context, job->flaw.text);
	}
}

/* A column as text, or NULL where there is none. */
static const char *
text_or_null(const Check *c, const char *column)
{
	return column ? source_text(c->source, column) : "NULL::pg_catalog.text";
}

static void
read_rows(Check *c)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "visclf check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Decoder    *decoder = decoder_create(context, DECODED_SIDE, VC_RESIZE_SQUISH);
	DecodingBatch *batch = decoding_batch_create(context, decoder, ROWS_PER_FETCH);
	int64		places[ROWS_PER_FETCH];
	Portal		cursor;
	uint64		rows;
	Sql			sql;

	sql_begin_source(&sql, psprintf("SELECT s.%s::pg_catalog.bytea, %s, %s, %s FROM %s s", quote_identifier(c->image_column),
									text_or_null(c, c->label_column), text_or_null(c, c->key_column),
									text_or_null(c, c->split_column), relation_name(c->source)));
	cursor = sql_open(&sql, true);
	while ((rows = sql_fetch(cursor, ROWS_PER_FETCH)) > 0)
	{
		decoding_batch_reset(batch);
		take_rows(c, batch, rows, places);
		SPI_freetuptable(SPI_tuptable);
		decoding_batch_start(batch);
		decoding_batch_wait(batch);
		take_pixels(c, batch, places);
	}
	SPI_cursor_close(cursor);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* By the image's bytes, then by row. */
static int
compare_hashes(const void *a, const void *b, void *argument)
{
	const CheckedRow *rows = argument;
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	if (rows[x].hash != rows[y].hash)
		return rows[x].hash < rows[y].hash ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Rows with the same bytes know the first of them. */
static void
find_copies(Check *c)
{
	int64	   *order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * Max(c->count, 1));

	for (int64 i = 0; i < c->count; i++)
		order[i] = i;
	qsort_arg(order, c->count, sizeof(int64), compare_hashes, c->rows);
	for (int64 i = 1; i < c->count; i++)
		if (c->rows[order[i]].hash == c->rows[order[i - 1]].hash && c->rows[order[i]].hash != 0)
			c->rows[order[i]].first = c->rows[order[i - 1]].first;
	pfree(order);
}

/* Rows that look the same know the first of them. */
static void
find_alike(Check *c)
{
	vc_error	error;

	c->cluster = MemoryContextAllocHuge(c->context, sizeof(int64) * Max(c->count, 1));
	check_status(vc_fingerprint_cluster(c->prints, c->count, c->cluster, &error), &error);
}

/* What single images show. */
static void
put_images(const Check *c)
{
	Finding		broken = {0},
				flawed = {0},
				blank = {0};

	for (int64 i = 0; i < c->count; i++)
	{
		const CheckedRow *row = &c->rows[i];

		if (row->error != NULL)
			find(c, &broken, row, row->error);
		else if (vc_fingerprint_blank(&c->prints[i]))
			find(c, &blank, row, NULL);
		if (row->flaw != NULL)
			find(c, &flawed, row, row->flaw);
	}
	put(c, "cannot be decoded", &broken);
	put(c, "cut off or damaged", &flawed);
	put(c, "blank", &blank);
}

/* True where two rows are labelled otherwise, or are on other sides. */
static bool
differ(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) != 0;
}

/* What rows show beside the first of those with the same image, or nearly the same. */
static void
put_repeats(const Check *c)
{
	Finding		identical = {0},
				labels = {0},
				sides = {0},
				alike = {0},
				alike_labels = {0},
				alike_sides = {0};

	for (int64 i = 0; i < c->count; i++)
	{
		const CheckedRow *row = &c->rows[i];
		const CheckedRow *copy = &c->rows[row->first];
		const CheckedRow *near = &c->rows[c->cluster[i]];
		char	   *of = copy != row ? copy->key : near->key;

		of = of != NULL ? psprintf("the first is like %s", of) : NULL;
		if (copy != row)
		{
			find(c, &identical, row, of);
			if (differ(row->label, copy->label))
				find(c, &labels, row, of);
			if (differ(row->split, copy->split))
				find(c, &sides, row, of);
		}
		else if (near != row)
		{
			find(c, &alike, row, of);
			if (differ(row->label, near->label))
				find(c, &alike_labels, row, of);
			if (differ(row->split, near->split))
				find(c, &alike_sides, row, of);
		}
	}
	put(c, "identical to another", &identical);
	put(c, "identical, with another label", &labels);
	put(c, "identical, on the other side of the split", &sides);
	put(c, "nearly identical to another", &alike);
	put(c, "nearly identical, with another label", &alike_labels);
	put(c, "nearly identical, on the other side of the split", &alike_sides);
}

/* What the labels show: how many rows have each, those that are alike, those of few. */
static void
put_labels(const Check *c)
{
	char	  **labels = palloc_extended(sizeof(char *) * Max(c->count, 1), MCXT_ALLOC_HUGE);
	int			count = 0;
	uint64		rows;
	Sql			sql;

	for (int64 i = 0; i < c->count; i++)
		if (c->rows[i].label != NULL)
			labels[count++] = c->rows[i].label;
	sql_begin(&sql, psprintf("WITH said AS (SELECT c AS label, pg_catalog.count(*) AS n, pg_catalog.lower(pg_catalog.regexp_replace("
							 "pg_catalog.btrim(%s, E' \\t\\r\\n'), '[[:space:]]+', ' ', 'g')) AS meant FROM pg_catalog.unnest($1) c GROUP BY c) "
							 "SELECT 'labels that are alike', pg_catalog.sum(n)::pg_catalog.int8, pg_catalog.string_agg(pg_catalog.quote_literal(label), ', ' ORDER BY n DESC, label COLLATE pg_catalog.\"C\") "
							 "FROM said GROUP BY meant HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 "
							 "UNION ALL SELECT 'empty label', n, pg_catalog.quote_literal(label) FROM said WHERE meant OPERATOR(pg_catalog.=) '' "
							 "UNION ALL SELECT 'small class', n, pg_catalog.quote_literal(label) FROM said WHERE n OPERATOR(pg_catalog.<) $2 ORDER BY 1, 2, 3",
							 GetDatabaseEncoding() == PG_UTF8 ? "pg_catalog.normalize(c, 'NFKC')" : "c"));
	sql_datum(&sql, TEXTARRAYOID, text_array(labels, count));
	sql_int(&sql, c->smallest_class);
	rows = sql_read(&sql);
	for (uint64 i = 0; i < rows; i++)
	{
		Finding		f = {.count = result_bigint(i, 2),.detail = result_string(i, 3)};

		put(c, result_string(i, 1), &f);
	}
}

/* visclf.check_images(source, ...) */
Datum
visclf_check_images(PG_FUNCTION_ARGS)
{
	Check		c = {0};

	c.result = (ReturnSetInfo *) fcinfo->resultinfo;
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	read_arguments(fcinfo, &c);
	read_rows(&c);
	find_copies(&c);
	find_alike(&c);
	put_images(&c);
	put_repeats(&c);
	put_labels(&c);
	SPI_finish();
	return (Datum) 0;
}

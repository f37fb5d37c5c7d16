/*
 * label_page.c
 *		visclf.label_page: a page on which a person labels pictures; visclf.label_studio:
 *		the same pictures as tasks for Label Studio.
 *
 * The page is one file: its pictures are small JPEGs in it, its script is
 * page.js.  What comes from rows is in one element of JSON, which is ASCII and has
 * none of <, > and &, so it cannot end its element; the script sets it as text.
 * The page's policy allows that script alone, by its hash, and no request.
 */
#include "extension/support/pgcompat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/base64.h"
#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "extension/models/model.h"
#include "extension/reporting/markup.h"
#include "extension/reporting/pictures.h"
#include "extension/support/arguments.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_label_page);
PG_FUNCTION_INFO_V1(visclf_label_studio);

#define MOST_PICTURES 2000
#define MOST_CLASSES 100
#define LEAST_SIZE 100

/* Arguments of visclf.label_page and visclf.label_studio. */
enum
{
	ARG_SOURCE,
	ARG_KEY_COLUMN,
	ARG_IMAGE_COLUMN,
	ARG_LABEL_COLUMN,
	ARG_CLASSES,
	ARG_KEYS,
	ARG_N,
	ARG_MODEL,
	ARG_MULTIPLE,
	ARG_SIZE,
	ARG_SEED,
	ARGS,
	ARG_TITLE = ARGS			/* of label_page alone */
};

static const char style[] =
#include "build/labelling/page.css.inc"
;
static const char script[] =
#include "build/labelling/page.js.inc"
;
static const char body[] =
#include "build/labelling/page.html.inc"
;

/* A page and the source of its pictures. */
typedef struct LabelPage
{
	PictureSource source;
	char	   *label_column;	/* NULL: there is none */
	char	   *model;			/* NULL: no guesses */
	char	  **classes;
	int			class_count;
	Pictures   *pictures;
} LabelPage;

/* Appends one character of a JSON string. */
static void
append_json_character(StringInfo out, pg_wchar c)
{
	if (c > 0xffff)
		appendStringInfo(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
	else if (c < 0x20 || c > 0x7e || strchr("\"\\<>&'", (int) c) != NULL)
		appendStringInfo(out, "\\u%04x", c);
	else
		appendStringInfoChar(out, (char) c);
}

/* Appends text as a JSON string of ASCII that means nothing to HTML. */
static void
append_json(StringInfo out, const char *text)
{
	const unsigned char *at = (const unsigned char *) (GetDatabaseEncoding() == PG_SQL_ASCII ? text :
													   pg_server_to_any(text, strlen(text), PG_UTF8));
	size_t		left = strlen((const char *) at);
	int			length;

	appendStringInfoChar(out, '"');
	for (; left > 0; left -= length, at += length)
	{
		length = pg_utf_mblen(at);
		if (length <= left && pg_utf8_islegal(at, length))
			append_json_character(out, utf8_to_unicode(at));
		else
		{
			append_json_character(out, 0xfffd);
			length = 1;
		}
	}
	appendStringInfoChar(out, '"');
}

/* Checks the arguments. */
static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[ARGS] = {"source", "key_column", "image_column", NULL, NULL, NULL, "n", NULL, "multiple",
	"size", "seed"};

	arguments_not_null(fcinfo, names, ARGS);
	argument_bounds("n", PG_GETARG_INT32(ARG_N), 1, MOST_PICTURES);
	argument_bounds("size", PG_GETARG_INT32(ARG_SIZE), LEAST_SIZE, VC_MAX_THUMBNAIL);
}

/* Reads the source and its columns. */
static void
read_source(FunctionCallInfo fcinfo, LabelPage *page)
{
	PictureSource *source = &page->source;

	source->relation = PG_GETARG_OID(ARG_SOURCE);
	source->key_column = NameStr(*PG_GETARG_NAME(ARG_KEY_COLUMN));
	source->image_column = NameStr(*PG_GETARG_NAME(ARG_IMAGE_COLUMN));
	source_lock(source->relation);
	source_column_type(source->relation, source->key_column, "key_column");
	source_check_image(source->relation, source->image_column);
	page->label_column = PG_ARGISNULL(ARG_LABEL_COLUMN) ? NULL : NameStr(*PG_GETARG_NAME(ARG_LABEL_COLUMN));
	if (page->label_column && !source_column_or_usual(source->relation, page->label_column, "label_column", "label"))
		page->label_column = NULL;
	page->model = PG_ARGISNULL(ARG_MODEL) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
}

/* Chooses random rows without a label, by a hash of seed and key. */
static Pictures *
choose_unlabelled(const LabelPage *page, int count, int64 seed)
{
	const PictureSource *source = &page->source;
	Pictures   *pictures = palloc0(sizeof(*pictures));
	char	   *key = source_text(source->relation, source->key_column);
	Sql			sql;

	sql_begin_source(&sql, psprintf("SELECT %1$s FROM %2$s s WHERE s.%3$s IS NOT NULL AND s.%4$s IS NOT NULL%5$s "
									"ORDER BY pg_catalog.hashtextextended(%1$s, $2), s.%3$s LIMIT $1",
									key, relation_name(source->relation), quote_identifier(source->key_column),
									quote_identifier(source->image_column),
									page->label_column ? psprintf(" AND s.%s IS NULL", quote_identifier(page->label_column)) : ""));
	sql_bigint(&sql, count);
	sql_bigint(&sql, seed);
	pictures->count = (int) sql_read(&sql);
	pictures->list = palloc0(sizeof(Picture) * Max(pictures->count, 1));
	for (int i = 0; i < pictures->count; i++)
		pictures->list[i].key = result_string(i, 1);
	return pictures;
}

/* Chooses the rows to label. */
static Pictures *
choose_pictures(FunctionCallInfo fcinfo, const LabelPage *page)
{
	Pictures   *pictures;
	char	  **keys;

	if (PG_ARGISNULL(ARG_KEYS))
		return choose_unlabelled(page, PG_GETARG_INT32(ARG_N), PG_GETARG_INT64(ARG_SEED));
	pictures = palloc0(sizeof(*pictures));
	keys = text_array_values(PG_GETARG_DATUM(ARG_KEYS), &pictures->count);
	if (pictures->count > MOST_PICTURES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"keys\" has %d keys, more than %d", pictures->count, MOST_PICTURES),
				 errhint("Make several pages.")));
	pictures->list = palloc0(sizeof(Picture) * Max(pictures->count, 1));
	for (int i = 0; i < pictures->count; i++)
		pictures->list[i].key = keys[i];
	return pictures;
}

/* Reads the classes of a query's rows. */
static void
read_classes(LabelPage *page, Sql *sql)
{
	page->class_count = (int) sql_read(sql);
	page->classes = palloc(sizeof(char *) * Max(page->class_count, 1));
	for (int i = 0; i < page->class_count; i++)
		page->classes[i] = result_string(i, 1);
}

/* Chooses the classes: those named, else the model's, else the labels that exist. */
static void
choose_label_classes(FunctionCallInfo fcinfo, LabelPage *page)
{
	Sql			sql;

	if (!PG_ARGISNULL(ARG_CLASSES))
		page->classes = text_array_values(PG_GETARG_DATUM(ARG_CLASSES), &page->class_count);
	else if (page->model)
	{
		sql_begin(&sql, "SELECT pg_catalog.unnest(classes) FROM visclf.model WHERE model_id OPERATOR(pg_catalog.=) $1");
		sql_int(&sql, model_find_active(page->model).model_id);
		read_classes(page, &sql);
	}
	else if (page->label_column)
	{
		sql_begin_source(&sql, psprintf("SELECT DISTINCT (%1$s) COLLATE pg_catalog.\"C\" FROM %2$s s WHERE s.%3$s IS NOT NULL AND %1$s IS NOT NULL "
										"ORDER BY 1 LIMIT %4$d", source_text(page->source.relation, page->label_column),
										relation_name(page->source.relation), quote_identifier(page->label_column), MOST_CLASSES + 1));
		read_classes(page, &sql);
	}
	if (page->class_count == 0 || page->class_count > MOST_CLASSES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are %d classes to choose from, not 1 to %d", page->class_count, MOST_CLASSES),
				 errhint("Name them: classes => '{illustrations, text-only}'.")));
}

/* Reads the model's predictions for the pictures. */
static void
read_guesses(LabelPage *page)
{
	const PictureSource *source = &page->source;
	char	  **keys = palloc(sizeof(char *) * Max(page->pictures->count, 1));
	char	   *key = source_text(source->relation, source->key_column);
	Sql			sql;
	uint64		rows;

	for (int i = 0; i < page->pictures->count; i++)
		keys[i] = page->pictures->list[i].key;
	sql_begin_source(&sql, psprintf("SELECT key, coalesce(pg_catalog.array_to_string((p).labels, ', '), (p).label), (p).confidence::pg_catalog.float8 "
									"FROM (SELECT %1$s AS key, visclf.classify($2, s.%2$s) AS p FROM %3$s s WHERE %1$s OPERATOR(pg_catalog.=) ANY ($1) OFFSET 0) q",
									key, quote_identifier(source->image_column), relation_name(source->relation)));
	sql_datum(&sql, TEXTARRAYOID, text_array(keys, page->pictures->count));
	sql_text(&sql, page->model);
	rows = sql_read(&sql);
	for (uint64 row = 0; row < rows; row++)
		for (int i = 0; i < page->pictures->count; i++)
			if (strcmp(keys[i], result_string(row, 1)) == 0)
			{
				page->pictures->list[i].predicted = result_text(row, 2);
				page->pictures->list[i].confidence = result_float8(row, 3);
			}
}

/* Appends one picture of the JSON. */
static void
append_task_picture(StringInfo out, const Picture *p)
{
	appendStringInfoString(out, "{\"key\":");
	append_json(out, p->key);
	if (p->image.data != NULL)
	{
		appendStringInfoString(out, ",\"image\":\"");
		markup_image(out, &p->image);
		appendStringInfoChar(out, '"');
	}
	else
	{
		appendStringInfoString(out, ",\"error\":");
		append_json(out, p->missing);
	}
	if (p->predicted != NULL)
	{
		appendStringInfoString(out, ",\"guess\":{\"label\":");
		append_json(out, p->predicted);
		appendStringInfo(out, ",\"confidence\":%.4f}", isfinite(p->confidence) ? p->confidence : 0);
	}
	appendStringInfoChar(out, '}');
}

/*
 * Appends the page's name in the browser's storage: pages with the same
 * pictures and classes have the same name.
 */
static uint64
page_id(const LabelPage *page, bool multiple)
{
	StringInfoData names;

	initStringInfo(&names);
	appendStringInfo(&names, "%s %d", relation_name(page->source.relation), multiple);
	for (int i = 0; i < page->class_count; i++)
		appendStringInfo(&names, "\n%s", page->classes[i]);
	for (int i = 0; i < page->pictures->count; i++)
		appendStringInfo(&names, "\n%s", page->pictures->list[i].key);
	return DatumGetUInt64(hash_any_extended((unsigned char *) names.data, names.len, 0));
}

/* Appends everything that the script reads. */
static void
append_data(StringInfo out, const LabelPage *page, bool multiple)
{
	appendStringInfo(out, "{\"id\":\"%016llx\",\"multiple\":%s,\"source\":", (unsigned long long) page_id(page, multiple),
					 multiple ? "true" : "false");
	append_json(out, relation_name(page->source.relation));
	appendStringInfoString(out, ",\"classes\":[");
	for (int i = 0; i < page->class_count; i++)
	{
		appendStringInfoString(out, i > 0 ? "," : "");
		append_json(out, page->classes[i]);
	}
	appendStringInfoString(out, "],\"pictures\":[");
	for (int i = 0; i < page->pictures->count; i++)
	{
		appendStringInfoString(out, i > 0 ? ",\n" : "\n");
		append_task_picture(out, &page->pictures->list[i]);
	}
	appendStringInfoString(out, "]}");
}

/* Appends the script's hash, for the page's policy. */
static void
append_script_hash(StringInfo out)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char		text[64];
	int			length;

	if (pg_cryptohash_init(context) < 0 || pg_cryptohash_update(context, (const uint8 *) script, sizeof(script) - 1) < 0 ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not hash the page's script");
	pg_cryptohash_free(context);
	length = pg_b64_encode((const Base64Input *) digest, sizeof(digest), text, sizeof(text));
	if (length < 0)
		elog(ERROR, "could not encode a hash");
	appendBinaryStringInfo(out, text, length);
}

/* Appends the page. */
static void
append_page(StringInfo out, const LabelPage *page, const char *title, bool multiple)
{
	const char *place = strstr(body, "</h1>");

	appendStringInfoString(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
						   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
						   "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; script-src 'sha256-");
	append_script_hash(out);
	appendStringInfoString(out, "'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
	markup_text(out, title);
	appendStringInfo(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", style);
	appendBinaryStringInfo(out, body, place - body);
	markup_name(out, title);
	appendStringInfoString(out, place);
	appendStringInfoString(out, "<script type=\"application/json\" id=\"data\">");
	append_data(out, page, multiple);
	appendStringInfo(out, "</script>\n<script>%s</script>\n</body>\n</html>\n", script);
}

/* Reads the arguments and rows. Connects to SPI. */
static void
read_page(FunctionCallInfo fcinfo, LabelPage *page)
{
	check_arguments(fcinfo);
	read_source(fcinfo, page);
	SPI_connect();
	choose_label_classes(fcinfo, page);
	page->pictures = choose_pictures(fcinfo, page);
	if (page->pictures->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("no row of \"%s\" is to be labelled", relation_name(page->source.relation)),
				 errhint(page->label_column ? "Rows with a label are left out: label_column => NULL takes all." : "Rows need a key and an image.")));
	pictures_read(page->pictures, &page->source, PG_GETARG_INT32(ARG_SIZE));
	if (page->model)
		read_guesses(page);
}

/* visclf.label_page(source, ...) */
Datum
visclf_label_page(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work;
	LabelPage	page = {{0}};
	StringInfoData out;

	read_page(fcinfo, &page);
	work = MemoryContextSwitchTo(caller);
	initStringInfo(&out);
	append_page(&out, &page, PG_ARGISNULL(ARG_TITLE) ? relation_name(page.source.relation) :
				text_to_cstring(PG_GETARG_TEXT_PP(ARG_TITLE)), PG_GETARG_BOOL(ARG_MULTIPLE));
	MemoryContextSwitchTo(work);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/* Appends one task of Label Studio. */
static void
append_task(StringInfo out, const LabelPage *page, const Picture *p)
{
	appendStringInfoString(out, "{\"data\":{\"source\":");
	append_json(out, relation_name(page->source.relation));
	appendStringInfoString(out, ",\"key\":");
	append_json(out, p->key);
	appendStringInfoString(out, ",\"image\":\"");
	markup_image(out, &p->image);
	appendStringInfoString(out, "\"}");
	if (p->predicted != NULL)
	{
		appendStringInfoString(out, ",\"predictions\":[{\"model_version\":");
		append_json(out, page->model);
		appendStringInfo(out, ",\"score\":%.4f,\"result\":[{\"from_name\":\"label\",\"to_name\":\"image\",\"type\":\"choices\","
						 "\"value\":{\"choices\":[", isfinite(p->confidence) ? p->confidence : 0);
		append_json(out, p->predicted);
		appendStringInfoString(out, "]}}]}]");
	}
	appendStringInfoChar(out, '}');
}

/* Appends the tasks, for pictures that exist. */
static void
append_tasks(StringInfo out, const LabelPage *page)
{
	const char *between = "[\n";

	for (int i = 0; i < page->pictures->count; i++)
		if (page->pictures->list[i].image.data != NULL)
		{
			appendStringInfoString(out, between);
			append_task(out, page, &page->pictures->list[i]);
			between = ",\n";
		}
	appendStringInfoString(out, between[0] == '[' ? "[]" : "]");
}

/* Appends the project's labelling interface. */
static void
append_config(StringInfo out, const LabelPage *page, bool multiple)
{
	appendStringInfo(out, "<View><Image name=\"image\" value=\"$image\" zoom=\"true\"/>"
					 "<Choices name=\"label\" toName=\"image\" choice=\"%s\">", multiple ? "multiple" : "single");
	for (int i = 0; i < page->class_count; i++)
	{
		appendStringInfoString(out, "<Choice value=\"");
		markup_text(out, page->classes[i]);
		appendStringInfoString(out, "\"/>");
	}
	appendStringInfoString(out, "</Choices></View>");
}

/* visclf.label_studio(source, ...) returns config and tasks */
Datum
visclf_label_studio(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	LabelPage	page = {{0}};
	StringInfoData config;
	StringInfoData tasks;
	MemoryContext work;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	read_page(fcinfo, &page);
	work = MemoryContextSwitchTo(caller);
	initStringInfo(&config);
	initStringInfo(&tasks);
	append_config(&config, &page, PG_GETARG_BOOL(ARG_MULTIPLE));
	append_tasks(&tasks, &page);
	MemoryContextSwitchTo(work);
	SPI_finish();
	values[0] = PointerGetDatum(cstring_to_text_with_len(config.data, config.len));
	values[1] = PointerGetDatum(cstring_to_text_with_len(tasks.data, tasks.len));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

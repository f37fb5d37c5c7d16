/*
 * pictures.c
 *		Small pictures of rows, for people to look at.
 *
 * Keys are chosen first, without reading an image; then the images of those
 * keys are read. Keys are compared as text, as in visclf.validation. Of rows
 * with the same key one is shown.
 */
#include "extension/reporting/pictures.h"

#include <math.h>
#include <stdlib.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "extension/support/decoding_batch.h"
#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

/* Runs a query for (key, label, predicted, confidence, loss); leaves out rows without a key. */
static Pictures *
read_picture_keys(Sql *sql)
{
	Pictures   *pictures = palloc0(sizeof(*pictures));
	int			rows = (int) sql_read(sql);

	pictures->list = palloc0(sizeof(Picture) * Max(rows, 1));
	for (int i = 0; i < rows; i++)
	{
		Picture    *p = &pictures->list[pictures->count];

		p->key = result_text(i, 1);
		if (p->key == NULL)
			continue;
		pictures->count++;
		p->label = result_text(i, 2);
		p->predicted = result_text(i, 3);
		p->confidence = result_float8(i, 4);
		p->loss = result_float8(i, 5);
	}
	return pictures;
}

Pictures *
pictures_top_losses(const char *model, int count)
{
	Sql			sql;

	sql_begin(&sql, "SELECT key, label, predicted, confidence::pg_catalog.float8, loss::pg_catalog.float8 "
			  "FROM visclf.top_losses($1, $2) WHERE key IS NOT NULL");
	sql_text(&sql, model);
	sql_int(&sql, count);
	return read_picture_keys(&sql);
}

Pictures *
pictures_least_confident(Oid relation, const char *key_column, const char *label_column,
						 const char *confidence_column, int count)
{
	Sql			sql;

	source_check_number(relation, confidence_column, "confidence_column");
	sql_begin_source(&sql, psprintf("SELECT %4$s, NULL::pg_catalog.text, %5$s, "
									"s.%2$s::pg_catalog.float8, NULL::pg_catalog.float8 FROM %3$s s "
									"WHERE s.%2$s IS NOT NULL AND s.%1$s IS NOT NULL ORDER BY s.%2$s, s.%1$s LIMIT $1",
									quote_identifier(key_column), quote_identifier(confidence_column), relation_name(relation),
									source_text(relation, key_column), source_text(relation, label_column)));
	sql_bigint(&sql, count);
	return read_picture_keys(&sql);
}

Pictures *
pictures_sample(const PictureSource *source, const char *label_column, int count, int64 seed)
{
	Sql			sql;

	sql_begin_source(&sql, psprintf("SELECT %3$s, %4$s, NULL::pg_catalog.text, NULL::pg_catalog.float8, NULL::pg_catalog.float8 "
									"FROM %2$s s WHERE s.%1$s IS NOT NULL "
									"ORDER BY pg_catalog.hashtextextended(%3$s, $2), s.%1$s LIMIT $1",
									quote_identifier(source->key_column), relation_name(source->relation),
									source_text(source->relation, source->key_column),
									label_column ? source_text(source->relation, label_column) : "NULL::pg_catalog.text"));
	sql_bigint(&sql, count);
	sql_bigint(&sql, seed);
	return read_picture_keys(&sql);
}

/* Makes the picture of one row, or sets the reason why it has none. */
static void
read_image(Picture *picture, uint64 row, int side)
{
	bool		isnull;
	Datum		value = result_datum(row, 2, BYTEAOID, &isnull);
	bytea	   *image;
	vc_decode_limits limits = decode_limits();
	vc_error	error;
	vc_status	status;

	picture->found = true;
	if (isnull)
	{
		picture->missing = pstrdup("image is NULL");
		return;
	}
	image = DatumGetByteaPP(value);
	status = vc_thumbnail_make((uint8_t *) VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image), side,
							   &limits, &picture->image, &error);
	vc_check_image(status, &error);
	if (status == VC_OK)
		release_with_context(CurrentMemoryContext, free, picture->image.data);
	else
		picture->missing = pstrdup(error.message);
	if ((Pointer) image != DatumGetPointer(value))
		pfree(image);
}

/* Gives a row of the result to the pictures with its key. */
static void
take_row(Pictures *pictures, uint64 row, int side)
{
	char	   *key = result_string(row, 1);

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < pictures->count; i++)
		if (!pictures->list[i].found && strcmp(pictures->list[i].key, key) == 0)
			read_image(&pictures->list[i], row, side);
}

void
pictures_read(Pictures *pictures, const PictureSource *source, int side)
{
	char	  **keys = palloc(sizeof(char *) * Max(pictures->count, 1));
	Sql			sql;
	uint64		rows;

	for (int i = 0; i < pictures->count; i++)
		keys[i] = pictures->list[i].key;
	sql_begin_source(&sql, psprintf("SELECT DISTINCT ON (1) (%1$s) COLLATE pg_catalog.\"C\" AS key, s.%2$s::pg_catalog.bytea AS image "
									"FROM %3$s s WHERE %1$s OPERATOR(pg_catalog.=) ANY ($1)",
									source_text(source->relation, source->key_column),
									quote_identifier(source->image_column), relation_name(source->relation)));
	sql_datum(&sql, TEXTARRAYOID, text_array(keys, pictures->count));
	rows = sql_read(&sql);
	for (uint64 i = 0; i < rows; i++)
		take_row(pictures, i, side);
	for (int i = 0; i < pictures->count; i++)
		if (!pictures->list[i].found)
			pictures->list[i].missing = pstrdup(PICTURE_NOT_FOUND);
}

/*
 * source_columns.c
 *		Columns of a relation that the caller names, and SQL that reads them.
 */
#include "extension/support/pgcompat.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "extension/support/source_columns.h"

#include "access/sysattr.h"
#include "extension/support/suggest.h"

PG_FUNCTION_INFO_V1(visclf_column_expression);

void
source_lock(Oid source)
{
	char		kind;

	LockRelationOid(source, AccessShareLock);
	kind = get_rel_relkind(source);
	if (kind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", source)));
	if (kind == RELKIND_RELATION || kind == RELKIND_VIEW || kind == RELKIND_MATVIEW ||
		kind == RELKIND_FOREIGN_TABLE || kind == RELKIND_PARTITIONED_TABLE)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a table or view", get_rel_name(source)),
			 errhint("Pass the name of the table or view that has the images.")));
}

Oid
source_column_type(Oid source, const char *column, const char *option)
{
	AttrNumber	number = get_attnum(source, column);

	if (number == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of \"%s\" does not exist", column, get_rel_name(source)),
				 errhint("%s", suggest_column(source, column, psprintf("Name the column: %s => '...'.", option)))));
	return getBaseType(get_atttype(source, number));
}

char *
source_primary_key(Oid source)
{
	Oid			constraint;
	Bitmapset  *columns = get_primary_key_attnos(source, false, &constraint);
	int			column;

	if (!bms_get_singleton_member(columns, &column))
		return NULL;
	return get_attname(source, column + FirstLowInvalidHeapAttributeNumber, false);
}

bool
source_column_or_usual(Oid source, const char *column, const char *option, const char *usual)
{
	if (strcmp(column, usual) != 0)
		source_column_type(source, column, option);
	return get_attnum(source, column) != InvalidAttrNumber;
}

/* Hint for turning a column of another type into images. */
static const char *
image_hint(Oid type)
{
	if (type == OIDOID)
		return "Large objects become images in a view: SELECT lo_get(column) AS image ... .";
	if (type == TEXTOID || type == VARCHAROID)
		return "Images are the bytes of image files in a bytea column: name it with image_column => '...'; or make a view, with pg_read_binary_file(column) for files of the server's, or decode(column, 'base64').";
	return "Images are the bytes of image files in a bytea column; name it with image_column => '...'.";
}

void
source_check_image(Oid source, const char *column)
{
	Oid			type = source_column_type(source, column, "image_column");

	if (type != BYTEAOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, not bytea", column, format_type_be(type)),
				 errhint("%s", image_hint(type))));
}

/* Returns true if a relation has a column of that name and type. */
static bool
source_has_column(Oid source, const char *column, Oid type)
{
	return get_atttype(source, get_attnum(source, column)) == type;
}

/*
 * Recognizes a visclf.prediction by its columns, as classify_table or
 * (classify(...)).* write them.
 */
void
source_check_label(Oid source, const char *column)
{
	if ((strcmp(column, "label") == 0 || strcmp(column, "labels") == 0) &&
		source_has_column(source, "model_id", INT4OID) && source_has_column(source, "probabilities", FLOAT4ARRAYOID))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("column \"%s\" of \"%s\" has predictions, not labels", column, get_rel_name(source)),
				 errdetail("Beside it are model_id and probabilities, as visclf.classify_table writes them."),
				 errhint("Name the column of the labels that people gave, label_column => '...'; or pass a view without model_id if this is it.")));
}

/* Returns true if all casts of a type are the server's own; looks through domains. */
static bool
has_own_casts(Oid type)
{
	return getBaseType(type) < FirstNormalObjectId;
}

/* Returns the declared type of a column that exists. */
static Oid
column_type(Oid source, const char *column)
{
	return get_atttype(source, get_attnum(source, column));
}

void
source_check_key(Oid source, const char *column)
{
	Oid			type;

	source_column_type(source, column, "key_column");
	type = column_type(source, column);
	if (!OidIsValid(lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr) || !OidIsValid(get_array_type(type)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be the key", column, format_type_be(type)),
				 errhint("Name a column that identifies rows, of a type like bigint or text.")));
}

void
source_check_number(Oid source, const char *column, const char *option)
{
	Oid			type = source_column_type(source, column, option);

	if (!has_own_casts(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, not a number", column, format_type_be(type)),
				 errhint("Pass a view in which it is a number.")));
}

char *
source_text(Oid source, const char *column)
{
	const char *name = quote_identifier(column);

	if (has_own_casts(column_type(source, column)))
		return psprintf("s.%s::pg_catalog.text", name);
	return psprintf("CASE WHEN s.%1$s IS DISTINCT FROM NULL THEN pg_catalog.concat(s.%1$s) END", name);
}

char *
source_text_array(Oid source, const char *column)
{
	const char *name = quote_identifier(column);

	if (has_own_casts(column_type(source, column)))
		return psprintf("s.%s::pg_catalog.text[]", name);
	return psprintf("CASE WHEN s.%1$s IS DISTINCT FROM NULL THEN ARRAY(SELECT "
					"CASE WHEN e IS DISTINCT FROM NULL THEN pg_catalog.concat(e) END "
					"FROM pg_catalog.unnest(s.%1$s) e) END", name);
}

char *
source_group(Oid source, const char *column)
{
	Oid			type = getBaseType(column_type(source, column));

	if (has_own_casts(type))
		return psprintf("s.%s", quote_identifier(column));
	return type_is_array(type) ? source_text_array(source, column) : source_text(source, column);
}

/* visclf.column_expression(source, column, option) */
Datum
visclf_column_expression(PG_FUNCTION_ARGS)
{
	Oid			source = PG_GETARG_OID(0);
	char	   *column = NameStr(*PG_GETARG_NAME(1));
	char	   *option = text_to_cstring(PG_GETARG_TEXT_PP(2));
	char	   *expression;

	source_lock(source);
	source_column_type(source, column, option);
	if (strcmp(option, "image_column") == 0)
	{
		source_check_image(source, column);
		expression = psprintf("s.%s::pg_catalog.bytea", quote_identifier(column));
	}
	else if (strcmp(option, "by") == 0)
		expression = source_group(source, column);
	else
	{
		source_check_label(source, column);
		expression = psprintf("(%s) COLLATE pg_catalog.\"C\"", source_text(source, column));
	}
	PG_RETURN_TEXT_P(cstring_to_text(expression));
}

/*
 * classify_trigger.c
 *		visclf.classify_trigger: classifies rows as they are written.
 */
#include "extension/support/pgcompat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "extension/classifying/prediction.h"
#include "extension/support/sql.h"
#include "extension/support/suggest.h"

PG_FUNCTION_INFO_V1(visclf_classify_trigger);

#define COLUMNS_HINT "Name the columns of the image and of the prediction: classify_trigger('model', 'image', 'prediction')."

/* Throws unless the trigger can change the row. */
static void
check_trigger(FunctionCallInfo fcinfo)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (CALLED_AS_TRIGGER(fcinfo) && TRIGGER_FIRED_BEFORE(data->tg_event) &&
		TRIGGER_FIRED_FOR_ROW(data->tg_event) && !TRIGGER_FIRED_BY_DELETE(data->tg_event) &&
		data->tg_trigger->tgnargs >= 1 && data->tg_trigger->tgnargs <= 3)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("classify_trigger must be called by a trigger BEFORE INSERT OR UPDATE, FOR EACH ROW, with the name of a model"),
			 errhint("CREATE TRIGGER ... BEFORE INSERT OR UPDATE OF image ON ... FOR EACH ROW "
					 "EXECUTE FUNCTION visclf.classify_trigger('model', 'image', 'prediction').")));
}

/* Returns the number of a column that the trigger names, of the expected type. */
static int
find_column(const TriggerData *data, const char *column, Oid type)
{
	int			number = SPI_fnumber(data->tg_relation->rd_att, column);
	Oid			is;

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of \"%s\" does not exist", column,
						RelationGetRelationName(data->tg_relation)),
				 errhint("%s", suggest_column(RelationGetRelid(data->tg_relation), column, COLUMNS_HINT))));
	is = getBaseType(SPI_gettypeid(data->tg_relation->rd_att, number));
	if (TupleDescAttr(data->tg_relation->rd_att, number - 1)->attgenerated)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("column \"%s\" of \"%s\" is generated, which happens after the trigger", column,
						RelationGetRelationName(data->tg_relation)),
				 errhint("Name columns that are not generated.")));
	if (is != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s, not %s", column,
						RelationGetRelationName(data->tg_relation), format_type_be(is),
						format_type_be(type)),
				 errhint(COLUMNS_HINT)));
	return number;
}

/*
 * Throws if the column's domain forbids the value: the server does not check
 * it after the trigger.
 */
static void
check_domain(const TriggerData *data, int column, Datum value, bool isnull)
{
	Oid			type = SPI_gettypeid(data->tg_relation->rd_att, column);
	void	   *extra = NULL;

	if (get_typtype(type) == TYPTYPE_DOMAIN)
		domain_check(value, isnull, type, &extra, CurrentMemoryContext);
}

/* Returns the model's prediction, in the caller's memory. */
static Datum
classify_column(const char *model, Datum image, bool *isnull)
{
	Sql			sql;
	Datum		prediction;

	SPI_connect();
	sql_begin(&sql, "SELECT visclf.classify($1, $2)");
	sql_text(&sql, model);
	sql_datum(&sql, BYTEAOID, image);
	sql_read_latest(&sql);
	prediction = result_datum(0, 1, prediction_type_id(), isnull);
	if (!*isnull)
		prediction = SPI_datumTransfer(prediction, false, -1);
	SPI_finish();
	return prediction;
}

/* CREATE TRIGGER ... EXECUTE FUNCTION visclf.classify_trigger(model [, image_column [, prediction_column]]) */
Datum
visclf_classify_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	HeapTuple	row;
	char	  **arguments;
	int			count;
	int			image_column;
	int			column;
	Datum		image;
	Datum		prediction = (Datum) 0;
	bool		isnull;

	check_trigger(fcinfo);
	arguments = data->tg_trigger->tgargs;
	count = data->tg_trigger->tgnargs;
	row = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
	image_column = find_column(data, count > 1 ? arguments[1] : "image", BYTEAOID);
	column = find_column(data, count > 2 ? arguments[2] : "prediction",
						 prediction_type_id());
	image = SPI_getbinval(row, data->tg_relation->rd_att, image_column, &isnull);
	if (!isnull)
		prediction = classify_column(arguments[0], image, &isnull);
	check_domain(data, column, prediction, isnull);
	row = heap_modify_tuple_by_cols(row, data->tg_relation->rd_att, 1, &column, &prediction, &isnull);
	return PointerGetDatum(row);
}

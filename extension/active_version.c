/*
 * active_version.c
 *		visclf.active_version: what the functions in SQL look a model up with.
 */
#include "pgcompat.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "model.h"
#include "sql.h"

PG_FUNCTION_INFO_V1(visclf_active_version);

/* Throws unless the version is multi-label, or is not, as it has to be. */
static void
check_kind(int model_id, const char *name, bool multi_label)
{
	Sql			sql;
	bool		isnull;

	SPI_connect();
	sql_begin(&sql, "SELECT multi_label FROM visclf.model WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model_id);
	if (sql_read(&sql) == 1 && DatumGetBool(result_datum(0, 1, &isnull)) != multi_label)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 multi_label ?
				 errmsg("model \"%s\" says one label of an image, not any number", name) :
				 errmsg("model \"%s\" says any number of labels of an image, not one", name),
				 errhint("visclf.classification_report works for both kinds.")));
	SPI_finish();
}

/* visclf.active_version(model [, multi_label]) */
Datum
visclf_active_version(PG_FUNCTION_ARGS)
{
	char	   *name;
	int			model_id;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	model_id = model_lookup(name).model_id;
	if (!PG_ARGISNULL(1))
		check_kind(model_id, name, PG_GETARG_BOOL(1));
	PG_RETURN_INT32(model_id);
}

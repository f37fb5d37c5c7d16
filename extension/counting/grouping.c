/*
 * grouping.c
 *		Reads the arguments that say what to count, and by which columns.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "extension/support/arguments.h"
#include "extension/counting/known.h"
#include "extension/models/model.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

#define MOST_COLUMNS 32			/* to group by */

/*
 * Returns the column that an argument names, or NULL if it is NULL, or has its
 * default and does not exist.
 */
static char *
optional_column(const Named *call, Oid relation, const char *argument, const char *usual)
{
	char	   *column;

	if (named_is_null(call, argument))
		return NULL;
	column = pstrdup(NameStr(*DatumGetName(named_value(call, argument))));
	if (usual == NULL)
		source_column_type(relation, column, argument);
	else if (!source_column_or_usual(relation, column, argument, usual))
		return NULL;
	return column;
}

/* Returns a column that the training was given, if this relation has it too. */
static char *
column_of_training(Oid relation, char *column)
{
	return column != NULL && get_attnum(relation, column) != InvalidAttrNumber ? column : NULL;
}

static void
read_by(const Named *call, Grouping *g, bool one)
{
	if (one)
	{
		g->by = palloc(sizeof(char *));
		g->by[0] = pstrdup(NameStr(*DatumGetName(named_value(call, "by"))));
		g->by_count = 1;
	}
	else
		g->by = text_array_values(named_value(call, "by"), &g->by_count);
	if (g->by_count > MOST_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("cannot group by %d columns, more than %d", g->by_count, MOST_COLUMNS)));
	for (int i = 0; i < g->by_count; i++)
		source_column_type(g->predictions.relation, g->by[i], "by");
}

/*
 * Sets the columns about labelled images. A report's key_column is also for
 * pictures, with default "id".
 */
static void
read_known(const Named *call, const Quantifier *q, Grouping *g)
{
	Oid			relation = g->predictions.relation;
	bool		pictures = named_place(call, "source") >= 0;

	g->predictions.known_column = optional_column(call, relation, "known_column", "known");
	g->key_column = named_is_null(call, "key_column") || pictures ? column_of_training(relation, q->key_column) : NULL;
	if (g->key_column == NULL)
		g->key_column = optional_column(call, relation, "key_column", pictures ? "id" : NULL);
	g->cluster_column = named_is_null(call, "cluster_column") ? column_of_training(relation, q->group_column) :
		optional_column(call, relation, "cluster_column", NULL);
	g->weight_column = optional_column(call, relation, "weight_column", NULL);
	if (g->weight_column)
		source_check_number(relation, g->weight_column, "weight_column");
	if (g->weight_column && !g->predictions.known_column)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight_column requires known_column"),
				 errhint("Weights are of images whose label is known.")));
}

void
grouping_read_known(FunctionCallInfo fcinfo, const Quantifier *q, Grouping *g)
{
	Named		call = named_open(fcinfo);

	read_known(&call, q, g);
}

Grouping
grouping_read(FunctionCallInfo fcinfo, const Quantifier *q, bool one)
{
	Named		call = named_open(fcinfo);
	Grouping	g = {.predictions = {.relation = DatumGetObjectId(named_value(&call, "predictions")),
		.soft = vc_quantification_soft(q->method)}};

	source_lock(g.predictions.relation);
	read_by(&call, &g, one);
	read_known(&call, q, &g);
	if (g.predictions.known_column == NULL)
		quantifier_refuse_multi_label(q);
	g.predictions.label_column = pstrdup(NameStr(*DatumGetName(named_value(&call, "label_column"))));
	if (q->multi_label && strcmp(g.predictions.label_column, "label") == 0)
		g.predictions.label_column = "labels";
	if (g.predictions.soft)
		g.predictions.probabilities_column = pstrdup(NameStr(*DatumGetName(named_value(&call, "probabilities_column"))));
	g.predictions.error_column = pstrdup(NameStr(*DatumGetName(named_value(&call, "error_column"))));
	predictions_check(&g.predictions);
	return g;
}

char *
grouping_query(const Grouping *g, const char *what, const char *columns, const char *from)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT pg_catalog.dense_rank() OVER (");
	for (int i = 0; i < g->by_count; i++)
		appendStringInfo(&query, "%sg%d", i == 0 ? "ORDER BY " : ", ", i);
	appendStringInfoString(&query, "), pg_catalog.jsonb_build_object(");
	for (int i = 0; i < g->by_count; i++)
		appendStringInfo(&query, "%s%s, g%d", i > 0 ? ", " : "", quote_literal_cstr(g->by[i]), i);
	appendStringInfo(&query, "), %s FROM (SELECT ", what);
	for (int i = 0; i < g->by_count; i++)
		appendStringInfo(&query, "%s AS g%d, ", source_group(g->predictions.relation, g->by[i]), i);
	appendStringInfo(&query, "%s FROM %s) counted ORDER BY 1", columns, from);
	return query.data;
}

bool
grouping_has_known(const Grouping *g)
{
	Sql			sql;

	if (g->predictions.known_column == NULL)
		return false;
	sql_begin_source(&sql, psprintf("SELECT FROM %s s WHERE s.%s IS DISTINCT FROM NULL LIMIT 1",
							 relation_name(g->predictions.relation), quote_identifier(g->predictions.known_column)));
	return sql_read(&sql) > 0;
}

bool
grouping_is_ppi(FunctionCallInfo fcinfo, const Grouping *g)
{
	Named		call = named_open(fcinfo);

	if (named_is_null(&call, "method"))
		return grouping_has_known(g);
	if (strcmp(text_to_cstring(DatumGetTextPP(named_value(&call, "method"))), "ppi") != 0)
		return false;
	if (g->predictions.known_column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"ppi\" requires known labels"),
				 errhint("Name their column, known_column => '...'; it is NULL where nobody has looked.")));
	return true;
}

Quantifier *
grouping_open(FunctionCallInfo fcinfo)
{
	Named		call = named_open(fcinfo);
	char	   *method = named_is_null(&call, "method") ? "acc" : text_to_cstring(DatumGetTextPP(named_value(&call, "method")));

	return quantifier_open(model_find_active(text_to_cstring(DatumGetTextPP(named_value(&call, "model")))).model_id,
						   strcmp(method, "ppi") == 0 ? VC_ACC : quantification_from_name(method), CurrentMemoryContext);
}

Quantifier *
grouping_quantifier(FunctionCallInfo fcinfo, const Quantifier *q)
{
	Named		call = named_open(fcinfo);

	return quantifier_create(q->model_id, q->method, DatumGetFloat8(named_value(&call, "confidence")),
							 DatumGetInt32(named_value(&call, "resamples")), DatumGetInt64(named_value(&call, "seed")),
							 CurrentMemoryContext);
}

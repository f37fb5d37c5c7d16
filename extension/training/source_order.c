/*
 * source_order.c
 *		The order of the classes, which is that of the network's outputs.
 *
 * Numbers are ordered by value and enums as they were declared, so that an output's
 * place means what the label does; all else by its bytes, which no locale changes.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"

#include "extension/support/source_columns.h"
#include "extension/support/sql.h"
#include "extension/training/source.h"

/* The labels of an enum, as they were declared. */
typedef struct EnumLabels
{
	char	  **labels;
	int			count;
} EnumLabels;

static int
compare_numbers(const void *a, const void *b, void *unused)
{
	const DatasetClass *x = a;
	const DatasetClass *y = b;
	double		first = strtod(x->label, NULL);
	double		second = strtod(y->label, NULL);

	if (first != second)
		return first < second ? -1 : 1;
	return strcmp(x->label, y->label);
}

/* The place of a label among those that were declared. */
static int
enum_place(const EnumLabels *e, const char *label)
{
	int			i = 0;

	while (i < e->count && strcmp(e->labels[i], label) != 0)
		i++;
	return i;
}

static int
compare_enums(const void *a, const void *b, void *argument)
{
	const DatasetClass *x = a;
	const DatasetClass *y = b;
	int			order = enum_place(argument, x->label) - enum_place(argument, y->label);

	return order != 0 ? order : strcmp(x->label, y->label);
}

static EnumLabels
enum_labels(Oid type)
{
	EnumLabels	e;
	Sql			sql;

	sql_begin(&sql, "SELECT enumlabel::pg_catalog.text FROM pg_catalog.pg_enum "
			  "WHERE enumtypid OPERATOR(pg_catalog.=) $1 ORDER BY enumsortorder");
	sql_oid(&sql, type);
	e.count = (int) sql_read(&sql);
	e.labels = palloc(sizeof(char *) * Max(e.count, 1));
	for (int i = 0; i < e.count; i++)
		e.labels[i] = result_string(i, 1);
	return e;
}

void
source_order_classes(const TrainOptions *o, Dataset *d)
{
	Oid			type = source_column_type(o->source, o->label_column, "label_column");
	Oid			element = get_element_type(type);
	EnumLabels	labels;

	type = getBaseType(OidIsValid(element) ? element : type);
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
			dataset_sort_classes(d, compare_numbers, NULL);
			break;
		default:
			if (!type_is_enum(type))
				break;
			labels = enum_labels(type);
			dataset_sort_classes(d, compare_enums, &labels);
	}
}

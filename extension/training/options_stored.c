/*
 * options_stored.c
 *		Writes the options of a training into its model's row, and reads them
 *		back when an interrupted training is resumed.
 */
#include "extension/support/pgcompat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#include "extension/training/option_list.h"
#include "extension/support/sql.h"

/* Returns the shortest digits that read back as the same number. */
static char *
digits(double value)
{
	char	   *buffer = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);

	double_to_shortest_decimal_buf(value, buffer);
	return buffer;
}

Datum
options_to_jsonb(const TrainOptions *o)
{
	Sql			sql;

	sql_begin(&sql,
			  "SELECT pg_catalog.jsonb_build_object("
			  "'source', $1::pg_catalog.text, 'image_column', $2::pg_catalog.text, "
			  "'label_column', $3::pg_catalog.text, 'key_column', $4::pg_catalog.text, "
			  "'group_column', $5::pg_catalog.text, 'split_column', $6::pg_catalog.text, "
			  "'method', $7::pg_catalog.text, 'balance', $8::pg_catalog.text, "
			  "'augment', $9::pg_catalog.text, 'epochs', $10, 'freeze_epochs', $11, "
			  "'learning_rate', $12::pg_catalog.numeric, 'lr_mult', $13::pg_catalog.numeric, "
			  "'weight_decay', $14::pg_catalog.numeric, 'dropout', $15::pg_catalog.numeric, "
			  "'batch_size', $16, 'validation_share', $17::pg_catalog.numeric, 'seed', $18, 'folds', $19)");
	sql_text(&sql, relation_name(o->source));
	sql_text(&sql, o->image_column);
	sql_text(&sql, o->label_column);
	sql_text(&sql, o->key_column);
	sql_text(&sql, o->group_column);
	sql_text(&sql, o->split_column);
	sql_text(&sql, method_name(o->method));
	sql_text(&sql, balance_name(o->balance));
	sql_text(&sql, vc_augment_name(o->augment));
	sql_int(&sql, o->recipe.epochs);
	sql_int(&sql, o->recipe.freeze_epochs);
	sql_text(&sql, digits(o->recipe.learning_rate));
	sql_text(&sql, digits(o->recipe.rate_spread));
	sql_text(&sql, digits(o->recipe.weight_decay));
	sql_text(&sql, digits(o->dropout));
	sql_int(&sql, o->batch_size);
	sql_text(&sql, digits(o->validation_share));
	sql_bigint(&sql, o->seed);
	sql_int(&sql, o->folds);
	sql_read(&sql);
	return SPI_datumTransfer(result_not_null(0, 1, JSONBOID), false, -1);
}

/* Returns an option's value as text, or NULL if it is not set. */
static char *
optional_stored(Option option)
{
	return result_text(option, 1);
}

static char *
stored_option(Option option)
{
	char	   *value = optional_stored(option);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("%s is missing from the model's row", option_names[option]),
				 errhint("Train a new version.")));
	return value;
}

static int
stored_int(Option option, int low, int high)
{
	int64		value = strtoll(stored_option(option), NULL, 10);

	check_int_option(option, value, low, high);
	return (int) value;
}

static double
stored_number(Option option)
{
	return strtod(stored_option(option), NULL);
}

/* Returns the table or view of a stored name. */
static Oid
stored_source(void)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(stored_option(OPTION_SOURCE)));

	return RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, false);
}

/* Throws unless a stored name is known. */
static void
check_known(bool known, Option option)
{
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("%s is unknown in the model's row", option_names[option]),
				 errhint("Train a new version.")));
}

/* Turns the last result into a row for each option, in their order. */
static void
read_stored(int model_id)
{
	Sql			sql;

	sql_begin(&sql,
			  "SELECT (m.hyperparameters OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object("
			  "'model', m.name, 'architecture', m.architecture, 'head', m.head, "
			  "'image_size', m.image_size, 'resize', m.resize, 'pretrained', m.parent_id)) "
			  "OPERATOR(pg_catalog.->>) o.name "
			  "FROM visclf.model m, pg_catalog.unnest($2::pg_catalog.text[]) WITH ORDINALITY o(name, place) "
			  "WHERE m.model_id OPERATOR(pg_catalog.=) $1 ORDER BY o.place");
	sql_int(&sql, model_id);
	sql_datum(&sql, TEXTARRAYOID, text_array((char **) option_names, OPTIONS));
	if (sql_read_latest(&sql) != OPTIONS)
		elog(ERROR, "model version %d is gone", model_id);
}

TrainOptions *
options_from_model(int model_id)
{
	TrainOptions *o = palloc0(sizeof(*o));
	char	   *parent;

	read_stored(model_id);
	o->model = stored_option(OPTION_MODEL);
	o->source = stored_source();
	o->image_column = stored_option(OPTION_IMAGE_COLUMN);
	o->label_column = stored_option(OPTION_LABEL_COLUMN);
	o->key_column = optional_stored(OPTION_KEY_COLUMN);
	o->group_column = optional_stored(OPTION_GROUP_COLUMN);
	o->split_column = optional_stored(OPTION_SPLIT_COLUMN);
	o->architecture = stored_option(OPTION_ARCHITECTURE);
	parent = optional_stored(OPTION_PRETRAINED);
	o->parent_id = parent ? (int) strtoll(parent, NULL, 10) : 0;
	check_known(method_from_name(stored_option(OPTION_METHOD), &o->method), OPTION_METHOD);
	check_known(head_from_name(stored_option(OPTION_HEAD), &o->head), OPTION_HEAD);
	o->image_size = stored_int(OPTION_IMAGE_SIZE, VC_MIN_IMAGE_SIZE, VC_MAX_IMAGE_SIZE);
	o->resize_name = stored_option(OPTION_RESIZE);
	check_known(vc_resize_from_name(o->resize_name, &o->resize), OPTION_RESIZE);
	check_known(balance_from_name(stored_option(OPTION_BALANCE), &o->balance), OPTION_BALANCE);
	check_known(vc_augment_from_name(stored_option(OPTION_AUGMENT), &o->augment), OPTION_AUGMENT);
	o->recipe.epochs = stored_int(OPTION_EPOCHS, 1, MAX_EPOCHS);
	o->recipe.freeze_epochs = stored_int(OPTION_FREEZE_EPOCHS, 0, MAX_EPOCHS);
	o->recipe.learning_rate = stored_number(OPTION_LEARNING_RATE);
	o->recipe.rate_spread = stored_number(OPTION_LR_MULT);
	o->recipe.weight_decay = stored_number(OPTION_WEIGHT_DECAY);
	o->dropout = stored_number(OPTION_DROPOUT);
	o->batch_size = stored_int(OPTION_BATCH_SIZE, 2, MAX_BATCH);
	o->validation_share = stored_number(OPTION_VALIDATION_SHARE);
	o->folds = stored_int(OPTION_FOLDS, 0, MAX_FOLDS);
	o->seed = strtoll(stored_option(OPTION_SEED), NULL, 10);
	return o;
}

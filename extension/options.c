/*
 * options.c
 *		What visclf.train was asked for, checked before any work starts.
 *
 * Options come from the call, or, when a training is resumed, from the
 * hyperparameters in the model's row, which options_to_jsonb wrote.
 */
#include "options.h"

#include "catalog/namespace.h"
#include "common/shortest_dec.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#include "error.h"
#include "model.h"
#include "sql.h"

#define MAX_EPOCHS	10000
#define MAX_BATCH	4096

/* Arguments of visclf.train, in the order of its declaration. */
enum
{
	ARG_MODEL,
	ARG_SOURCE,
	ARG_IMAGE_COLUMN,
	ARG_LABEL_COLUMN,
	ARG_KEY_COLUMN,
	ARG_GROUP_COLUMN,
	ARG_SPLIT_COLUMN,
	ARG_ARCHITECTURE,
	ARG_PRETRAINED,
	ARG_METHOD,
	ARG_HEAD,
	ARG_IMAGE_SIZE,
	ARG_RESIZE,
	ARG_EPOCHS,
	ARG_FREEZE_EPOCHS,
	ARG_LEARNING_RATE,
	ARG_LR_MULT,
	ARG_WEIGHT_DECAY,
	ARG_DROPOUT,
	ARG_BATCH_SIZE,
	ARG_VALIDATION_SHARE,
	ARG_SEED,
	ARGS
};

static const char *const arg_names[ARGS] = {
	"model", "source", "image_column", "label_column", "key_column",
	"group_column", "split_column", "architecture", "pretrained", "method", "head", "image_size", "resize", "epochs", "freeze_epochs",
	"learning_rate", "lr_mult", "weight_decay", "dropout", "batch_size",
	"validation_share", "seed"
};

static void
throw_option(int arg, const char *value, const char *allowed)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": %s", arg_names[arg], value),
			 errhint("Allowed: %s.", allowed)));
}

static void
require(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("option \"%s\" must not be NULL", arg_names[arg]),
				 errhint("Leave it out to take its default, where it has one.")));
}

static char *
text_option(FunctionCallInfo fcinfo, int arg)
{
	require(fcinfo, arg);
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static char *
name_option(FunctionCallInfo fcinfo, int arg)
{
	require(fcinfo, arg);
	return pstrdup(NameStr(*PG_GETARG_NAME(arg)));
}

static char *
optional_name(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : name_option(fcinfo, arg);
}

static void
check_int(int arg, int64 value, int64 low, int64 high)
{
	if (value < low || value > high)
		throw_option(arg, psprintf("%lld", (long long) value),
					 psprintf("%lld to %lld", (long long) low, (long long) high));
}

static int
int_option(FunctionCallInfo fcinfo, int arg, int low, int high)
{
	int			value;

	require(fcinfo, arg);
	value = PG_GETARG_INT32(arg);
	check_int(arg, value, low, high);
	return value;
}

/* A number in [low, high], or (low, high) where open. */
static double
number_option(FunctionCallInfo fcinfo, int arg, double low, double high, bool open)
{
	double		value;

	require(fcinfo, arg);
	value = PG_GETARG_FLOAT8(arg);
	if (!(open ? value > low && value < high : value >= low && value <= high))
		throw_option(arg, psprintf("%g", value),
					 psprintf(open ? "above %g and below %g" : "%g to %g", low, high));
	return value;
}

/*
 * The architecture and the side of the input square, which a pretrained model
 * decides unless the call says otherwise, and can decide alone.
 */
static void
network_options(FunctionCallInfo fcinfo, TrainOptions *o)
{
	const Model *parent = o->parent;

	if (!PG_ARGISNULL(ARG_ARCHITECTURE))
		o->architecture = text_option(fcinfo, ARG_ARCHITECTURE);
	else
		o->architecture = parent ? parent->architecture : pstrdup("resnet18");
	if (parent && strcmp(o->architecture, parent->architecture) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pretrained model \"%s\" is a %s, not a %s",
						parent->name, parent->architecture, o->architecture),
				 errhint("Leave the architecture out to take the pretrained model's.")));
	if (!PG_ARGISNULL(ARG_IMAGE_SIZE))
		o->image_size = int_option(fcinfo, ARG_IMAGE_SIZE, VC_MIN_IMAGE_SIZE, VC_MAX_IMAGE_SIZE);
	else if (parent)
		o->image_size = parent->image_size;
	else
		o->image_size = strcmp(o->architecture, "resnet20") == 0 ? 64 : 224;
}

static bool
method_from_name(const char *name, TrainMethod *method)
{
	*method = strcmp(name, "probe") == 0 ? METHOD_PROBE : METHOD_FINE_TUNE;
	return strcmp(name, method_name(*method)) == 0;
}

const char *
method_name(TrainMethod method)
{
	return method == METHOD_PROBE ? "probe" : "fine_tune";
}

/* How to train, and the head that goes with it. */
static void
method_options(FunctionCallInfo fcinfo, TrainOptions *o)
{
	char	   *method = text_option(fcinfo, ARG_METHOD);
	char	   *head;

	if (!method_from_name(method, &o->method))
		throw_option(ARG_METHOD, quote_literal_cstr(method), "fine_tune, probe");
	o->head = o->method == METHOD_PROBE ? VC_HEAD_LINEAR : VC_HEAD_CONCAT;
	if (!PG_ARGISNULL(ARG_HEAD))
	{
		head = text_option(fcinfo, ARG_HEAD);
		if (!head_from_name(head, &o->head) ||
			(o->method == METHOD_PROBE && o->head != VC_HEAD_LINEAR))
			throw_option(ARG_HEAD, quote_literal_cstr(head),
						 o->method == METHOD_PROBE ? "linear, with method probe" : "concat, linear");
	}
	if (o->method == METHOD_PROBE && o->parent == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"probe\" needs a pretrained model"),
				 errhint("Name one with pretrained => '...'; visclf.import_model makes one of a file of weights.")));
}

/* The version that the weights come from, or NULL. */
static Model *
parent_option(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARG_PRETRAINED))
		return NULL;
	return model_read(model_lookup(text_option(fcinfo, ARG_PRETRAINED)).model_id, false,
					  CurrentMemoryContext);
}

/* Throws for an architecture that there is not. */
static void
check_architecture(const TrainOptions *o)
{
	vc_network_options options = {0};
	vc_network *network;
	vc_error	error;

	options.architecture = o->architecture;
	options.head = o->head;
	options.image_size = o->image_size;
	options.classes = 2;
	memcpy(options.std, vc_imagenet_std, sizeof(options.std));
	options.dropout = o->dropout;
	vc_check(vc_network_create(&options, &network, &error), &error);
	vc_network_free(network);
}

TrainOptions *
options_from_call(FunctionCallInfo fcinfo)
{
	TrainOptions *o = palloc0(sizeof(*o));

	o->model = text_option(fcinfo, ARG_MODEL);
	if (o->model[0] == '\0')
		throw_option(ARG_MODEL, "''", "a name of at least one character");
	require(fcinfo, ARG_SOURCE);
	o->source = PG_GETARG_OID(ARG_SOURCE);
	o->image_column = name_option(fcinfo, ARG_IMAGE_COLUMN);
	o->label_column = name_option(fcinfo, ARG_LABEL_COLUMN);
	o->key_column = optional_name(fcinfo, ARG_KEY_COLUMN);
	o->group_column = optional_name(fcinfo, ARG_GROUP_COLUMN);
	o->split_column = optional_name(fcinfo, ARG_SPLIT_COLUMN);
	o->parent = parent_option(fcinfo);
	o->parent_id = o->parent ? o->parent->model_id : 0;
	network_options(fcinfo, o);
	method_options(fcinfo, o);
	o->resize_name = text_option(fcinfo, ARG_RESIZE);
	if (!vc_resize_from_name(o->resize_name, &o->resize))
		throw_option(ARG_RESIZE, quote_literal_cstr(o->resize_name), "squish, crop, pad");
	o->recipe.epochs = int_option(fcinfo, ARG_EPOCHS, 1, MAX_EPOCHS);

	/* from a random start there is nothing to freeze, and no rate to spread */
	o->recipe.freeze_epochs = PG_ARGISNULL(ARG_FREEZE_EPOCHS) ? (o->parent ? 1 : 0) :
		int_option(fcinfo, ARG_FREEZE_EPOCHS, 0, MAX_EPOCHS);
	o->recipe.learning_rate = number_option(fcinfo, ARG_LEARNING_RATE, 0, 100, true);
	o->recipe.rate_spread = PG_ARGISNULL(ARG_LR_MULT) ? (o->parent ? 100 : 1) :
		number_option(fcinfo, ARG_LR_MULT, 1, 1e6, false);
	o->recipe.weight_decay = number_option(fcinfo, ARG_WEIGHT_DECAY, 0, 1, false);
	o->dropout = number_option(fcinfo, ARG_DROPOUT, 0, 0.99, false);
	o->batch_size = int_option(fcinfo, ARG_BATCH_SIZE, 2, MAX_BATCH);
	o->validation_share = number_option(fcinfo, ARG_VALIDATION_SHARE, 0, 1, true);
	require(fcinfo, ARG_SEED);
	o->seed = PG_GETARG_INT64(ARG_SEED);
	check_architecture(o);
	return o;
}

/* The shortest digits that read back as the same number. */
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
	bool		isnull;

	sql_begin(&sql,
			  "SELECT pg_catalog.jsonb_build_object("
			  "'source', $1::pg_catalog.text, 'image_column', $2::pg_catalog.text, "
			  "'label_column', $3::pg_catalog.text, 'key_column', $4::pg_catalog.text, "
			  "'group_column', $14::pg_catalog.text, 'split_column', $15::pg_catalog.text, "
			  "'method', $16::pg_catalog.text, "
			  "'epochs', $5, 'freeze_epochs', $6, 'learning_rate', $7::pg_catalog.numeric, "
			  "'lr_mult', $8::pg_catalog.numeric, 'weight_decay', $9::pg_catalog.numeric, "
			  "'dropout', $10::pg_catalog.numeric, 'batch_size', $11, "
			  "'validation_share', $12::pg_catalog.numeric, 'seed', $13)");
	sql_text(&sql, quote_qualified_identifier(get_namespace_name(get_rel_namespace(o->source)),
											  get_rel_name(o->source)));
	sql_text(&sql, o->image_column);
	sql_text(&sql, o->label_column);
	sql_text(&sql, o->key_column);
	sql_int(&sql, o->recipe.epochs);
	sql_int(&sql, o->recipe.freeze_epochs);
	sql_text(&sql, digits(o->recipe.learning_rate));
	sql_text(&sql, digits(o->recipe.rate_spread));
	sql_text(&sql, digits(o->recipe.weight_decay));
	sql_text(&sql, digits(o->dropout));
	sql_int(&sql, o->batch_size);
	sql_text(&sql, digits(o->validation_share));
	sql_bigint(&sql, o->seed);
	sql_text(&sql, o->group_column);
	sql_text(&sql, o->split_column);
	sql_text(&sql, method_name(o->method));
	sql_read(&sql);
	return SPI_datumTransfer(result_datum(0, 1, &isnull), false, -1);
}

char *
stored_text(int column, const char *what)
{
	char	   *value = result_text(0, column);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("%s is missing from the model's row", what),
				 errhint("Train a new version.")));
	return value;
}

static char *
stored_option(int arg)
{
	return stored_text(1 + arg, arg_names[arg]);
}

static int
stored_int(int arg, int low, int high)
{
	int64		value = strtoll(stored_option(arg), NULL, 10);

	check_int(arg, value, low, high);
	return (int) value;
}

static double
stored_number(int arg)
{
	return strtod(stored_option(arg), NULL);
}

/* The table or view that a stored name means. */
static Oid
stored_source(void)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(stored_option(ARG_SOURCE)));

	return RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, false);
}

TrainOptions *
options_from_model(int model_id)
{
	TrainOptions *o = palloc0(sizeof(*o));
	Sql			sql;
	Datum		parent_id;
	bool		isnull;

	sql_begin(&sql,
			  "SELECT m.name, h.source, h.image_column, h.label_column, h.key_column, "
			  "h.group_column, h.split_column, m.architecture, NULL, h.method, m.head, m.image_size, "
			  "m.resize, h.epochs, h.freeze_epochs, "
			  "h.learning_rate, h.lr_mult, h.weight_decay, h.dropout, h.batch_size, "
			  "h.validation_share, h.seed, m.parent_id "
			  "FROM visclf.model m, pg_catalog.jsonb_to_record(m.hyperparameters) AS h("
			  "source pg_catalog.text, image_column pg_catalog.text, "
			  "label_column pg_catalog.text, key_column pg_catalog.text, "
			  "group_column pg_catalog.text, split_column pg_catalog.text, "
			  "method pg_catalog.text, epochs pg_catalog.text, freeze_epochs pg_catalog.text, "
			  "learning_rate pg_catalog.text, lr_mult pg_catalog.text, "
			  "weight_decay pg_catalog.text, dropout pg_catalog.text, "
			  "batch_size pg_catalog.text, validation_share pg_catalog.text, "
			  "seed pg_catalog.text) WHERE m.model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model_id);
	if (sql_read(&sql) != 1)
		elog(ERROR, "model version %d is gone", model_id);
	o->model = stored_option(ARG_MODEL);
	o->source = stored_source();
	o->image_column = stored_option(ARG_IMAGE_COLUMN);
	o->label_column = stored_option(ARG_LABEL_COLUMN);
	o->key_column = result_text(0, 1 + ARG_KEY_COLUMN);
	o->group_column = result_text(0, 1 + ARG_GROUP_COLUMN);
	o->split_column = result_text(0, 1 + ARG_SPLIT_COLUMN);
	o->architecture = stored_option(ARG_ARCHITECTURE);
	method_from_name(stored_option(ARG_METHOD), &o->method);
	head_from_name(stored_option(ARG_HEAD), &o->head);
	o->image_size = stored_int(ARG_IMAGE_SIZE, VC_MIN_IMAGE_SIZE, VC_MAX_IMAGE_SIZE);
	o->resize_name = stored_option(ARG_RESIZE);
	vc_resize_from_name(o->resize_name, &o->resize);
	o->recipe.epochs = stored_int(ARG_EPOCHS, 1, MAX_EPOCHS);
	o->recipe.freeze_epochs = stored_int(ARG_FREEZE_EPOCHS, 0, MAX_EPOCHS);
	o->recipe.learning_rate = stored_number(ARG_LEARNING_RATE);
	o->recipe.rate_spread = stored_number(ARG_LR_MULT);
	o->recipe.weight_decay = stored_number(ARG_WEIGHT_DECAY);
	o->dropout = stored_number(ARG_DROPOUT);
	o->batch_size = stored_int(ARG_BATCH_SIZE, 2, MAX_BATCH);
	o->validation_share = stored_number(ARG_VALIDATION_SHARE);
	o->seed = strtoll(stored_option(ARG_SEED), NULL, 10);
	parent_id = result_datum(0, 1 + ARGS, &isnull);
	o->parent_id = isnull ? 0 : DatumGetInt32(parent_id);
	return o;
}

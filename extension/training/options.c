/*
 * options.c
 *		Reads and checks the options of visclf.train and lr_find, before any
 *		work starts.
 *
 * Arguments are found by their names, so that functions may share some of
 * them. options_stored.c writes them into the model's row and reads them back.
 */
#include "extension/training/options.h"

#include "utils/builtins.h"

#include "extension/support/source_columns.h"
#include "extension/support/arguments.h"
#include "extension/support/error.h"
#include "extension/models/model.h"
#include "extension/training/option_list.h"
#include "extension/support/suggest.h"

#include "engine/training/lr_find.h"

/* The call whose arguments are read, and where each is; -1: it has none. */
typedef struct Call
{
	FunctionCallInfo fcinfo;
	int			place[OPTIONS];
} Call;

const char *const option_names[OPTIONS] = {
	"model", "source", "image_column", "label_column", "key_column", "group_column",
	"split_column", "architecture", "pretrained", "method", "head", "image_size", "resize",
	"balance", "augment", "epochs", "freeze_epochs", "learning_rate", "lr_mult",
	"weight_decay", "dropout", "batch_size", "validation_share", "folds", "seed",
	"start_lr", "end_lr", "steps"
};

static Call
open_call(FunctionCallInfo fcinfo)
{
	Named		named = named_open(fcinfo);
	Call		call = {fcinfo};

	for (int option = 0; option < OPTIONS; option++)
		call.place[option] = named_place(&named, option_names[option]);
	return call;
}

/* Returns true if the call has no value for the option. */
static bool
is_left_out(const Call *call, Option option)
{
	int			place = call->place[option];

	return place < 0 || call->fcinfo->args[place].isnull;
}

static Datum
option_value(const Call *call, Option option)
{
	return call->fcinfo->args[call->place[option]].value;
}

static void
throw_option(Option option, const char *value, const char *allowed)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": %s", option_names[option], value),
			 errhint("Allowed: %s.", allowed)));
}

static void
require(const Call *call, Option option)
{
	if (is_left_out(call, option))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("option \"%s\" must not be NULL", option_names[option]),
				 errhint("Leave it out to take its default, where it has one.")));
}

static char *
text_option(const Call *call, Option option)
{
	require(call, option);
	return text_to_cstring(DatumGetTextPP(option_value(call, option)));
}

static char *
name_option(const Call *call, Option option)
{
	require(call, option);
	return pstrdup(NameStr(*DatumGetName(option_value(call, option))));
}

static char *
optional_name(const Call *call, Option option)
{
	return is_left_out(call, option) ? NULL : name_option(call, option);
}

void
check_int_option(Option option, int64 value, int64 low, int64 high)
{
	if (value < low || value > high)
		throw_option(option, psprintf("%lld", (long long) value),
					 psprintf("%lld to %lld", (long long) low, (long long) high));
}

static int
int_option(const Call *call, Option option, int low, int high)
{
	int			value;

	require(call, option);
	value = DatumGetInt32(option_value(call, option));
	check_int_option(option, value, low, high);
	return value;
}

/* Returns a number in [low, high], or in (low, high) if open. */
static double
number_option(const Call *call, Option option, double low, double high, bool open)
{
	double		value;

	require(call, option);
	value = DatumGetFloat8(option_value(call, option));
	if (!(open ? value > low && value < high : value >= low && value <= high))
		throw_option(option, psprintf("%g", value),
					 psprintf(open ? "above %g and below %g" : "%g to %g", low, high));
	return value;
}

/* Throws because no architecture has the name. */
static void
check_architecture_name(const char *name)
{
	char	   *names[8];
	int			count = 0;

	for (const char *next; count < lengthof(names) && (next = vc_architecture_name(count)) != NULL; count++)
	{
		if (strcmp(name, next) == 0)
			return;
		names[count] = unconstify(char *, next);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown architecture \"%s\"", name),
			 errhint("%s", suggest(name, names, count, psprintf("Architectures are %s.", vc_architectures())))));
}

/*
 * Sets the architecture and the image size. A pretrained model decides the
 * architecture, and the size unless the call names one.
 */
static void
network_options(const Call *call, TrainOptions *o)
{
	const Model *parent = o->parent;

	if (!is_left_out(call, OPTION_ARCHITECTURE))
	{
		o->architecture = text_option(call, OPTION_ARCHITECTURE);
		check_architecture_name(o->architecture);
	}
	else
		o->architecture = parent ? parent->architecture : pstrdup("resnet18");
	if (parent && strcmp(o->architecture, parent->architecture) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pretrained model \"%s\" is a %s, not a %s",
						parent->name, parent->architecture, o->architecture),
				 errhint("Leave the architecture out to take the pretrained model's.")));
	if (!is_left_out(call, OPTION_IMAGE_SIZE))
		o->image_size = int_option(call, OPTION_IMAGE_SIZE, VC_MIN_IMAGE_SIZE, VC_MAX_IMAGE_SIZE);
	else if (parent)
		o->image_size = parent->image_size;
	else
		o->image_size = strcmp(o->architecture, "resnet20") == 0 ? 64 : 224;
}

bool
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

bool
balance_from_name(const char *name, TrainBalance *balance)
{
	for (int i = BALANCE_NONE; i <= BALANCE_WEIGHT; i++)
		if (strcmp(name, balance_name(i)) == 0)
		{
			*balance = i;
			return true;
		}
	return false;
}

const char *
balance_name(TrainBalance balance)
{
	static const char *const names[] = {"none", "oversample", "weight"};

	return names[balance];
}

/* Sets the head; the method may decide it. */
static void
head_option(const Call *call, TrainOptions *o)
{
	char	   *head;

	o->head = o->method == METHOD_PROBE ? VC_HEAD_LINEAR : VC_HEAD_CONCAT;
	if (is_left_out(call, OPTION_HEAD))
		return;
	head = text_option(call, OPTION_HEAD);
	if (!head_from_name(head, &o->head) ||
		(o->method == METHOD_PROBE && o->head != VC_HEAD_LINEAR))
		throw_option(OPTION_HEAD, quote_literal_cstr(head),
					 o->method == METHOD_PROBE ? "linear, with method probe" : "concat, linear");
}

/* Sets how rows are balanced and images augmented. */
static void
data_options(const Call *call, TrainOptions *o)
{
	char	   *balance = text_option(call, OPTION_BALANCE);
	char	   *augment = text_option(call, OPTION_AUGMENT);

	o->resize_name = text_option(call, OPTION_RESIZE);
	if (!vc_resize_from_name(o->resize_name, &o->resize))
		throw_option(OPTION_RESIZE, quote_literal_cstr(o->resize_name), "squish, crop, pad");
	if (!balance_from_name(balance, &o->balance))
		throw_option(OPTION_BALANCE, quote_literal_cstr(balance), "none, oversample, weight");
	if (!vc_augment_from_name(augment, &o->augment))
		throw_option(OPTION_AUGMENT, quote_literal_cstr(augment), "none, flip, light");
	o->batch_size = int_option(call, OPTION_BATCH_SIZE, 2, MAX_BATCH);
	o->validation_share = is_left_out(call, OPTION_VALIDATION_SHARE) ? VALIDATION_SHARE :
		number_option(call, OPTION_VALIDATION_SHARE, 0, 1, true);
	require(call, OPTION_SEED);
	o->seed = DatumGetInt64(option_value(call, OPTION_SEED));
}

/* Returns the version that the weights come from, or NULL. */
static Model *
parent_option(const Call *call)
{
	if (is_left_out(call, OPTION_PRETRAINED))
		return NULL;
	return model_read(model_find_active(text_option(call, OPTION_PRETRAINED)).model_id, false,
					  CurrentMemoryContext);
}

/* Throws if the network cannot be described. */
static void
check_network(const TrainOptions *o)
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
	check_status(vc_network_create(&options, &network, &error), &error);
	vc_network_free(network);
}

/* Sets the source of the rows. */
static void
source_options(const Call *call, TrainOptions *o)
{
	require(call, OPTION_SOURCE);
	o->source = DatumGetObjectId(option_value(call, OPTION_SOURCE));
	o->image_column = name_option(call, OPTION_IMAGE_COLUMN);
	o->label_column = name_option(call, OPTION_LABEL_COLUMN);
	o->key_column = optional_name(call, OPTION_KEY_COLUMN);
	if (o->key_column == NULL)
		o->key_column = source_primary_key(o->source);
	o->group_column = optional_name(call, OPTION_GROUP_COLUMN);
	o->split_column = optional_name(call, OPTION_SPLIT_COLUMN);
}

/* Reads what both functions have; o->method is set. */
static void
common_options(const Call *call, TrainOptions *o)
{
	source_options(call, o);
	o->parent = parent_option(call);
	o->parent_id = o->parent ? o->parent->model_id : 0;
	network_options(call, o);
	head_option(call, o);
	data_options(call, o);
	o->recipe.weight_decay = number_option(call, OPTION_WEIGHT_DECAY, 0, 1, false);
	o->dropout = number_option(call, OPTION_DROPOUT, 0, 0.99, false);
	check_network(o);
}

/* Sets the schedule of fine_tune. */
static void
schedule_options(const Call *call, TrainOptions *o)
{
	o->recipe.epochs = int_option(call, OPTION_EPOCHS, 1, MAX_EPOCHS);

	/* after a random start there is nothing to freeze, and no rate to spread */
	o->recipe.freeze_epochs = is_left_out(call, OPTION_FREEZE_EPOCHS) ? (o->parent ? 1 : 0) :
		int_option(call, OPTION_FREEZE_EPOCHS, 0, MAX_EPOCHS);
	o->recipe.learning_rate = number_option(call, OPTION_LEARNING_RATE, 0, 100, true);
	o->recipe.rate_spread = is_left_out(call, OPTION_LR_MULT) ? (o->parent ? 100 : 1) :
		number_option(call, OPTION_LR_MULT, 1, 1e6, false);
}

/*
 * Sets the number of folds. A probe computes features once, so that folds cost
 * it little.
 */
static void
folds_option(const Call *call, TrainOptions *o)
{
	bool		split = o->split_column != NULL || !is_left_out(call, OPTION_VALIDATION_SHARE);

	if (is_left_out(call, OPTION_FOLDS))
	{
		o->folds = o->method == METHOD_PROBE && !split ? -PROBE_FOLDS : 0;
		return;
	}
	o->folds = int_option(call, OPTION_FOLDS, 0, MAX_FOLDS);
	if (o->folds == 1)
		throw_option(OPTION_FOLDS, "1", psprintf("0, 2 to %d", MAX_FOLDS));
	if (o->folds > 0 && split)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("folds leave no choice to %s", o->split_column ? "split_column" : "validation_share"),
				 errhint("With folds every image is held out once. Leave one of the two out.")));
}

/* Throws for options that a probe does not support, because it sees each image once. */
static void
check_probe(const TrainOptions *o)
{
	if (o->method != METHOD_PROBE)
		return;
	if (o->parent == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"probe\" needs a pretrained model"),
				 errhint("Name one with pretrained => '...'; visclf.import_model makes one of a file of weights.")));
	if (o->augment != VC_AUGMENT_NONE || o->balance == BALANCE_OVERSAMPLE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"probe\" neither augments nor oversamples images"),
				 errhint("Leave augment out, and use balance => 'weight' in place of 'oversample'; or method => 'fine_tune'.")));
}

TrainOptions *
options_from_train(FunctionCallInfo fcinfo)
{
	Call		call = open_call(fcinfo);
	TrainOptions *o = palloc0(sizeof(*o));
	char	   *method;

	o->model = text_option(&call, OPTION_MODEL);
	model_check_name(o->model);
	method = text_option(&call, OPTION_METHOD);
	if (!method_from_name(method, &o->method))
		throw_option(OPTION_METHOD, quote_literal_cstr(method), "fine_tune, probe");
	common_options(&call, o);
	schedule_options(&call, o);
	folds_option(&call, o);
	check_probe(o);
	return o;
}

TrainOptions *
options_from_lr_find(FunctionCallInfo fcinfo)
{
	Call		call = open_call(fcinfo);
	TrainOptions *o = palloc0(sizeof(*o));

	common_options(&call, o);
	o->start_lr = number_option(&call, OPTION_START_LR, 0, 100, true);
	o->end_lr = number_option(&call, OPTION_END_LR, 0, 1000, true);
	if (o->end_lr <= o->start_lr)
		throw_option(OPTION_END_LR, psprintf("%g", o->end_lr),
					 psprintf("above start_lr, which is %g", o->start_lr));
	o->steps = int_option(&call, OPTION_STEPS, 20, VC_LR_FIND_MAX_STEPS);
	return o;
}

/*
 * model.c
 *		Finds and reads a version's row.
 */
#include "extension/models/model.h"

#include "common/hashfn.h"
#include "utils/timestamp.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/support/sql.h"
#include "extension/support/suggest.h"

#include "engine/weights/finite.h"
#include "engine/training/metrics.h"

const char *
head_name(vc_head head)
{
	return head == VC_HEAD_CONCAT ? "concat" : "linear";
}

bool
head_from_name(const char *name, vc_head *head)
{
	*head = strcmp(name, "concat") == 0 ? VC_HEAD_CONCAT : VC_HEAD_LINEAR;
	return strcmp(name, head_name(*head)) == 0;
}

void
model_check_name(const char *name)
{
	size_t		length = strlen(name);

	if (length == 0 || length > MODEL_NAME_LENGTH)
		ereport(ERROR,
				(errcode(length == 0 ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_NAME_TOO_LONG),
				 length == 0 ? errmsg("the name of a model must not be empty") :
				 errmsg("the name of a model has %zu bytes", length),
				 errhint("Allowed: 1 to %d bytes.", MODEL_NAME_LENGTH)));
}

char *
suggest_model(const char *name, const char *text)
{
	Sql			sql;
	int			count;
	char	  **names;

	sql_begin(&sql, "SELECT DISTINCT name FROM visclf.model");
	count = (int) sql_read(&sql);
	names = palloc(sizeof(char *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		names[i] = result_text(i, 1);
	return suggest(name, names, count, text);
}

/* Throws an error that tells why no version of that name can be used. */
static void
throw_no_model(const char *name)
{
	Sql			sql;

	sql_begin(&sql, "SELECT FROM visclf.model WHERE name OPERATOR(pg_catalog.=) $1");
	sql_text(&sql, name);
	if (sql_read(&sql) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no active version", name),
				 errhint("See visclf.models; visclf.resume finishes a training, visclf.activate chooses a version.")));
	model_check_name(name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist or is not shared with you", name),
			 errhint("%s", suggest_model(name, "SELECT model, owner FROM visclf.models lists the models that you may use; the owner shares one with CALL visclf.share."))));
}

ModelKey
model_find_active(const char *name)
{
	Sql			sql;
	ModelKey	key;

	SPI_connect();
	sql_begin(&sql, "SELECT model_id, created_at, xmin FROM visclf.model "
			  "WHERE name OPERATOR(pg_catalog.=) $1 AND active");
	sql_text(&sql, name);
	if (sql_read(&sql) == 0)
		throw_no_model(name);
	key.model_id = result_int(0, 1);
	key.created_at = DatumGetTimestampTz(result_not_null(0, 2, TIMESTAMPTZOID));
	key.row_xmin = DatumGetTransactionId(result_not_null(0, 3, XIDOID));
	SPI_finish();
	return key;
}

/* Reads a real[] column of three numbers. */
static void
three_reals(uint64 row, int column, float *values)
{
	int			count;
	float	   *read = real_array_values(result_not_null(row, column, FLOAT4ARRAYOID), &count);

	if (count != 3)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("mean and std of a model have %d numbers, not 3", count)));
	memcpy(values, read, sizeof(float) * 3);
}

/* Reads the model's thresholds, if it has any. */
static void
read_thresholds(Model *model, int column)
{
	bool		isnull;
	Datum		array = result_datum(0, column, FLOAT4ARRAYOID, &isnull);
	int			count;

	if (isnull)
		return;
	model->thresholds = real_array_values(array, &count);
	if (count != model->class_count)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model \"%s\" has %d thresholds for %d classes",
						model->name, count, model->class_count)));
	for (int i = 0; i < count; i++)
		if (!(model->thresholds[i] >= 0 && model->thresholds[i] <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("model \"%s\" has the threshold %g, which is outside 0 to 1",
							model->name, model->thresholds[i])));
}

/*
 * Reads the ranges of activations. They are ignored if they belong to another
 * description of the network, or are not finite.
 */
static void
read_ranges(Model *model, int column)
{
	bool		no_ranges;
	bool		no_agreement;
	Datum		array = result_datum(0, column, FLOAT4ARRAYOID, &no_ranges);
	Datum		agreement = result_datum(0, column + 1, FLOAT4OID, &no_agreement);
	int			count;

	if (no_ranges || no_agreement)
		return;
	model->ranges = real_array_values(array, &count);
	model->int8_agreement = DatumGetFloat4(agreement);
	if (count != model->network->node_count || vc_first_not_finite(model->ranges, count) < count)
		model->ranges = NULL;
}

static void
release_network(void *network)
{
	vc_network_free(network);
}

void
model_describe(Model *model, float dropout, MemoryContext context)
{
	vc_network_options options = {0};
	vc_error	error;

	options.architecture = model->architecture;
	options.head = model->head;
	options.image_size = model->image_size;
	options.classes = model->class_count;
	memcpy(options.mean, model->mean, sizeof(options.mean));
	memcpy(options.std, model->std, sizeof(options.std));
	options.dropout = dropout;
	check_status(vc_network_create(&options, &model->network, &error), &error);
	release_with_context(context, release_network, model->network);
}

Model *
model_read(int model_id, bool latest, MemoryContext context)
{
	MemoryContext caller;
	Model	   *model;
	Sql			sql;
	char	   *dropout;

	sql_begin(&sql,
			  "SELECT name, version, architecture, head, image_size, resize, "
			  "classes, mean, std, hyperparameters OPERATOR(pg_catalog.->>) 'dropout', "
			  "multi_label, thresholds, activation_ranges, int8_agreement, owner_role::pg_catalog.oid "
			  "FROM visclf.model WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model_id);
	if ((latest ? sql_read_latest(&sql) : sql_read(&sql)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model version %d does not exist or is not shared with you", model_id)));

	caller = MemoryContextSwitchTo(context);
	model = palloc0(sizeof(*model));
	model->model_id = model_id;
	model->name = result_string(0, 1);
	model->version = result_int(0, 2);
	model->owner = DatumGetObjectId(result_not_null(0, 15, OIDOID));
	model->architecture = result_string(0, 3);
	model->image_size = result_int(0, 5);
	model->classes = text_array_values(result_not_null(0, 7, TEXTARRAYOID), &model->class_count);
	three_reals(0, 8, model->mean);
	three_reals(0, 9, model->std);
	model->multi_label = result_bool(0, 11);
	read_thresholds(model, 12);
	if (!head_from_name(result_string(0, 4), &model->head) ||
		!vc_resize_from_name(result_string(0, 6), &model->resize))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model \"%s\" has an unknown head or resize", model->name)));
	dropout = result_text(0, 10);
	model_describe(model, dropout ? strtof(dropout, NULL) : 0.0f, context);
	read_ranges(model, 13);
	MemoryContextSwitchTo(caller);
	return model;
}

void
model_check_numbers(const Model *model, const float *values, int64 count)
{
	if (vc_first_not_finite(values, count) < count)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("weights of model \"%s\" version %d are damaged or too large: its output is not finite",
						model->name, model->version),
				 errhint("Train or import it again, or CALL visclf.activate to go back to another version.")));
}

void
model_probabilities(const Model *model, const float *logits, float *out)
{
	if (model->multi_label)
		vc_sigmoid(logits, model->class_count, out);
	else
		vc_softmax(logits, model->class_count, out);
}

int
model_labels(const Model *model, const float *probabilities, int *labels)
{
	int			count = 0;

	if (!model->multi_label)
	{
		labels[0] = vc_argmax(probabilities, model->class_count);
		return 1;
	}
	for (int i = 0; i < model->class_count; i++)
		if (probabilities[i] >= (model->thresholds ? model->thresholds[i] : 0.5f))
			labels[count++] = i;
	return count;
}

uint64
model_predicted(const Model *model, const float *logits, float *probabilities)
{
	int		   *labels = palloc(sizeof(int) * model->class_count);
	int			count;
	uint64		predicted;

	model_probabilities(model, logits, probabilities);
	count = model_labels(model, probabilities, labels);
	predicted = hash_bytes_extended((unsigned char *) labels, sizeof(int) * count, 0);
	pfree(labels);
	return predicted;
}

/*
 * import.c
 *		visclf.import_model: makes a version from a safetensors file.
 *
 * Values come from the call, else from the file's metadata, else from the
 * tensors (architecture, head, number of classes) or the architecture's
 * defaults (ImageNet's mean and standard deviation, 224 pixels).
 */
#include "extension/support/pgcompat.h"

#include <math.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/support/sql.h"
#include "extension/models/model_version.h"

#include "engine/weights/finite.h"
#include "engine/weights/json.h"
#include "engine/weights/names.h"
#include "engine/weights/safetensors.h"

PG_FUNCTION_INFO_V1(visclf_import_model);

/* Arguments of visclf.import_model. */
enum
{
	ARG_NAME,
	ARG_FILE,
	ARG_ARCHITECTURE,
	ARG_CLASSES,
	ARG_IMAGE_SIZE,
	ARG_RESIZE,
	ARG_MEAN,
	ARG_STD,
	ARG_MULTI_LABEL,
	ARG_THRESHOLDS
};

static void
release_file(void *file)
{
	vc_safetensors_free(file);
}

/* Opens the file. It is closed with the current memory context. */
static vc_safetensors *
open_file(bytea *data)
{
	vc_safetensors *file;
	vc_error	error;

	check_status(vc_safetensors_open((uint8_t *) VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data),
								 &file, &error), &error);
	release_with_context(CurrentMemoryContext, release_file, file);
	return file;
}

/* Returns the architecture of the tensors; throws if the call names another. */
static void
find_network(FunctionCallInfo fcinfo, const vc_safetensors *file, VersionRow *row)
{
	char	   *architecture = palloc(VC_NAME_SIZE);
	vc_error	error;

	check_status(vc_weights_describe(file, architecture, &row->head, &row->class_count, &error),
			 &error);
	if (!PG_ARGISNULL(ARG_ARCHITECTURE))
	{
		char	   *wanted = text_to_cstring(PG_GETARG_TEXT_PP(ARG_ARCHITECTURE));

		if (strcmp(wanted, architecture) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the tensors are those of a %s, not of a %s", architecture, wanted),
					 errhint("Leave the architecture out, or import another file.")));
	}
	row->architecture = architecture;
}

/* Returns a value of the file's metadata in the server's encoding, or NULL. */
static const char *
metadata(const vc_safetensors *file, const char *key)
{
	const char *value = vc_safetensors_metadata(file, key);

	return value ? pg_any_to_server(value, strlen(value), PG_UTF8) : NULL;
}

/* Says that what the file's metadata has of a name is not understood. */
static void
ignore_metadata(const char *key, const char *value)
{
	ereport(NOTICE,
			(errmsg("\"%s\" in the file's metadata is passed over: \"%s\"", key, value),
			 errhint("Give it in the call, if it matters: %s => ... .", key)));
}

/* One class of JSON: a string or a whole number, in the server's encoding; NULL where it is neither. */
static char *
json_class(vc_json *json)
{
	char	   *text = palloc((size_t) (json->end - json->next) + 1);
	size_t		length;
	int64_t		number;

	if (vc_json_string(json, text, &length))
		return pg_any_to_server(text, length, PG_UTF8);
	return vc_json_integer(json, &number) ? psprintf(INT64_FORMAT, (int64) number) : NULL;
}

/* Classes as a JSON array, or as an object by number, from "0"; 0 where it is neither. */
static int
json_classes(const char *value, char **classes, int most)
{
	vc_json		json = {(const uint8_t *) value, (const uint8_t *) value + strlen(value), NULL};
	bool		object = vc_json_take_if(&json, '{');
	char		close = object ? '}' : ']';
	int			count = 0;

	if (!object && !vc_json_take_if(&json, '['))
		return 0;
	do
	{
		char	   *key = object ? json_class(&json) : NULL;

		if (count == most || (object && (key == NULL || atoi(key) != count || !vc_json_take(&json, ':'))))
			return 0;
		classes[count] = json_class(&json);
		if (classes[count++] == NULL)
			return 0;
	} while (vc_json_take_if(&json, ','));
	return vc_json_take(&json, close) && vc_json_at_end(&json) ? count : 0;
}

/* Classes as words between commas. */
static int
comma_classes(const char *value, char **classes, int most)
{
	char	   *word = pg_any_to_server(pstrdup(value), strlen(value), PG_UTF8);
	int			count = 0;

	for (word = strtok(word, ","); word != NULL && count < most; word = strtok(NULL, ","))
	{
		char	   *end = word + strlen(word);

		word += strspn(word, " \t\r\n");
		while (end > word && strchr(" \t\r\n", end[-1]) != NULL)
			*--end = '\0';
		classes[count++] = word;
	}
	return count;
}

/* The classes of the file's metadata; false where there are none, or other than outputs in words between commas. */
static bool
metadata_classes(const vc_safetensors *file, VersionRow *row, int *count)
{
	const char *value = vc_safetensors_metadata(file, "classes");

	if (value == NULL)
		return false;
	row->classes = palloc(sizeof(char *) * VC_MAX_CLASSES);
	*count = json_classes(value, row->classes, VC_MAX_CLASSES);
	if (*count > 0)
		return true;
	*count = comma_classes(value, row->classes, VC_MAX_CLASSES);
	if (*count == row->class_count)
		return true;
	ignore_metadata("classes", metadata(file, "classes"));
	return false;
}

/* Sets the classes: the call's, else the file's, else numbers from 0. */
static void
find_classes(FunctionCallInfo fcinfo, const vc_safetensors *file, VersionRow *row)
{
	int			count = row->class_count;

	if (!PG_ARGISNULL(ARG_CLASSES))
		row->classes = text_array_values(PG_GETARG_DATUM(ARG_CLASSES), &count);
	else if (!metadata_classes(file, row, &count))
	{
		count = row->class_count;
		row->classes = palloc(sizeof(char *) * count);
		for (int i = 0; i < count; i++)
			row->classes[i] = psprintf("%d", i);
	}
	if (count != row->class_count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d classes are named, but the network has %d outputs",
						count, row->class_count),
				 errhint("Name one class for each output, in their order.")));
	for (int i = 0; i < count; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(row->classes[i], row->classes[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("class \"%s\" is specified more than once", row->classes[i])));
}

/* Numbers as "0.5", "[0.5, 0.5]" or "(0.5, 0.5)"; NULL where the text is none. */
static float *
parse_numbers(const char *text, int *count)
{
	static const char between[] = " \t\r\n,[]()";
	float	   *values = palloc(sizeof(float) * (strlen(text) + 1));
	const char *at;
	char	   *end;

	*count = 0;
	for (at = text + strspn(text, between); *at != '\0'; at = end + strspn(end, between))
	{
		values[(*count)++] = strtof(at, &end);
		if (end == at)
			return NULL;
	}
	return *count > 0 ? values : NULL;
}

/* Numbers in the file's metadata; NULL where there are none. */
static float *
metadata_numbers(const vc_safetensors *file, const char *key, int *count)
{
	const char *value = metadata(file, key);
	float	   *values = value != NULL ? parse_numbers(value, count) : NULL;

	if (value != NULL && values == NULL)
		ignore_metadata(key, value);
	return values;
}

/* The image size in the file's metadata: as 224, or the last of channels, height, width. */
static int
metadata_image_size(const char *value)
{
	int			count;
	const float *values = parse_numbers(value, &count);

	if (values == NULL || !(values[count - 1] >= 1 && values[count - 1] <= 1e6) || values[count - 1] != rintf(values[count - 1]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid integer for \"%s\" in the file's metadata: \"%s\"", "image_size", value),
				 errhint("Give the number in the call: image_size => ... .")));
	return (int) values[count - 1];
}

/* The call's numbers, or the file's, or NULL where there are none. */
static float *
find_numbers(FunctionCallInfo fcinfo, int arg, const vc_safetensors *file, const char *key,
			 int *count)
{
	return PG_ARGISNULL(arg) ? metadata_numbers(file, key, count) :
		float8_array_values(PG_GETARG_DATUM(arg), count);
}

/* Returns three numbers, by default ImageNet's. */
static void
find_three(FunctionCallInfo fcinfo, int arg, const vc_safetensors *file, const char *key,
		   const float *usual, float *values)
{
	int			count = 3;
	const float *found = find_numbers(fcinfo, arg, file, key, &count);

	if (found != NULL && count == 1)	/* of a network of grey images */
	{
		for (int i = 0; i < 3; i++)
			values[i] = found[0];
		return;
	}
	if (found != NULL && count != 3 && PG_ARGISNULL(arg))
	{
		ignore_metadata(key, metadata(file, key));
		found = NULL;
		count = 3;
	}
	if (count != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has %d numbers, not 3", key, count),
				 errhint("They are of red, green and blue, of pixels from 0 to 1.")));
	memcpy(values, found ? found : usual, sizeof(float) * 3);
}

/* Sets whether the model is multi-label, and its thresholds. */
static void
find_multi_label(FunctionCallInfo fcinfo, const vc_safetensors *file, VersionRow *row)
{
	const char *stored = metadata(file, "multi_label");
	int			count = row->class_count;

	if (!PG_ARGISNULL(ARG_MULTI_LABEL))
		row->multi_label = PG_GETARG_BOOL(ARG_MULTI_LABEL);
	else if (stored != NULL && !parse_bool(stored, &row->multi_label))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"multi_label\" in the file's metadata: \"%s\"", stored),
				 errhint("Pass multi_label => true or false.")));
	if (row->multi_label || !PG_ARGISNULL(ARG_THRESHOLDS))
		row->thresholds = find_numbers(fcinfo, ARG_THRESHOLDS, file, "thresholds", &count);
	if (row->thresholds && !row->multi_label)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("thresholds require a multi-label model"),
				 errhint("Pass multi_label => true, or leave the thresholds out.")));
	if (count != row->class_count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d thresholds are given for %d classes", count, row->class_count),
				 errhint("Give one for each class, in the order of the classes.")));
	for (int i = 0; row->thresholds && i < count; i++)
		if (!(row->thresholds[i] >= 0 && row->thresholds[i] <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("threshold %g of class \"%s\" is outside 0 to 1",
							row->thresholds[i], row->classes[i]),
					 errhint("A threshold is the least probability at which an image counts as having the class.")));
}

/* Takes the file's int8 calibration, unless the call changes what it depends on. */
static void
find_ranges(FunctionCallInfo fcinfo, const vc_safetensors *file, VersionRow *row)
{
	const char *agreement = metadata(file, "int8_agreement");

	if (agreement == NULL || !PG_ARGISNULL(ARG_IMAGE_SIZE) || !PG_ARGISNULL(ARG_RESIZE) ||
		!PG_ARGISNULL(ARG_MEAN) || !PG_ARGISNULL(ARG_STD) ||
		!PG_ARGISNULL(ARG_MULTI_LABEL) || !PG_ARGISNULL(ARG_THRESHOLDS))
		return;
	row->int8_agreement = strtof(agreement, NULL);
	row->ranges = metadata_numbers(file, "activation_ranges", &row->range_count);
	for (int i = 0; row->ranges && i < row->range_count; i++)
		if (!(row->ranges[i] >= 0 && isfinite(row->ranges[i])))
			row->ranges = NULL;
}

/* Sets how images become the network's input. */
static void
find_preprocessing(FunctionCallInfo fcinfo, const vc_safetensors *file, VersionRow *row)
{
	const char *size = metadata(file, "image_size");
	const char *resize = metadata(file, "resize");
	vc_resize	unused;

	row->image_size = strcmp(row->architecture, "resnet20") == 0 ? 32 : 224;
	if (!PG_ARGISNULL(ARG_IMAGE_SIZE))
		row->image_size = (int) Max(PG_INT32_MIN, Min(PG_GETARG_INT64(ARG_IMAGE_SIZE), PG_INT32_MAX));
	else if (size != NULL)
		row->image_size = metadata_image_size(size);
	if (resize != NULL && !vc_resize_from_name(resize, &unused) && PG_ARGISNULL(ARG_RESIZE))
	{
		ignore_metadata("resize", resize);
		resize = NULL;
	}
	row->resize = resize != NULL ? resize : "squish";
	if (!PG_ARGISNULL(ARG_RESIZE))
		row->resize = text_to_cstring(PG_GETARG_TEXT_PP(ARG_RESIZE));
	if (!vc_resize_from_name(row->resize, &unused))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown resize \"%s\"", row->resize),
				 errhint("Allowed: squish, crop, pad.")));
	find_three(fcinfo, ARG_MEAN, file, "mean", vc_imagenet_mean, row->mean);
	find_three(fcinfo, ARG_STD, file, "std", vc_imagenet_std, row->std);
}

/* Returns a tensor's values; throws if one is not finite. */
static bytea *
read_tensor(const vc_tensor *tensor, const vc_parameter *parameter)
{
	bytea	   *data = tensor_alloc(parameter);
	float	   *values = (float *) VARDATA(data);
	vc_error	error;

	if (vc_is_grey_stem(tensor, parameter))
	{
		float	   *grey = palloc(sizeof(float) * tensor->count);

		check_status(vc_safetensors_to_float(tensor, grey, &error), &error);
		vc_spread_grey_stem(grey, parameter, values);
		pfree(grey);
	}
	else
		check_status(vc_safetensors_to_float(tensor, values, &error), &error);
	if (vc_parameter_check(parameter, tensor->name, (float *) VARDATA(data), &error) != VC_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", error.message),
				 errhint("The training that made this file diverged, or the file is damaged: import one of an earlier epoch.")));
	return data;
}

/* Writes each parameter as a row, with one in memory at a time. */
static void
write_weights(const Model *model, const vc_safetensors *file)
{
	const vc_network *network = model->network;
	int		   *tensors = palloc(sizeof(int) * network->parameter_count);
	vc_error	error;

	check_status(vc_weights_match(file, network, tensors, &error), &error);
	for (int i = 0; i < network->parameter_count; i++)
	{
		bytea	   *data;

		if (tensors[i] < 0)
			continue;
		data = read_tensor(vc_safetensors_tensor(file, tensors[i]), &network->parameters[i]);
		weight_write(model, i, data);
		pfree(data);
	}
}

static Datum
empty_object(void)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
}

Datum
visclf_import_model(PG_FUNCTION_ARGS)
{
	VersionRow	row = {0};
	vc_safetensors *file;
	Model	   *model;
	int			model_id;

	if (PG_ARGISNULL(ARG_NAME) || PG_ARGISNULL(ARG_FILE))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name and the file must not be NULL")));
	PreventCommandIfReadOnly("visclf.import_model()");
	SPI_connect();
	row.name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_NAME));
	file = open_file(PG_GETARG_BYTEA_PP(ARG_FILE));
	find_network(fcinfo, file, &row);
	find_classes(fcinfo, file, &row);
	find_multi_label(fcinfo, file, &row);
	find_preprocessing(fcinfo, file, &row);
	find_ranges(fcinfo, file, &row);
	row.hyperparameters = empty_object();
	model = model_read(version_create(&row), true, CurrentMemoryContext);
	write_weights(model, file);
	version_ready(model, empty_object());
	model_id = model->model_id;
	SPI_finish();
	PG_RETURN_INT32(model_id);
}

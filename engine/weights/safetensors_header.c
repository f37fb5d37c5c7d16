/*
 * safetensors_header.c
 *		From the header's JSON to tensors.
 *
 * All strings are written without their escapes into one block of memory, as
 * long as the header.  It cannot overflow: the closing zero takes the place
 * of the quotes.
 */
#include "engine/weights/safetensors_header.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/weights/json.h"

#define MAX_ELEMENTS	(INT64_MAX / 64)	/* so that the number of bits fits int64 */

/* A header being read. */
typedef struct header_reader
{
	vc_safetensors *file;
	vc_json		json;
	const uint8_t *header;
	const uint8_t *data;
	size_t		data_size;
	char	   *strings;		/* free room in file->strings */
	const char *name;			/* the tensor being read, or NULL */
	vc_error   *error;
} header_reader;

static const struct
{
	const char *name;
	vc_dtype	dtype;
	int			bits;			/* of an element */
}			dtypes[] =
{
	{"F32", VC_DTYPE_F32, 32},
	{"F16", VC_DTYPE_F16, 16},
	{"BF16", VC_DTYPE_BF16, 16},
	{"F64", VC_DTYPE_F64, 64},
	{"BOOL", VC_DTYPE_OTHER, 8},
	{"U8", VC_DTYPE_OTHER, 8},
	{"I8", VC_DTYPE_OTHER, 8},
	{"I16", VC_DTYPE_OTHER, 16},
	{"U16", VC_DTYPE_OTHER, 16},
	{"I32", VC_DTYPE_OTHER, 32},
	{"U32", VC_DTYPE_OTHER, 32},
	{"I64", VC_DTYPE_OTHER, 64},
	{"U64", VC_DTYPE_OTHER, 64},
	{"C64", VC_DTYPE_OTHER, 64},
	{"F4", VC_DTYPE_OTHER, 4},
	{"F6_E2M3", VC_DTYPE_OTHER, 6},
	{"F6_E3M2", VC_DTYPE_OTHER, 6},
	{"F8_E4M3", VC_DTYPE_OTHER, 8},
	{"F8_E5M2", VC_DTYPE_OTHER, 8},
	{"F8_E8M0", VC_DTYPE_OTHER, 8},
	{"F8_E4M3FNUZ", VC_DTYPE_OTHER, 8},
	{"F8_E5M2FNUZ", VC_DTYPE_OTHER, 8},
};

#define DTYPES ((int) (sizeof(dtypes) / sizeof(dtypes[0])))

vc_status
vc_safetensors_fail(vc_error *error, vc_status code, const char *tensor, const char *fmt,...)
{
	char		shown[VC_SHOWN_SIZE];
	char		text[160];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (tensor == NULL)
		return vc_fail(error, code, "safetensors header: %s", text);
	return vc_fail(error, code, "safetensors tensor \"%s\": %s",
				   vc_show_name(tensor, shown), text);
}

/* Fails, and names what is being read. */
#define fail(r, code, ...) vc_safetensors_fail((r)->error, code, (r)->name, __VA_ARGS__)

static vc_status
fail_json(header_reader *r)
{
	return fail(r, VC_INVALID_ARGUMENT, "expected %s at byte %td",
				r->json.expected, r->json.next - r->header);
}

/* Makes room for one more element of an array; NULL and the error after a failure. */
static void *
grow_entries(header_reader *r, void *array, int count, int *room, size_t size)
{
	int			more = *room == 0 ? 16 : *room * 2;
	void	   *grown;

	if (count < *room)
		return array;
	grown = realloc(array, (size_t) more * size);
	if (grown == NULL)
		vc_no_memory(r->error, (size_t) more * size);
	else
		*room = more;
	return grown;
}

/* Reads a string into the file's strings; it stays if `keep`. */
static const char *
read_string(header_reader *r, bool keep)
{
	char	   *string = r->strings;
	size_t		length;

	if (!vc_json_string(&r->json, string, &length))
		return NULL;
	if (keep)
		r->strings += length + 1;
	return string;
}

static vc_status
read_metadata(header_reader *r)
{
	vc_safetensors *file = r->file;
	vc_json    *json = &r->json;

	if (file->metadata != NULL)
		return fail(r, VC_INVALID_ARGUMENT, "\"__metadata__\" appears more than once");
	if (!vc_json_take(json, '{'))
		return fail_json(r);
	do
	{
		vc_metadata_entry *entries = grow_entries(r, file->metadata, file->metadata_count,
										  &file->metadata_room, sizeof(*entries));
		vc_metadata_entry *entry;

		if (entries == NULL)
			return VC_OUT_OF_MEMORY;
		file->metadata = entries;
		if (file->metadata_count == 0 && vc_json_take_if(json, '}'))
			return VC_OK;
		entry = &entries[file->metadata_count];
		if ((entry->key = read_string(r, true)) == NULL ||
			!vc_json_take(json, ':') ||
			(entry->value = read_string(r, true)) == NULL)
			return fail_json(r);
		file->metadata_count++;
	} while (vc_json_take_if(json, ','));
	return vc_json_take(json, '}') ? VC_OK : fail_json(r);
}

/* Reads a list of integers, at most max. */
static vc_status
read_integers(header_reader *r, const char *field, int max, int64_t *values, int *count)
{
	*count = 0;
	if (!vc_json_take(&r->json, '['))
		return fail_json(r);
	if (vc_json_take_if(&r->json, ']'))
		return VC_OK;
	do
	{
		if (*count == max)
			return fail(r, VC_UNSUPPORTED, "%s has more than %d numbers", field, max);
		if (!vc_json_integer(&r->json, &values[(*count)++]))
			return fail_json(r);
	} while (vc_json_take_if(&r->json, ','));
	return vc_json_take(&r->json, ']') ? VC_OK : fail_json(r);
}

static vc_status
read_dtype(header_reader *r, int *dtype)
{
	const char *name = read_string(r, false);
	char		shown[VC_SHOWN_SIZE];

	if (name == NULL)
		return fail_json(r);
	for (*dtype = 0; *dtype < DTYPES; (*dtype)++)
		if (strcmp(dtypes[*dtype].name, name) == 0)
			return VC_OK;
	return fail(r, VC_INVALID_ARGUMENT, "unknown dtype \"%s\"", vc_show_name(name, shown));
}

static vc_status
read_offsets(header_reader *r, int64_t offsets[2])
{
	int			count;
	int64_t		values[3] = {0, 0, 0};
	vc_status	status = read_integers(r, "data_offsets", 3, values, &count);

	if (status == VC_OK && count != 2)
		status = VC_UNSUPPORTED;
	if (status == VC_UNSUPPORTED)
		return fail(r, VC_INVALID_ARGUMENT, "data_offsets are not two numbers");
	memcpy(offsets, values, 2 * sizeof(*offsets));
	return status;
}

/* Reads the fields of a tensor: dtype, shape and data_offsets, once each. */
static vc_status
read_fields(header_reader *r, int *dtype, vc_tensor *tensor, int64_t offsets[2])
{
	static const char *const names[3] = {"dtype", "shape", "data_offsets"};
	bool		seen[3] = {false, false, false};
	vc_status	status = VC_OK;

	if (!vc_json_take(&r->json, '{'))
		return fail_json(r);
	do
	{
		const char *field = read_string(r, false);
		char		shown[VC_SHOWN_SIZE];
		int			f = 0;

		if (field == NULL)
			return fail_json(r);
		while (f < 3 && strcmp(field, names[f]) != 0)
			f++;
		if (f == 3)
			return fail(r, VC_INVALID_ARGUMENT, "unknown field \"%s\"",
						vc_show_name(field, shown));
		if (seen[f])
			return fail(r, VC_INVALID_ARGUMENT, "%s appears more than once", names[f]);
		seen[f] = true;
		if (!vc_json_take(&r->json, ':'))
			return fail_json(r);
		status = f == 0 ? read_dtype(r, dtype) :
			f == 1 ? read_integers(r, "shape", VC_TENSOR_DIMENSIONS,
								   tensor->shape, &tensor->ndim) :
			read_offsets(r, offsets);
	} while (status == VC_OK && vc_json_take_if(&r->json, ','));
	if (status != VC_OK)
		return status;
	if (!vc_json_take(&r->json, '}'))
		return fail_json(r);
	for (int f = 0; f < 3; f++)
		if (!seen[f])
			return fail(r, VC_INVALID_ARGUMENT, "%s is missing", names[f]);
	return VC_OK;
}

/* Checks dtype, shape and offsets against each other and the file. */
static vc_status
place_tensor(header_reader *r, int dtype, const int64_t offsets[2], vc_tensor *tensor)
{
	int64_t		bits;

	tensor->count = 1;
	for (int i = 0; i < tensor->ndim; i++)
	{
		if (tensor->shape[i] != 0 && tensor->count > MAX_ELEMENTS / tensor->shape[i])
			return fail(r, VC_INVALID_ARGUMENT, "its shape has more than %lld elements",
						(long long) MAX_ELEMENTS);
		tensor->count *= tensor->shape[i];
	}
	bits = tensor->count * dtypes[dtype].bits;
	if (bits % 8 != 0)
		return fail(r, VC_INVALID_ARGUMENT, "%lld elements of %s do not fill whole bytes",
					(long long) tensor->count, dtypes[dtype].name);
	if (offsets[0] > offsets[1])
		return fail(r, VC_INVALID_ARGUMENT, "data_offsets end at %lld, before they begin at %lld",
					(long long) offsets[1], (long long) offsets[0]);
	if ((uint64_t) offsets[1] > r->data_size)
		return fail(r, VC_INVALID_ARGUMENT, "data_offsets end at %lld, but the file has %zu bytes of data",
					(long long) offsets[1], r->data_size);
	if (offsets[1] - offsets[0] != bits / 8)
		return fail(r, VC_INVALID_ARGUMENT, "dtype and shape take %lld bytes, data_offsets span %lld",
					(long long) (bits / 8), (long long) (offsets[1] - offsets[0]));
	tensor->dtype = dtypes[dtype].dtype;
	tensor->dtype_name = dtypes[dtype].name;
	tensor->data = r->data + offsets[0];
	tensor->size = (size_t) (bits / 8);
	return VC_OK;
}

static vc_status
read_tensor(header_reader *r)
{
	vc_safetensors *file = r->file;
	vc_tensor  *tensors = grow_entries(r, file->tensors, file->tensor_count, &file->tensor_room,
							   sizeof(*tensors));
	vc_tensor  *tensor;
	int			dtype = 0;
	int64_t		offsets[2] = {0, 0};
	vc_status	status;

	if (tensors == NULL)
		return VC_OUT_OF_MEMORY;
	file->tensors = tensors;
	tensor = &tensors[file->tensor_count];
	memset(tensor, 0, sizeof(*tensor));
	tensor->name = r->name;
	status = read_fields(r, &dtype, tensor, offsets);
	if (status == VC_OK)
		status = place_tensor(r, dtype, offsets, tensor);
	file->tensor_count++;
	return status;
}

static vc_status
read_entries(header_reader *r)
{
	vc_status	status = VC_OK;

	if (!vc_json_take(&r->json, '{'))
		return fail_json(r);
	if (vc_json_take_if(&r->json, '}'))
		return vc_json_at_end(&r->json) ? VC_OK : fail_json(r);
	do
	{
		const char *name = read_string(r, true);

		if (name == NULL || !vc_json_take(&r->json, ':'))
			return fail_json(r);
		if (strcmp(name, "__metadata__") == 0)
			status = read_metadata(r);
		else
		{
			r->name = name;
			status = read_tensor(r);
			r->name = NULL;
		}
	} while (status == VC_OK && vc_json_take_if(&r->json, ','));
	if (status != VC_OK)
		return status;
	return vc_json_take(&r->json, '}') && vc_json_at_end(&r->json) ? VC_OK : fail_json(r);
}

vc_status
vc_safetensors_read_header(vc_safetensors *file, const uint8_t *header, size_t header_size,
						   size_t data_size, vc_error *error)
{
	header_reader r = {
		.file = file,
		.json = {.next = header,.end = header + header_size},
		.header = header,
		.data = header + header_size,
		.data_size = data_size,
		.error = error
	};

	r.strings = file->strings = malloc(header_size);
	if (r.strings == NULL)
		return vc_no_memory(error, header_size);
	return read_entries(&r);
}

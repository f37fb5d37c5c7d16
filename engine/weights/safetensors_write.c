/*
 * safetensors_write.c
 *		Writing a safetensors file's header.
 *
 * The header is produced twice by the same code: once to count its bytes,
 * once to write them.
 */
#include "engine/weights/safetensors.h"

#include <stdio.h>
#include <string.h>

#include "engine/weights/json.h"

#define LENGTH_SIZE		8
#define ALIGNMENT		8		/* of the data within the file */

/* Where text goes; out is NULL while it is only counted. */
typedef struct sink
{
	char	   *out;
	size_t		size;
} sink;

static void
put(sink *s, const char *text)
{
	size_t		length = strlen(text);

	if (s->out != NULL)
		memcpy(s->out + s->size, text, length);
	s->size += length;
}

static void
put_string(sink *s, const char *text)
{
	s->size += vc_json_quote(text, s->out == NULL ? NULL : s->out + s->size);
}

static void
put_number(sink *s, unsigned long long number)
{
	char		text[24];

	snprintf(text, sizeof(text), "%llu", number);
	put(s, text);
}

static void
put_metadata(sink *s, const vc_safetensors_layout *layout)
{
	put(s, "\"__metadata__\":{");
	for (int i = 0; i < layout->metadata_count; i++)
	{
		put(s, i == 0 ? "" : ",");
		put_string(s, layout->metadata[i].key);
		put(s, ":");
		put_string(s, layout->metadata[i].value);
	}
	put(s, "}");
}

/* Writes one tensor, whose data are at `begin` after the header. */
static void
put_tensor(sink *s, const vc_tensor_entry *tensor, size_t begin)
{
	put_string(s, tensor->name);
	put(s, ":{\"dtype\":\"F32\",\"shape\":[");
	for (int i = 0; i < tensor->ndim; i++)
	{
		put(s, i == 0 ? "" : ",");
		put_number(s, (unsigned long long) tensor->shape[i]);
	}
	put(s, "],\"data_offsets\":[");
	put_number(s, begin);
	put(s, ",");
	put_number(s, begin + tensor->size);
	put(s, "]}");
}

/* Writes the header and the spaces that align the data. */
static void
put_header(sink *s, const vc_safetensors_layout *layout)
{
	size_t		begin = 0;

	put(s, "{");
	if (layout->metadata_count > 0)
		put_metadata(s, layout);
	for (int i = 0; i < layout->tensor_count; i++)
	{
		put(s, i == 0 && layout->metadata_count == 0 ? "" : ",");
		put_tensor(s, &layout->tensors[i], begin);
		begin += layout->tensors[i].size;
	}
	put(s, "}");
	while (s->size % ALIGNMENT != 0)
		put(s, " ");
}

static vc_status
check_text(const char *text, const char *what, vc_error *error)
{
	if (!vc_utf8_valid((const uint8_t *) text, strlen(text)))
		return vc_fail(error, VC_INVALID_ARGUMENT, "%s for a safetensors file is not valid UTF-8", what);
	return VC_OK;
}

/* Checks a tensor's name and shape; computes its bytes. */
static vc_status
measure(vc_tensor_entry *tensor, vc_error *error)
{
	char		shown[VC_SHOWN_SIZE];
	size_t		most = INT64_MAX / 64;

	if (check_text(tensor->name, "a tensor's name", error) != VC_OK)
		return VC_INVALID_ARGUMENT;
	vc_show_name(tensor->name, shown);
	if (strcmp(tensor->name, "__metadata__") == 0)
		return vc_fail(error, VC_INVALID_ARGUMENT, "a tensor cannot be called \"%s\"", shown);
	tensor->size = sizeof(float);
	for (int i = 0; i < tensor->ndim; i++)
	{
		if (tensor->shape[i] < 0 ||
			(tensor->shape[i] > 0 && tensor->size > most / (size_t) tensor->shape[i]))
			return vc_fail(error, VC_INVALID_ARGUMENT, "tensor \"%s\" cannot have dimension %d",
						   shown, tensor->shape[i]);
		tensor->size *= (size_t) tensor->shape[i];
	}
	return VC_OK;
}

vc_status
vc_safetensors_lay_out(vc_safetensors_layout *layout, vc_error *error)
{
	sink		counter = {NULL, 0};
	vc_status	status = VC_OK;

	for (int i = 0; i < layout->metadata_count && status == VC_OK; i++)
	{
		status = check_text(layout->metadata[i].key, "a metadata key", error);
		if (status == VC_OK)
			status = check_text(layout->metadata[i].value, "a metadata value", error);
	}
	for (int i = 0; i < layout->tensor_count && status == VC_OK; i++)
		status = measure(&layout->tensors[i], error);
	if (status != VC_OK)
		return status;

	put_header(&counter, layout);
	if (counter.size > VC_SAFETENSORS_MAX_HEADER)
		return vc_fail(error, VC_LIMIT_EXCEEDED, "safetensors header of %zu bytes is over %d",
					   counter.size, VC_SAFETENSORS_MAX_HEADER);
	layout->header_size = layout->file_size = LENGTH_SIZE + counter.size;
	for (int i = 0; i < layout->tensor_count; i++)
	{
		layout->tensors[i].offset = layout->file_size;
		layout->file_size += layout->tensors[i].size;
	}
	return VC_OK;
}

void
vc_safetensors_write_header(const vc_safetensors_layout *layout, uint8_t *out)
{
	sink		writer = {(char *) out + LENGTH_SIZE, 0};

	put_header(&writer, layout);
	for (int i = 0; i < LENGTH_SIZE; i++)
		out[i] = (uint8_t) ((uint64_t) writer.size >> (8 * i));
}

/*
 * fuzz_safetensors.c
 *		libFuzzer's entry to weights files: any bytes give tensors or a message.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/weights/json.h"
#include "engine/weights/names.h"

#define MAX_VALUES	4096

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A failure says why, in one line of UTF-8. */
static void
check(vc_status status, const vc_error *error)
{
	if (status != VC_OK &&
		(error->code != status || error->message[0] == '\0' ||
		 strchr(error->message, '\n') != NULL ||
		 !vc_utf8_valid((const uint8_t *) error->message, strlen(error->message))))
		abort();
}

/* Tensors are found by name, lie in the file, and have values or a message. */
static void
try_tensors(const vc_safetensors *file, const uint8_t *data, size_t size)
{
	static float values[MAX_VALUES];
	size_t		total = 0;

	for (int i = 0; i < vc_safetensors_count(file); i++)
	{
		const vc_tensor *tensor = vc_safetensors_tensor(file, i);
		vc_error	error = {0};

		if (vc_safetensors_find(file, tensor->name) != tensor ||
			tensor->data < data || tensor->data + tensor->size > data + size)
			abort();
		total += tensor->size;
		if (tensor->count <= MAX_VALUES)
			check(vc_safetensors_to_float(tensor, values, &error), &error);
	}
	if (total > size)
		abort();
	vc_safetensors_metadata(file, "format");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	vc_safetensors *file;
	char		architecture[VC_NAME_SIZE];
	vc_head		head;
	int			classes;
	vc_error	error = {0};
	vc_status	status = vc_safetensors_open(data, size, &file, &error);

	check(status, &error);
	if (status != VC_OK)
		return 0;
	try_tensors(file, data, size);
	memset(&error, 0, sizeof(error));
	check(vc_weights_describe(file, architecture, &head, &classes, &error), &error);
	vc_safetensors_free(file);
	return 0;
}

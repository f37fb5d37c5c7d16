/*
 * safetensors.c
 *		Opens a safetensors file, which may be malicious.
 *
 * Tensors are sorted by place, to refuse holes and overlaps, and by name, to
 * find them and to refuse duplicates.  So no file takes more than n log n
 * steps.
 */
#include "engine/weights/safetensors_header.h"

#include <stdlib.h>
#include <string.h>

#include "engine/weights/json.h"

#define LENGTH_SIZE		8		/* of the header's length */

static int
compare_names(const void *a, const void *b)
{
	return strcmp((*(const vc_tensor *const *) a)->name, (*(const vc_tensor *const *) b)->name);
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(((const vc_metadata_entry *) a)->key, ((const vc_metadata_entry *) b)->key);
}

/* By place in the file; an empty tensor comes before the one at its place. */
static int
compare_places(const void *a, const void *b)
{
	const vc_tensor *left = *(const vc_tensor *const *) a;
	const vc_tensor *right = *(const vc_tensor *const *) b;

	if (left->data != right->data)
		return left->data < right->data ? -1 : 1;
	return (left->size > right->size) - (left->size < right->size);
}

/* Checks that the tensors, sorted by place, fill the data without gaps. */
static vc_status
check_places(const vc_tensor **sorted, int count, const uint8_t *data, size_t size,
			 vc_error *error)
{
	const uint8_t *expected = data;

	for (int i = 0; i < count; i++)
	{
		const vc_tensor *tensor = sorted[i];

		if (tensor->data < expected)
			return vc_safetensors_fail(error, VC_INVALID_ARGUMENT, tensor->name,
									   "its data overlap another tensor's by %td bytes",
									   expected - tensor->data);
		if (tensor->data > expected)
			return vc_safetensors_fail(error, VC_INVALID_ARGUMENT, tensor->name,
									   "%td bytes before its data belong to no tensor",
									   tensor->data - expected);
		expected += tensor->size;
	}
	if (expected != data + size)
		return vc_safetensors_fail(error, VC_INVALID_ARGUMENT, NULL,
								   "the file's last %td bytes belong to no tensor",
								   data + size - expected);
	return VC_OK;
}

/* Sorts the tensors by name; no two may share one or their place. */
static vc_status
index_tensors(vc_safetensors *file, const uint8_t *data, size_t size, vc_error *error)
{
	size_t		count = (size_t) file->tensor_count;
	const vc_tensor **sorted = malloc((count + 1) * sizeof(*sorted));
	vc_status	status;

	if (sorted == NULL)
		return vc_no_memory(error, (count + 1) * sizeof(*sorted));
	file->by_name = sorted;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &file->tensors[i];
	qsort(sorted, count, sizeof(*sorted), compare_places);
	status = check_places(sorted, file->tensor_count, data, size, error);
	qsort(sorted, count, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < count; i++)
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
			return vc_safetensors_fail(error, VC_INVALID_ARGUMENT, sorted[i]->name,
									   "appears more than once");
	return status;
}

/* Sorts the metadata by key; no two may share one. */
static vc_status
index_metadata(vc_safetensors *file, vc_error *error)
{
	vc_metadata_entry *entries = file->metadata;

	if (file->metadata_count > 0)
		qsort(entries, (size_t) file->metadata_count, sizeof(*entries), compare_keys);
	for (int i = 1; i < file->metadata_count; i++)
	{
		char		shown[VC_SHOWN_SIZE];

		if (strcmp(entries[i - 1].key, entries[i].key) == 0)
			return vc_safetensors_fail(error, VC_INVALID_ARGUMENT, NULL,
									   "metadata \"%s\" appears more than once",
									   vc_show_name(entries[i].key, shown));
	}
	return VC_OK;
}

/* How files begin that people take for weights, and what to do with them. */
static const struct
{
	const char *bytes;
	size_t		length;
	const char *kind;
	const char *hint;
}			other_kinds[] = {
#define KIND(bytes, kind, hint) {bytes, sizeof(bytes) - 1, kind, hint}
	KIND("version https://git-lfs", "a Git LFS pointer", "Get the file itself: git lfs pull, or the download link of its page."),
	KIND("{", "a text in JSON, as the index of weights in several files is", "Import a file that has all tensors: save the model again in one, as model.safetensors."),
	KIND("<", "a web page (HTML)", "Get the file itself: the page's download link."),
	KIND("PK\003\004", "a file of torch.save", NULL),
	KIND("\200\002", "a pickle, as older versions of torch.save write it", NULL),
	KIND("\211HDF", "an HDF5 file, as Keras writes it", NULL),
	KIND("GGUF", "a GGUF file", NULL),
	KIND("\037\213", "compressed by gzip", "Unpack it first."),
#undef KIND
};

/* Says what a file is that is none of safetensors; false where it is not known. */
static bool
fail_other_kind(const uint8_t *data, size_t size, vc_error *error)
{
	size_t		skip = 0;

	while (skip < size && skip < 64 && (data[skip] == ' ' || (data[skip] >= '\t' && data[skip] <= '\r')))
		skip++;
	for (size_t i = 0; i < sizeof(other_kinds) / sizeof(other_kinds[0]); i++)
	{
		if (size - skip < other_kinds[i].length || memcmp(data + skip, other_kinds[i].bytes, other_kinds[i].length) != 0)
			continue;
		vc_fail(error, VC_INVALID_ARGUMENT, "the file is %s, not a safetensors file", other_kinds[i].kind);
		vc_hint(error, VC_INVALID_ARGUMENT, "%s", other_kinds[i].hint != NULL ? other_kinds[i].hint :
				"PyTorch saves such a file with safetensors.torch.save_file(model.state_dict(), path).");
		return true;
	}
	return false;
}

/* Finds the header in the file; fails if it is not a safetensors file. */
static vc_status
find_header(const uint8_t *data, size_t size, size_t *header_size, vc_error *error)
{
	uint64_t	length = 0;

	for (int i = LENGTH_SIZE; i-- > 0 && size >= LENGTH_SIZE;)
		length = length << 8 | data[i];
	if ((size < LENGTH_SIZE || length > size - LENGTH_SIZE) && fail_other_kind(data, size, error))
		return VC_INVALID_ARGUMENT;
	if (size < LENGTH_SIZE)
		vc_fail(error, VC_INVALID_ARGUMENT, "safetensors file has %zu bytes, at least %d are needed",
				size, LENGTH_SIZE);
	else
	{
		*header_size = (size_t) length;
		if (length > size - LENGTH_SIZE)
			vc_fail(error, VC_INVALID_ARGUMENT, "safetensors header of %llu bytes does not fit a file of %zu",
					(unsigned long long) length, size);
		else if (length > VC_SAFETENSORS_MAX_HEADER)
			vc_fail(error, VC_INVALID_ARGUMENT, "safetensors header of %llu bytes is over %d",
					(unsigned long long) length, VC_SAFETENSORS_MAX_HEADER);
		else if (length == 0 || data[LENGTH_SIZE] != '{')
			vc_fail(error, VC_INVALID_ARGUMENT, "safetensors header does not begin with \"{\"");
		else if (!vc_utf8_valid(data + LENGTH_SIZE, *header_size))
			vc_fail(error, VC_INVALID_ARGUMENT, "safetensors header is not valid UTF-8");
		else
			return VC_OK;
	}
	return vc_hint(error, VC_INVALID_ARGUMENT,
				   "PyTorch saves such a file with safetensors.torch.save_file(model.state_dict(), path).");
}

vc_status
vc_safetensors_open(const uint8_t *data, size_t size, vc_safetensors **file, vc_error *error)
{
	size_t		header_size = 0;
	const uint8_t *header,
			   *tensors;
	vc_safetensors *opened;
	vc_status	status = find_header(data, size, &header_size, error);

	if (status != VC_OK)
		return status;
	header = data + LENGTH_SIZE;
	tensors = header + header_size;
	size -= LENGTH_SIZE + header_size;
	opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return vc_no_memory(error, sizeof(*opened));
	status = vc_safetensors_read_header(opened, header, header_size, size, error);
	if (status == VC_OK)
		status = index_tensors(opened, tensors, size, error);
	if (status == VC_OK)
		status = index_metadata(opened, error);
	if (status == VC_OK)
		*file = opened;
	else
		vc_safetensors_free(opened);
	return status;
}

void
vc_safetensors_free(vc_safetensors *file)
{
	if (file == NULL)
		return;
	free(file->strings);
	free(file->tensors);
	free(file->by_name);
	free(file->metadata);
	free(file);
}

int
vc_safetensors_count(const vc_safetensors *file)
{
	return file->tensor_count;
}

const vc_tensor *
vc_safetensors_tensor(const vc_safetensors *file, int index)
{
	return &file->tensors[index];
}

const vc_tensor *
vc_safetensors_find(const vc_safetensors *file, const char *name)
{
	vc_tensor	key = {.name = name};
	const vc_tensor *wanted = &key;
	const vc_tensor **found = bsearch(&wanted, file->by_name, (size_t) file->tensor_count,
									  sizeof(*file->by_name), compare_names);

	return found == NULL ? NULL : *found;
}

const char *
vc_safetensors_metadata(const vc_safetensors *file, const char *key)
{
	vc_metadata_entry wanted = {.key = key};
	const vc_metadata_entry *found = NULL;

	if (file->metadata_count > 0)
		found = bsearch(&wanted, file->metadata, (size_t) file->metadata_count,
						sizeof(*file->metadata), compare_keys);
	return found == NULL ? NULL : found->value;
}

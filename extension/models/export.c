/*
 * export.c
 *		visclf.export_model: writes a version as a safetensors file.
 *
 * Tensors have torchvision's names. The metadata has everything that
 * import_model needs to make the same model.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/models/model.h"
#include "extension/support/sql.h"

#include "engine/weights/safetensors.h"

PG_FUNCTION_INFO_V1(visclf_export_model);

#define METADATA 12

/* A file and the place of each parameter's numbers in it. */
typedef struct Export
{
	vc_tensor_entry *entries;
	int		   *places;			/* index of each parameter's entry */
	char	   *file;
} Export;

/*
 * Converts a string to UTF-8. SQL_ASCII does not tell an encoding: bytes that
 * are not UTF-8 are taken for Latin-1.
 */
static const char *
utf8(char *string)
{
	int			length = strlen(string);

	if (GetDatabaseEncoding() != PG_SQL_ASCII || pg_verify_mbstr(PG_UTF8, string, length, true))
		return pg_server_to_any(string, length, PG_UTF8);
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("labels that are not UTF-8 are exported as if they were Latin-1"),
			 errhint("If they are in another encoding, pass the names: import_model(..., classes => '{...}').")));
	return (const char *) pg_do_encoding_conversion((unsigned char *) string, length, PG_LATIN1, PG_UTF8);
}

/* Fills the file's metadata from the model's row; returns the number of entries. */
static int
fill_metadata(const Model *model, vc_metadata_entry *metadata)
{
	static const char *const keys[METADATA] = {
		"format", "architecture", "head", "image_size", "resize", "mean", "std", "classes",
		"multi_label", "thresholds", "activation_ranges", "int8_agreement"
	};
	int			count = 0;
	Sql			sql;

	sql_begin(&sql,
			  "SELECT 'pt', architecture, head, image_size, resize, "
			  "pg_catalog.to_jsonb(mean), pg_catalog.to_jsonb(std), "
			  "pg_catalog.to_jsonb(classes), pg_catalog.to_jsonb(multi_label), "
			  "pg_catalog.to_jsonb(thresholds), pg_catalog.to_jsonb(activation_ranges), "
			  "int8_agreement "
			  "FROM visclf.model WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, model->model_id);
	sql_read(&sql);
	for (int i = 0; i < METADATA; i++)
	{
		char	   *value = result_text(0, i + 1);

		if (value == NULL)
			continue;
		metadata[count].key = keys[i];
		metadata[count++].value = utf8(value);
	}
	return count;
}

static void
copy_weight(int index, const float *data, void *argument)
{
	const Export *export = argument;
	const vc_tensor_entry *entry = &export->entries[export->places[index]];

	memcpy(export->file + entry->offset, data, entry->size);
}

/* Lists the model's stored parameters as the file's tensors. */
static int
list_tensors(const vc_network *network, Export *export)
{
	int			count = 0;

	export->entries = palloc0(sizeof(vc_tensor_entry) * network->parameter_count);
	export->places = palloc0(sizeof(int) * network->parameter_count);
	for (int i = 0; i < network->parameter_count; i++)
	{
		const vc_parameter *p = &network->parameters[i];

		if (!vc_parameter_stored(p))
			continue;
		export->places[i] = count;
		export->entries[count].name = p->name;
		export->entries[count].ndim = p->ndim;
		export->entries[count].shape = p->shape;
		count++;
	}
	return count;
}

Datum
visclf_export_model(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	ModelKey	key = model_find_active(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	vc_metadata_entry metadata[METADATA];
	vc_safetensors_layout layout = {0};
	Export		export;
	Model	   *model;
	bytea	   *result;
	vc_error	error;

	SPI_connect();
	model = model_read(key.model_id, false, CurrentMemoryContext);
	layout.metadata_count = fill_metadata(model, metadata);
	layout.tensor_count = list_tensors(model->network, &export);
	layout.tensors = export.entries;
	layout.metadata = metadata;
	check_status(vc_safetensors_lay_out(&layout, &error), &error);
	if (!AllocSizeIsValid(layout.file_size + VARHDRSZ))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the file would have %zu bytes, more than a bytea holds", layout.file_size)));
	result = MemoryContextAlloc(caller, layout.file_size + VARHDRSZ);
	SET_VARSIZE(result, layout.file_size + VARHDRSZ);
	export.file = VARDATA(result);
	vc_safetensors_write_header(&layout, (uint8_t *) export.file);
	weights_each(model, copy_weight, &export);
	SPI_finish();
	PG_RETURN_BYTEA_P(result);
}

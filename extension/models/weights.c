/*
 * weights.c
 *		Moves tensors between rows and plans.
 *
 * One tensor is in memory at a time. Numbers are stored as little endian
 * float32, the native format of every machine that visclf supports.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/models/model.h"
#include "extension/support/sql.h"

#include "engine/weights/finite.h"

#ifdef WORDS_BIGENDIAN
#error "tensors are stored little endian; this machine would need to swap them"
#endif

#define TENSORS_PER_FETCH 8

static void
throw_corrupt(const Model *model, const char *tensor, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("tensor \"%s\" of model \"%s\" version %d %s",
					tensor, model->name, model->version, what),
			 errhint("Restore the rows of visclf.weight, or train the model again.")));
}

static void
throw_damaged(const Model *model, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("weights of model \"%s\" version %d are damaged: %s", model->name, model->version, what),
			 errhint("Restore its rows of visclf.weight, or train the model again.")));
}

/* Returns the numbers of a bytea column; throws unless their count is the parameter's. */
static bytea *
tensor_data(const Model *model, const vc_parameter *parameter, int row, int column)
{
	bytea	   *data = DatumGetByteaP(result_not_null(row, column, BYTEAOID));
	size_t		size = VARSIZE(data) - VARHDRSZ;
	size_t		expected = parameter->count * sizeof(float);

	if (size != expected)
		throw_corrupt(model, parameter->name,
					  psprintf("has %zu bytes, not %zu", size, expected));
	return data;
}

/* Returns true if an int[] column equals the parameter's shape. */
static bool
shape_matches(const vc_parameter *parameter, int row, int column)
{
	ArrayType  *array = DatumGetArrayTypeP(result_not_null(row, column, INT4ARRAYOID));
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	return count == parameter->ndim && !ARR_HASNULL(array) &&
		memcmp(ARR_DATA_PTR(array), parameter->shape, sizeof(int) * count) == 0;
}

typedef void (*row_function) (const Model *model, int index, int row, void *argument);

/*
 * Calls use() for each row of a query whose first column names a tensor of the
 * model. Every wanted parameter must appear exactly once.
 */
static void
read_tensors(const Model *model, const char *command,
			 bool (*wanted) (const vc_parameter *), row_function use, void *argument)
{
	const vc_network *network = model->network;
	bool	   *seen = palloc0(sizeof(bool) * network->parameter_count);
	MemoryContext one = AllocSetContextCreate(CurrentMemoryContext, "visclf tensor",
											  ALLOCSET_DEFAULT_SIZES);
	Sql			sql;
	Portal		cursor;
	uint64		rows;

	sql_begin(&sql, command);
	sql_int(&sql, model->model_id);
	cursor = sql_open(&sql, true);
	while ((rows = sql_fetch(cursor, TENSORS_PER_FETCH)) > 0)
	{
		for (uint64 row = 0; row < rows; row++)
		{
			MemoryContext caller = MemoryContextSwitchTo(one);
			char	   *name = result_string(row, 1);
			int			index = vc_network_find(network, name);

			if (index < 0 || !wanted(&network->parameters[index]))
				throw_corrupt(model, name, "does not belong to its architecture");
			use(model, index, row, argument);
			seen[index] = true;
			MemoryContextSwitchTo(caller);
			MemoryContextReset(one);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(cursor);
	for (int i = 0; i < network->parameter_count; i++)
		if (wanted(&network->parameters[i]) && !seen[i])
			throw_corrupt(model, network->parameters[i].name, "is missing");
	MemoryContextDelete(one);
	pfree(seen);
}

/* The function that weights_each calls. */
typedef struct WeightUse
{
	weight_function use;
	void	   *argument;
} WeightUse;

static void
use_weight(const Model *model, int index, int row, void *argument)
{
	const vc_parameter *parameter = &model->network->parameters[index];
	const WeightUse *use = argument;
	const float *data;
	vc_error	error;

	if (!shape_matches(parameter, row, 2))
		throw_corrupt(model, parameter->name, "has another shape than its architecture");
	data = (float *) VARDATA(tensor_data(model, parameter, row, 3));
	if (vc_parameter_check(parameter, parameter->name, data, &error) != VC_OK)
		throw_damaged(model, error.message);
	use->use(index, data, use->argument);
}

void
weights_each(const Model *model, weight_function use, void *argument)
{
	WeightUse	call = {use, argument};

	read_tensors(model,
				 "SELECT name, shape, data FROM visclf.weight "
				 "WHERE model_id OPERATOR(pg_catalog.=) $1",
				 vc_parameter_stored, use_weight, &call);
}

/* A plan that receives its parameters from rows. */
typedef struct PlanToSet
{
	const vc_device_api *api;
	vc_plan    *plan;
} PlanToSet;

static void
set_weight(int index, const float *data, void *argument)
{
	const PlanToSet *target = argument;
	vc_error	error;

	check_status(target->api->set_parameter(target->plan, index, data, &error), &error);
}

void
weights_read(const Model *model, const vc_device_api *api, vc_plan *plan)
{
	PlanToSet	target = {api, plan};

	weights_each(model, set_weight, &target);
}

static void
set_averages(const Model *model, int index, int row, void *argument)
{
	const vc_parameter *parameter = &model->network->parameters[index];
	const PlanToSet *target = argument;
	bytea	   *first = tensor_data(model, parameter, row, 2);
	bytea	   *second = tensor_data(model, parameter, row, 3);
	vc_error	error;

	if (vc_first_not_finite((float *) VARDATA(first), parameter->count) < parameter->count ||
		vc_first_not_finite((float *) VARDATA(second), parameter->count) < parameter->count)
		throw_damaged(model, psprintf("an average of the gradients of tensor \"%s\" is not finite", parameter->name));
	check_status(target->api->set_optimizer(target->plan, index, (float *) VARDATA(first),
										(float *) VARDATA(second), &error), &error);
}

void
optimizer_read(const Model *model, const vc_device_api *api, vc_plan *plan)
{
	PlanToSet	target = {api, plan};

	read_tensors(model,
				 "SELECT name, first_moment, second_moment FROM visclf.optimizer_state "
				 "WHERE model_id OPERATOR(pg_catalog.=) $1",
				 vc_parameter_trainable, set_averages, &target);
}

bytea *
tensor_alloc(const vc_parameter *parameter)
{
	Size		size = VARHDRSZ + parameter->count * sizeof(float);
	bytea	   *data = palloc(size);

	SET_VARSIZE(data, size);
	return data;
}

void
weight_write(const Model *model, int index, bytea *data)
{
	const vc_parameter *parameter = &model->network->parameters[index];
	Sql			sql;

	sql_begin(&sql, "INSERT INTO visclf.weight (model_id, name, shape, data) "
			  "VALUES ($1, $2, $3, $4) "
			  "ON CONFLICT (model_id, name) DO UPDATE SET data = excluded.data");
	sql_int(&sql, model->model_id);
	sql_text(&sql, parameter->name);
	sql_datum(&sql, INT4ARRAYOID, int_array(parameter->shape, parameter->ndim));
	sql_datum(&sql, BYTEAOID, PointerGetDatum(data));
	sql_write(&sql);
}

static void
write_weight(const Model *model, const vc_device_api *api, vc_plan *plan, int index)
{
	bytea	   *data = tensor_alloc(&model->network->parameters[index]);
	vc_error	error;

	check_status(api->get_parameter(plan, index, (float *) VARDATA(data), &error), &error);
	weight_write(model, index, data);
}

static void
write_averages(const Model *model, const vc_device_api *api, vc_plan *plan, int index)
{
	const vc_parameter *parameter = &model->network->parameters[index];
	bytea	   *first = tensor_alloc(parameter);
	bytea	   *second = tensor_alloc(parameter);
	Sql			sql;
	vc_error	error;

	check_status(api->get_optimizer(plan, index, (float *) VARDATA(first),
								(float *) VARDATA(second), &error), &error);
	sql_begin(&sql, "INSERT INTO visclf.optimizer_state "
			  "(model_id, name, first_moment, second_moment) VALUES ($1, $2, $3, $4) "
			  "ON CONFLICT (model_id, name) DO UPDATE "
			  "SET first_moment = excluded.first_moment, second_moment = excluded.second_moment");
	sql_int(&sql, model->model_id);
	sql_text(&sql, parameter->name);
	sql_datum(&sql, BYTEAOID, PointerGetDatum(first));
	sql_datum(&sql, BYTEAOID, PointerGetDatum(second));
	sql_write(&sql);
}

/* Calls write() for each wanted parameter, with one tensor in memory. */
static void
write_tensors(const Model *model, const vc_device_api *api, vc_plan *plan,
			  bool (*wanted) (const vc_parameter *),
			  void (*write) (const Model *, const vc_device_api *, vc_plan *, int))
{
	MemoryContext one = AllocSetContextCreate(CurrentMemoryContext, "visclf tensor",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(one);

	for (int i = 0; i < model->network->parameter_count; i++)
	{
		if (wanted(&model->network->parameters[i]))
			write(model, api, plan, i);
		MemoryContextReset(one);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(one);
}

void
weights_write(const Model *model, const vc_device_api *api, vc_plan *plan)
{
	write_tensors(model, api, plan, vc_parameter_stored, write_weight);
}

void
optimizer_write(const Model *model, const vc_device_api *api, vc_plan *plan)
{
	write_tensors(model, api, plan, vc_parameter_trainable, write_averages);
}

/*
 * share_state.c
 *		States of the aggregates about one class: filled row by row, merged, and
 *		moved between processes or servers.
 */
#include "extension/counting/share_state.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_corrected_share_add);
PG_FUNCTION_INFO_V1(visclf_corrected_share_add_known);
PG_FUNCTION_INFO_V1(visclf_share_state_add);
PG_FUNCTION_INFO_V1(visclf_share_state_combine);
PG_FUNCTION_INFO_V1(visclf_share_state_serialize);
PG_FUNCTION_INFO_V1(visclf_share_state_deserialize);

#define MAGIC 0x76637331		/* "vcs1" */
#define MOST_IMAGES INT64CONST(1000000000000000)	/* of a group; sums of as many do not wrap */

/* Arguments of the transition functions; each has the first ones. */
enum
{
	ARG_STATE,
	ARG_MODEL,
	ARG_LABEL,
	ARG_CLASS,
	ARG_METHOD,
	ARG_PROBABILITIES
};

/* Arguments of the one for known labels. */
enum
{
	ARG_KNOWN = ARG_METHOD,
	ARG_KEY,
	ARG_WEIGHT,
	ARG_CLUSTER
};

/* Reads an argument that must be the same for all rows of a group. */
static char *
constant_text(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" of corrected_share must not be NULL", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static char *
optional_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static void
throw_unequal(const char *name, const char *first, const char *other)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" of corrected_share is \"%s\" for one row and \"%s\" for another",
					name, first, other),
			 errhint("It must be the same for every row of a group.")));
}

static void
check_same(FunctionCallInfo fcinfo, int argument, const char *name, const char *first)
{
	char	   *value = constant_text(fcinfo, argument, name);

	if (strcmp(value, first) != 0)
		throw_unequal(name, first, value);
	pfree(value);
}

static ShareState *
share_state_create(char *model, char *class, vc_quantification method)
{
	ShareState *state = palloc0(sizeof(*state));

	state->model = model;
	state->class = class;
	state->method = method;
	state->soft = vc_quantification_soft(method);
	return state;
}

/* Room for one more. */
static void *
state_grow(void *array, int64 count, int64 *room, Size size)
{
	if (count < *room)
		return array;
	*room = Max(4, 2 * *room);
	return array ? repalloc_huge(array, size * *room) : palloc(size * *room);
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Throws where a group has more images than there can be. */
static void
add_images(ShareState *state, int64 images)
{
	state->images += images;
	if (state->images > MOST_IMAGES)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a group of corrected_share has more than %lld images", (long long) MOST_IMAGES)));
}

/* Strings and arrays are copied into the current context. */
static void
add_count(ShareState *state, const char *label, int64 images, Datum probabilities)
{
	CHECK_FOR_INTERRUPTS();		/* states have labels by the million, if somebody wants */
	add_images(state, images);
	for (int64 i = 0; i < state->count && probabilities == 0; i++)
		if (state->counts[i].probabilities == 0 && is_same(state->counts[i].label, label))
		{
			state->counts[i].images += images;
			return;
		}
	state->counts = state_grow(state->counts, state->count, &state->room, sizeof(ShareCount));
	state->counts[state->count++] = (ShareCount) {label ? pstrdup(label) : NULL, images,
	probabilities ? datumCopy(probabilities, false, -1) : (Datum) 0};
}

static char *
copy(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

/* Adds labelled images without a key; counts them with the last ones if they are equal. */
static void
state_add_known(ShareState *state, const ShareKnown *row)
{
	ShareKnown *last = state->known_count > 0 ? &state->known[state->known_count - 1] : NULL;

	CHECK_FOR_INTERRUPTS();
	add_images(state, row->images);
	if (last && row->key == NULL && last->key == NULL && is_same(last->known, row->known) && is_same(last->label, row->label) &&
		is_same(last->cluster, row->cluster) && (last->weight == row->weight || (isnan(last->weight) && isnan(row->weight))))
	{
		last->images += row->images;
		return;
	}
	state->known = state_grow(state->known, state->known_count, &state->known_room, sizeof(ShareKnown));
	state->known[state->known_count++] = (ShareKnown) {copy(row->known), copy(row->label), copy(row->key), copy(row->cluster),
	row->weight, row->images};
}

void
share_state_merge(ShareState *into, const ShareState *from)
{
	if (strcmp(into->model, from->model) != 0)
		throw_unequal("model", into->model, from->model);
	if (strcmp(into->class, from->class) != 0)
		throw_unequal("class", into->class, from->class);
	if (into->method != from->method)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("states of corrected_share are of different methods")));
	for (int64 i = 0; i < from->count; i++)
		add_count(into, from->counts[i].label, from->counts[i].images, from->counts[i].probabilities);
	for (int64 i = 0; i < from->known_count; i++)
		state_add_known(into, &from->known[i]);
}

/* The transition of corrected_share(model, label, class [, method, probabilities]). */
Datum
visclf_corrected_share_add(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	ShareState *state = PG_ARGISNULL(ARG_STATE) ? NULL : (ShareState *) PG_GETARG_POINTER(ARG_STATE);
	char	   *label = optional_text(fcinfo, ARG_LABEL);
	Datum		probabilities = 0;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "corrected_share is an aggregate");
	caller = MemoryContextSwitchTo(context);
	if (state == NULL)
		state = share_state_create(constant_text(fcinfo, ARG_MODEL, "model"), constant_text(fcinfo, ARG_CLASS, "class"),
						   PG_NARGS() > ARG_METHOD ? quantification_from_name(constant_text(fcinfo, ARG_METHOD, "method")) : VC_ACC);
	if (state->soft && !PG_ARGISNULL(ARG_PROBABILITIES))
		probabilities = PG_GETARG_DATUM(ARG_PROBABILITIES);
	if (state->soft && probabilities == 0)
		label = NULL;
	add_count(state, label, 1, label ? probabilities : 0);
	MemoryContextSwitchTo(caller);
	check_same(fcinfo, ARG_MODEL, "model", state->model);
	check_same(fcinfo, ARG_CLASS, "class", state->class);
	PG_RETURN_POINTER(state);
}

/* That of corrected_share(model, label, class, known, key, weight, cluster). */
Datum
visclf_corrected_share_add_known(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	ShareState *state = PG_ARGISNULL(ARG_STATE) ? NULL : (ShareState *) PG_GETARG_POINTER(ARG_STATE);
	ShareKnown	row = {optional_text(fcinfo, ARG_KNOWN), optional_text(fcinfo, ARG_LABEL), optional_text(fcinfo, ARG_KEY),
	optional_text(fcinfo, ARG_CLUSTER), PG_ARGISNULL(ARG_WEIGHT) ? NAN : PG_GETARG_FLOAT8(ARG_WEIGHT), 1};

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "corrected_share is an aggregate");
	caller = MemoryContextSwitchTo(context);
	if (state == NULL)
		state = share_state_create(constant_text(fcinfo, ARG_MODEL, "model"), constant_text(fcinfo, ARG_CLASS, "class"), VC_ACC);
	if (row.known != NULL)
		state_add_known(state, &row);
	else
		add_count(state, row.label, 1, 0);
	MemoryContextSwitchTo(caller);
	check_same(fcinfo, ARG_MODEL, "model", state->model);
	check_same(fcinfo, ARG_CLASS, "class", state->class);
	PG_RETURN_POINTER(state);
}

static void
write_text(StringInfo out, const char *text)
{
	pq_sendint32(out, text ? strlen(text) : -1);
	if (text)
		pq_sendbytes(out, text, strlen(text));
}

/* Throws because bytes are not a state. */
static void
throw_bad_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("not a state of corrected_share"),
			 errhint("visclf.share_state makes them.")));
}

static char *
read_text(StringInfo in)
{
	int			length = pq_getmsgint(in, 4);
	char	   *text;

	if (length == -1)
		return NULL;
	if (length < 0 || length > in->len - in->cursor || memchr(in->data + in->cursor, '\0', length) != NULL)
		throw_bad_state();
	text = pnstrdup(pq_getmsgbytes(in, length), length);
	pg_verifymbstr(text, length, false);
	return text;
}

static char *
read_string(StringInfo in)
{
	char	   *text = read_text(in);

	if (text == NULL)
		throw_bad_state();
	return text;
}

static int64
read_images(StringInfo in)
{
	int64		images = pq_getmsgint64(in);

	if (images < 1 || images > MOST_IMAGES)
		throw_bad_state();
	return images;
}

static void
write_probabilities(StringInfo out, Datum array)
{
	int			count;
	float	   *values = array ? float8_array_values(array, &count) : NULL;

	pq_sendint32(out, values ? count : -1);
	for (int i = 0; values && i < count; i++)
		pq_sendfloat4(out, values[i]);
}

static Datum
state_probabilities(StringInfo in)
{
	int			count = pq_getmsgint(in, 4);
	float	   *values;

	if (count == -1)
		return 0;
	if (count < 1 || count > (in->len - in->cursor) / (int) sizeof(float4))
		throw_bad_state();
	values = palloc(sizeof(float) * count);
	for (int i = 0; i < count; i++)
		values[i] = pq_getmsgfloat4(in);
	return real_array(values, count);
}

bytea *
share_state_write(const ShareState *state)
{
	StringInfoData out;

	pq_begintypsend(&out);
	pq_sendint32(&out, MAGIC);
	write_text(&out, state->model);
	write_text(&out, state->class);
	pq_sendint32(&out, state->method);
	pq_sendint64(&out, state->count);
	for (int64 i = 0; i < state->count; i++)
	{
		write_text(&out, state->counts[i].label);
		pq_sendint64(&out, state->counts[i].images);
		write_probabilities(&out, state->counts[i].probabilities);
	}
	pq_sendint64(&out, state->known_count);
	for (int64 i = 0; i < state->known_count; i++)
	{
		const ShareKnown *k = &state->known[i];

		write_text(&out, k->known);
		write_text(&out, k->label);
		write_text(&out, k->key);
		write_text(&out, k->cluster);
		pq_sendfloat8(&out, k->weight);
		pq_sendint64(&out, k->images);
	}
	return pq_endtypsend(&out);
}

/*
 * Reads images of unknown label.  What looks at probabilities has them of each
 * image that has a label, and takes one image at a time.
 */
static void
read_count(StringInfo in, ShareState *state)
{
	char	   *label = read_text(in);
	int64		images = read_images(in);
	Datum		probabilities = state_probabilities(in);

	if ((probabilities != 0) != (state->soft && label != NULL) || (probabilities != 0 && images != 1))
		throw_bad_state();
	add_count(state, label, images, probabilities);
}

/* Reads images whose label is known. */
static void
read_known(StringInfo in, ShareState *state)
{
	ShareKnown	row = {read_string(in), read_text(in), read_text(in), read_text(in)};

	row.weight = pq_getmsgfloat8(in);
	row.images = read_images(in);
	if (state->method != VC_ACC)	/* nothing else is made where labels are known */
		throw_bad_state();
	state_add_known(state, &row);
}

ShareState *
share_state_read(const bytea *bytes)
{
	StringInfoData in;
	ShareState *state;
	char	   *model;
	char	   *class;
	int			method;

	initStringInfo(&in);
	appendBinaryStringInfo(&in, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	if (in.len < 4 || pq_getmsgint(&in, 4) != MAGIC)
		throw_bad_state();
	model = read_string(&in);
	class = read_string(&in);
	method = pq_getmsgint(&in, 4);
	if (method < VC_CC || method > VC_EMQ)
		throw_bad_state();
	state = share_state_create(model, class, method);
	for (int64 left = pq_getmsgint64(&in); left > 0; left--)
		read_count(&in, state);
	for (int64 left = pq_getmsgint64(&in); left > 0; left--)
		read_known(&in, state);
	pq_getmsgend(&in);
	return state;
}

/* The transition of the aggregate that merges states. */
Datum
visclf_share_state_add(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	ShareState *state = PG_ARGISNULL(0) ? NULL : (ShareState *) PG_GETARG_POINTER(0);
	ShareState *other;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "corrected_share is an aggregate");
	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	caller = MemoryContextSwitchTo(context);
	other = share_state_read(PG_GETARG_BYTEA_PP(1));
	if (state == NULL)
		state = other;
	else
		share_state_merge(state, other);
	MemoryContextSwitchTo(caller);
	PG_RETURN_POINTER(state);
}

Datum
visclf_share_state_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	ShareState *state = PG_ARGISNULL(0) ? NULL : (ShareState *) PG_GETARG_POINTER(0);
	ShareState *other = PG_ARGISNULL(1) ? NULL : (ShareState *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "corrected_share is an aggregate");
	if (other == NULL && state == NULL)
		PG_RETURN_NULL();
	if (other == NULL)
		PG_RETURN_POINTER(state);
	caller = MemoryContextSwitchTo(context);
	if (state == NULL)
		state = share_state_create(pstrdup(other->model), pstrdup(other->class), other->method);
	share_state_merge(state, other);
	MemoryContextSwitchTo(caller);
	PG_RETURN_POINTER(state);
}

/* Also the end of the aggregate whose result is a state. */
Datum
visclf_share_state_serialize(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "corrected_share is an aggregate");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(share_state_write((const ShareState *) PG_GETARG_POINTER(0)));
}

Datum
visclf_share_state_deserialize(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "corrected_share is an aggregate");
	PG_RETURN_POINTER(share_state_read(PG_GETARG_BYTEA_PP(0)));
}

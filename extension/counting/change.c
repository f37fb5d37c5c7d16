/*
 * change.c
 *		visclf.change: the change of a class's share from one group to another,
 *		and its trend over all groups.
 *
 * Intervals are of the difference and of the slope themselves, because the
 * model's errors are common to the groups and cancel out. The slope is that of
 * the least-squares line through all images.
 */
#include "extension/support/pgcompat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "extension/support/arguments.h"
#include "extension/counting/known.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_change);

#define DAYS_OF_YEAR 365.25

/* One group of a column. */
typedef struct Point
{
	char	   *name;			/* NULL: the column is NULL */
	double		value;			/* NAN: neither number nor date */
	double		images;
} Point;

/* The groups, and the contrasts to estimate. */
typedef struct Change
{
	ReturnSetInfo *result;
	const Quantifier *q;
	Oid			type;			/* of the column */
	char	   *column;
	Point	   *points;
	int			count;
	int			room;
	int			from;
	int			to;
	char	   *from_name;		/* asked for; NULL: the first */
	char	   *to_name;		/* NULL: the last */
	double	   *difference;		/* coefficients, [count] */
	double	   *slope;			/* NULL: there is none */
	double		confidence;

	/* shares by each resample, of methods other than ppi: [count][classes][1 + resamples], observed first */
	double	  **draws;
	int			resamples;
} Change;

/* The result for one class. */
typedef struct Found
{
	double		from;
	double		to;
	vc_ppi_contrast difference;
	vc_ppi_contrast slope;		/* NAN: there is none */
	char	   *warning;
} Found;

/* Returns a group's place on a scale: a number, or years. */
static double
value_of(const Change *c, const char *text)
{
	if (text == NULL)
		return NAN;
	switch (c->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return strtod(text, NULL);
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			{
				DateADT		day = DatumGetDateADT(DirectFunctionCall1(date_in, CStringGetDatum(text)));

				return DATE_NOT_FINITE(day) ? NAN : 2000 + day / DAYS_OF_YEAR;
			}
		default:
			return NAN;
	}
}

static void
add_point(Change *c, Datum groups, double images)
{
	Datum		name = CStringGetTextDatum(c->column);
	LOCAL_FCINFO(call, 2);
	Datum		value;

	if (c->count == c->room)
	{
		c->room = Max(16, 2 * c->room);
		c->points = c->points ? repalloc(c->points, sizeof(Point) * c->room) : palloc(sizeof(Point) * c->room);
	}
	InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
	call->args[0] = (NullableDatum) {groups, false};
	call->args[1] = (NullableDatum) {name, false};
	value = jsonb_object_field_text(call);
	c->points[c->count].name = call->isnull ? NULL : text_to_cstring(DatumGetTextPP(value));
	c->points[c->count].value = value_of(c, c->points[c->count].name);
	c->points[c->count++].images = images;
}

/* Returns the group of a name; by default, the first or the last that has a name and images. */
static int
find_point(const Change *c, const char *name, const char *option, bool last)
{
	for (int i = 0; i < c->count; i++)
	{
		int			place = last ? c->count - 1 - i : i;
		const Point *p = &c->points[place];

		if (p->name != NULL && p->images > 0 && (name == NULL || strcmp(p->name, name) == 0))
			return place;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 name ? errmsg("no image is in the group \"%s\" of column \"%s\"", name, c->column) :
			 errmsg("no image is in a group of column \"%s\"", c->column),
			 errhint("%s => '...' is one of the values that visclf.prevalence(..., by => '{%s}') shows.", option, c->column)));
}

/* Sets the contrasts: coefficients of the groups' shares. */
static void
set_coefficients(Change *c)
{
	double		images = 0;
	double		mean = 0;
	double		squares = 0;

	c->from = find_point(c, c->from_name, "from_value", false);
	c->to = find_point(c, c->to_name, "to_value", true);
	if (c->from == c->to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the groups of a change must differ, but both are \"%s\"", c->points[c->from].name),
				 errhint("At least two groups of column \"%s\" must have images.", c->column)));
	c->difference = palloc0(sizeof(double) * c->count);
	c->difference[c->from] = -1;
	c->difference[c->to] = 1;
	for (int i = 0; i < c->count; i++)
		if (isfinite(c->points[i].value))
		{
			images += c->points[i].images;
			mean += c->points[i].images * c->points[i].value;
		}
	mean = images > 0 ? mean / images : 0;
	for (int i = 0; i < c->count; i++)
		if (isfinite(c->points[i].value))
			squares += c->points[i].images * pow(c->points[i].value - mean, 2);
	if (!(squares > 0))
		return;
	c->slope = palloc0(sizeof(double) * c->count);
	for (int i = 0; i < c->count; i++)
		if (isfinite(c->points[i].value))
			c->slope[i] = c->points[i].images * (c->points[i].value - mean) / squares;
}

static void
put_class(const Change *c, int class_index, const Found *f)
{
	bool		none = isnan(f->slope.value);
	Datum		values[] = {
		CStringGetTextDatum(c->q->classes[class_index]),
		CStringGetTextDatum(c->points[c->from].name), CStringGetTextDatum(c->points[c->to].name),
		Float8GetDatum(f->from), Float8GetDatum(f->to), Float8GetDatum(f->difference.value),
		Float8GetDatum(f->difference.low), Float8GetDatum(f->difference.high),
		BoolGetDatum(f->difference.low > 0 || f->difference.high < 0),
		Float8GetDatum(f->slope.value), Float8GetDatum(f->slope.low), Float8GetDatum(f->slope.high),
		f->warning ? CStringGetTextDatum(f->warning) : (Datum) 0
	};
	bool		nulls[] = {false, false, false, false, false, false, false, false, false, none, none, none, f->warning == NULL};

	tuplestore_putvalues(c->result->setResult, c->result->setDesc, values, nulls);
}

/* Returns the doubts about either group, each once. */
static char *
join_warnings(const Change *c, const char *from, const char *to)
{
	if (from == NULL && to == NULL)
		return NULL;
	return psprintf("%s%s%s%s%s%s%s", from ? c->points[c->from].name : "", from ? ": " : "", from ? from : "",
					from && to ? "; " : "", to ? c->points[c->to].name : "", to ? ": " : "", to ? to : "");
}

/* Estimates a class by method ppi. */
typedef struct KnownChange
{
	Change	   *change;
	const KnownTally *tally;
} KnownChange;

static void
take_class(void *argument, vc_ppi *ppi, int index, int class_index)
{
	KnownChange *k = argument;
	Change	   *c = k->change;
	vc_ppi_share from = vc_ppi_get(ppi, c->from, index);
	vc_ppi_share to = vc_ppi_get(ppi, c->to, index);
	Found		f = {.difference = vc_ppi_compare(ppi, index, c->difference), .slope = {NAN, NAN, NAN}};

	f.from = f.difference.below;
	f.to = f.difference.above;

	if (c->slope)
		f.slope = vc_ppi_compare(ppi, index, c->slope);
	f.warning = join_warnings(c, known_warning(k->tally, c->from, class_index, &from), known_warning(k->tally, c->to, class_index, &to));
	put_class(c, class_index, &f);
}

static void
change_by_labels(Change *c, Quantifier *q, const Grouping *g)
{
	KnownTally *t = known_count(g, q);
	KnownChange k = {c, t};

	quantifier_read_confidences(q);
	for (int i = 0; i < t->group_count; i++)
		add_point(c, t->groups[i].groups, t->groups[i].known + t->groups[i].unknown);
	set_coefficients(c);
	known_solve(t, c->confidence, take_class, &k);
}

/* Stores a group's shares, with methods other than ppi. */
static void
take_group(void *argument, const ImageGroup *group, Datum groups)
{
	Change	   *c = argument;
	Size		size = (Size) c->q->class_count * (c->resamples + 1);
	double	   *draws = palloc(sizeof(double) * c->q->class_count * c->resamples);
	vc_prevalence *found = group_draws(c->q, group, c->resamples, draws);
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(c->draws));

	add_point(c, groups, group->classified + group->known);
	c->draws = repalloc(c->draws, sizeof(double *) * c->room);
	c->draws[c->count - 1] = palloc0(sizeof(double) * size);
	MemoryContextSwitchTo(caller);
	for (int k = 0; k < c->q->class_count && found; k++)
	{
		double	   *kept = c->draws[c->count - 1] + (Size) k * (c->resamples + 1);

		kept[0] = found[k].share;
		memcpy(kept + 1, draws + (Size) k * c->resamples, sizeof(double) * c->resamples);
	}
}

static vc_ppi_contrast
contrast_draws(const Change *c, int class_index, const double *coefficients)
{
	double	   *sums = palloc0(sizeof(double) * (c->resamples + 1));
	vc_ppi_contrast found;

	for (int i = 0; i < c->count; i++)
		for (int r = 0; r <= c->resamples && coefficients[i] != 0; r++)
			sums[r] += coefficients[i] * c->draws[i][(Size) class_index * (c->resamples + 1) + r];
	found.value = sums[0];
	vc_draws_interval(sums + 1, c->resamples, c->confidence, &found.low, &found.high);
	found.low = fmin(found.low, found.value);
	found.high = fmax(found.high, found.value);
	pfree(sums);
	return found;
}

static void
change_by_draws(Change *c, const Grouping *g)
{
	c->draws = palloc(sizeof(double *));
	grouping_count(g, c->q, take_group, c);
	set_coefficients(c);
	for (int k = 0; k < c->q->class_count; k++)
	{
		Found		f = {c->draws[c->from][(Size) k * (c->resamples + 1)], c->draws[c->to][(Size) k * (c->resamples + 1)],
			contrast_draws(c, k, c->difference), {NAN, NAN, NAN}, NULL};

		if (c->slope)
			f.slope = contrast_draws(c, k, c->slope);
		put_class(c, k, &f);
	}
}

/* visclf.change(model, predictions, by, ...) */
Datum
visclf_change(PG_FUNCTION_ARGS)
{
	Named		call = named_open(fcinfo);
	Change		c = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	Grouping	grouping;
	Quantifier *q;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	q = grouping_open(fcinfo);
	grouping = grouping_read(fcinfo, q, true);
	c.q = q;
	c.column = grouping.by[0];
	c.type = getBaseType(get_atttype(grouping.predictions.relation, get_attnum(grouping.predictions.relation, c.column)));
	c.confidence = DatumGetFloat8(named_value(&call, "confidence"));
	c.from_name = named_is_null(&call, "from_value") ? NULL : text_to_cstring(DatumGetTextPP(named_value(&call, "from_value")));
	c.to_name = named_is_null(&call, "to_value") ? NULL : text_to_cstring(DatumGetTextPP(named_value(&call, "to_value")));
	if (grouping_is_ppi(fcinfo, &grouping))
		change_by_labels(&c, q, &grouping);
	else
	{
		c.resamples = DatumGetInt32(named_value(&call, "resamples"));
		argument_bounds("resamples", c.resamples, 1, 100000);
		c.q = grouping_quantifier(fcinfo, q);
		change_by_draws(&c, &grouping);
	}
	SPI_finish();
	return (Datum) 0;
}

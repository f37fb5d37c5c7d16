/*
 * report_counts.c
 *		Counts the predictions for visclf.report: by year, by place, by both.
 *
 * Years and places are listed first. Then each row, or each count of equal
 * rows, is added to its groups.
 */
#include "extension/reporting/report.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

#define LATEST_YEAR 9999
#define MOST_YEARS 1000
#define MOST_PLACES 40			/* the others are one row */
#define MOST_PERIODS 24			/* columns of the grid */
#define IMAGES_OF_CELL 40		/* that a cell of the grid should have, on average */

/* Columns of the cursor, before those of predictions_columns(). */
enum
{
	COLUMN_YEAR = 1,
	COLUMN_PLACE
};

/* Returns SQL for the year of a row as an integer, or NULL if it does not have four digits. */
static char *
year_expression(const ReportOptions *o)
{
	Oid			type = source_column_type(o->predictions.relation, o->year_column, "year_column");
	char	   *number = psprintf("s.%s", quote_identifier(o->year_column));

	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			break;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			number = psprintf("pg_catalog.date_part('year', s.%s)", quote_identifier(o->year_column));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of type %s cannot be used as years", o->year_column, format_type_be(type)),
					 errhint("Pass a view in which it is a number or a date.")));
	}
	return psprintf("CASE WHEN %1$s OPERATOR(pg_catalog.>) -%2$d AND %1$s OPERATOR(pg_catalog.<) %2$d "
					"THEN pg_catalog.floor(%1$s)::pg_catalog.int4 END", number, LATEST_YEAR + 1);
}

/* Compares places byte by byte, as the query does. */
static char *
place_expression(const ReportOptions *o)
{
	if (o->place_column == NULL)
		return "NULL::pg_catalog.text";
	source_column_type(o->predictions.relation, o->place_column, "place_column");
	return psprintf("(%s) COLLATE pg_catalog.\"C\"", source_text(o->predictions.relation, o->place_column));
}

/* Returns the cursor's query; $1 is the model_id. */
static char *
make_report_query(const Report *r)
{
	const ReportOptions *o = &r->options;

	return psprintf("SELECT %s, %s, %s FROM %s s%s", year_expression(o), place_expression(o),
					o->ppi ? known_columns(&o->known, r->quantifier) : predictions_columns(&o->predictions),
					relation_name(o->predictions.relation),
					o->ppi ? " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8" : o->predictions.soft ? "" : " GROUP BY 1, 2, 3, 4, 5");
}

static void
list_years(Report *r)
{
	Sql			sql;

	sql_begin_source(&sql, psprintf("SELECT DISTINCT y FROM (SELECT %s AS y FROM %s s) counted WHERE y IS NOT NULL ORDER BY y LIMIT %d",
									year_expression(&r->options), relation_name(r->options.predictions.relation), MOST_YEARS + 1));
	r->year_count = (int) sql_read(&sql);
	if (r->year_count > MOST_YEARS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has more than %d years", r->options.year_column, MOST_YEARS),
				 errhint("Name the column of years: year_column => '...'.")));
	r->years = palloc(sizeof(int) * Max(r->year_count, 1));
	for (int i = 0; i < r->year_count; i++)
		r->years[i] = result_int(i, 1);
}

/* Lists the places with the most images; the rest become one without a name. */
static void
list_places(Report *r)
{
	Sql			sql;
	int			listed;

	if (r->options.place_column == NULL)
		return;
	sql_begin_source(&sql, psprintf("SELECT p, pg_catalog.count(*) OVER (), pg_catalog.count(p) OVER () FROM (SELECT %s AS p FROM %s s) counted "
									"GROUP BY p ORDER BY pg_catalog.count(*) DESC, p LIMIT %d",
									place_expression(&r->options), relation_name(r->options.predictions.relation), MOST_PLACES));
	r->place_count = (int) sql_read(&sql);
	if (r->place_count > 0)
	{
		int64		all = result_bigint(0, 2);

		r->place_names = result_bigint(0, 3);
		r->folded = all > MOST_PLACES ? all - (MOST_PLACES - 1) : 0;
	}
	r->places = palloc0(sizeof(char *) * Max(r->place_count, 1));
	listed = r->place_count - (r->folded > 0);
	for (int i = 0; i < listed; i++)
		r->places[i] = result_text(i, 1);
	if (r->folded > 0)
		r->places[listed] = psprintf("%lld other places", (long long) r->folded);
}

/* Returns the year's index, or -1 if it is NULL or was not there before. */
static int
year_index(const Report *r, int year)
{
	int			low = 0;
	int			high = r->year_count - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (r->years[middle] == year)
			return middle;
		if (r->years[middle] < year)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

/* Returns the place's index, or -1 if it was not there before. */
static int
place_index(const Report *r, const char *place)
{
	int			listed = r->place_count - (r->folded > 0);

	for (int i = 0; i < listed; i++)
		if (place == NULL ? r->places[i] == NULL : r->places[i] != NULL && strcmp(r->places[i], place) == 0)
			return i;
	return r->folded > 0 ? listed : -1;
}

static int
floor_to(int year, int period)
{
	int			remainder = year % period;

	return year - (remainder < 0 ? remainder + period : remainder);
}

/* Returns the number of columns that the grid would have. */
static int
count_periods(const Report *r, int period)
{
	return (floor_to(r->years[r->year_count - 1], period) - floor_to(r->years[0], period)) / period + 1;
}

/* Chooses the years of a column, so that cells are neither too many nor too empty. */
static void
choose_period(Report *r, int64 images)
{
	static const int periods[] = {1, 2, 5, 10, 20, 25, 50, 100};
	int			rows = Max(r->place_count, 1);

	if (r->year_count == 0)
		return;
	for (int i = 0; i < lengthof(periods); i++)
	{
		int			columns = count_periods(r, periods[i]);

		if (i > 0 && columns < 4 && r->period_count <= MOST_PERIODS)
			return;				/* cells with few images are better than a single column */
		r->period = periods[i];
		r->period_count = columns;
		r->period_first = floor_to(r->years[0], periods[i]);
		if (columns <= MOST_PERIODS && images / ((int64) columns * rows) >= IMAGES_OF_CELL)
			return;
	}
}

/* Estimates the groups; with method ppi they borrow from each other. */
static ReportGroup *
make_groups(const Report *r, int count)
{
	ReportGroup *groups = palloc0(sizeof(ReportGroup) * Max(count, 1));
	KnownTally *tally = r->options.ppi ? known_begin(r->quantifier, r->options.known.key_column != NULL) : NULL;

	for (int i = 0; i < count; i++)
	{
		groups[i].images = group_create(r->quantifier);
		groups[i].tally = tally;
		groups[i].place = i;
		if (tally)
			known_add_group(tally, 0);
	}
	return groups;
}

/* Reads a row of the cursor; the known label only with method ppi. */
typedef struct CountedRow
{
	const PredictionRow *row;
	const KnownRow *known;
} CountedRow;

static void
add_to(const Report *r, ReportGroup *group, const CountedRow *row)
{
	group_add(r->quantifier, group->images, row->row);
	if (group->tally)
		known_add(unconstify(KnownTally *, group->tally), group->place, row->known);
}

/* Adds a row of the cursor to the groups that it belongs to. */
static void
add_counted(Report *r, uint64 number, const CountedRow *row)
{
	bool		no_year;
	int			year = DatumGetInt32(result_datum(number, COLUMN_YEAR, INT4OID, &no_year));
	int			y = no_year ? -1 : year_index(r, year);
	int			column = y < 0 ? -1 : (floor_to(year, r->period) - r->period_first) / r->period;

	add_to(r, &r->all, row);
	add_to(r, y < 0 ? &r->no_year : &r->by_year[y], row);
	if (y >= 0)
		add_to(r, &r->by_period[column], row);
	if (r->place_count > 0)
	{
		int			place = place_index(r, result_text(number, COLUMN_PLACE));

		if (place >= 0)
			add_to(r, &r->by_place[place], row);
		if (place >= 0 && y >= 0)
			add_to(r, &r->grid[place * r->period_count + column], row);
	}
}

static void
report_add_row(void *report, uint64 number, const PredictionRow *row)
{
	add_counted(report, number, &(CountedRow) {row, NULL});
}

/* The same with what is known of the labels. */
static void
add_known_row(void *report, uint64 number)
{
	Report	   *r = report;
	KnownRow	known = known_read_row(&r->options.known, r->quantifier, number, COLUMN_PLACE + 1);
	PredictionRow row = {known.known.is ? r->quantifier->classes[known.known.classes[0]] : NULL,
		known.predicted.is ? r->quantifier->classes[known.predicted.classes[0]] : NULL, known.images, known.flawed, known.bin};

	add_counted(r, number, &(CountedRow) {&row, &known});
}

/* Groups of one tally, and where their shares go. */
typedef struct Solved
{
	ReportGroup *groups;
	int			count;
	int			class_count;
} Solved;

static void
take_class(void *argument, vc_ppi *ppi, int index, int class_index)
{
	Solved	   *s = argument;

	for (int i = 0; i < s->count; i++)
	{
		const ImageGroup *images = s->groups[i].images;
		vc_ppi_share share = vc_ppi_get(ppi, i, index);
		double		predicted = 0;

		if (report_counted(&s->groups[i]) == 0)
			continue;
		for (int c = 0; c < s->class_count; c++)
			predicted += images->raw[c];
		if (s->groups[i].found == NULL)
			s->groups[i].found = palloc0(sizeof(vc_prevalence) * s->class_count);
		s->groups[i].found[class_index] = (vc_prevalence) {predicted > 0 ? images->raw[class_index] / predicted : NAN,
		share.share, share.low, share.high};
	}
}

/* Estimates by the known labels. */
static void
estimate_known(Report *r, ReportGroup *groups, int count)
{
	Solved		s = {groups, count, r->quantifier->class_count};

	if (count == 0)
		return;
	known_end(unconstify(KnownTally *, groups[0].tally));
	known_solve(groups[0].tally, r->options.confidence, take_class, &s);
}

char *
report_warning(const Report *r, const ReportGroup *group, int class_index)
{
	const vc_prevalence *f = group->found ? &group->found[class_index] : NULL;

	if (group->tally == NULL)
		return group_warning(r->quantifier, group->images, class_index);
	return known_warning(group->tally, group->place, class_index,
						 &(vc_ppi_share) {f ? f->share : 0, f ? f->low : 0, f ? f->high : 0, 0});
}

static void
estimate_group(Report *r, ReportGroup *groups, int count)
{
	if (r->options.ppi)
	{
		estimate_known(r, groups, count);
		return;
	}
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		groups[i].found = group_estimate(r->quantifier, groups[i].images);
	}
}

/* Counts the rows of the predictions; their number decides the grid's columns. */
static int64
count_rows(const Report *r)
{
	Sql			sql;

	sql_begin_source(&sql, psprintf("SELECT pg_catalog.count(*) FROM %s s", relation_name(r->options.predictions.relation)));
	sql_read(&sql);
	return result_bigint(0, 1);
}

void
report_read_counts(Report *r)
{
	list_years(r);
	list_places(r);
	choose_period(r, count_rows(r));
	r->all = *make_groups(r, 1);
	r->no_year = *make_groups(r, 1);
	r->by_year = make_groups(r, r->year_count);
	r->by_place = make_groups(r, r->place_count);
	r->by_period = make_groups(r, r->period_count);
	r->grid = make_groups(r, r->place_count * r->period_count);
	if (r->options.ppi)
		predictions_each(make_report_query(r), r->quantifier, add_known_row, r);
	else
		predictions_read(make_report_query(r), r->quantifier, report_add_row, r);
	estimate_group(r, &r->all, 1);
	estimate_group(r, r->by_year, r->year_count);
	estimate_group(r, r->by_place, r->place_count);
	estimate_group(r, r->by_period, r->period_count);
	estimate_group(r, r->grid, r->place_count * r->period_count);
}

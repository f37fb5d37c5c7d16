/*
 * report_years.c
 *		The section of visclf.report with the share by year: a chart and its
 *		table.
 */
#include "extension/reporting/report.h"

#include <limits.h>
#include <math.h>

#include "extension/reporting/chart.h"
#include "extension/reporting/markup.h"

/* One class, year by year; years without a classified image are left out. */
typedef struct Series
{
	int			count;
	double	   *year;
	double	   *raw;
	double	   *share;
	double	   *low;
	double	   *high;
	int		   *index;			/* of the year */
	double		top;			/* the largest of all */
	bool		bounds;			/* there are intervals */
} Series;

static Series
make_series(const Report *r, int class_index)
{
	Series		s = {.top = 0.01, .bounds = r->options.resamples > 0};
	double	   *numbers = palloc(sizeof(double) * 5 * Max(r->year_count, 1));

	s.year = numbers;
	s.raw = s.year + r->year_count;
	s.share = s.raw + r->year_count;
	s.low = s.share + r->year_count;
	s.high = s.low + r->year_count;
	s.index = palloc(sizeof(int) * Max(r->year_count, 1));
	for (int i = 0; i < r->year_count; i++)
	{
		const vc_prevalence *found = r->by_year[i].found;

		if (found == NULL)
			continue;
		s.year[s.count] = r->years[i];
		s.raw[s.count] = found[class_index].raw;
		s.share[s.count] = found[class_index].share;
		s.low[s.count] = s.bounds ? found[class_index].low : s.share[s.count];
		s.high[s.count] = s.bounds ? found[class_index].high : s.share[s.count];
		s.top = fmax(s.top, fmax(s.high[s.count], s.raw[s.count]));
		s.index[s.count++] = i;
	}
	return s;
}

/* Returns the usual distance between years; a line breaks at larger ones. */
static double
usual_step(const Series *s)
{
	double		least = s->count > 1 ? INT_MAX : 1;

	for (int i = 1; i < s->count; i++)
		least = fmin(least, s->year[i] - s->year[i - 1]);
	return least;
}

/* Returns the end of the run of years that begins at `first`. */
static int
run_end(const Series *s, int first, double step)
{
	int			end = first + 1;

	while (end < s->count && s->year[end] - s->year[end - 1] <= step)
		end++;
	return end;
}

static void
draw_runs(Chart *chart, const Series *s)
{
	double		step = usual_step(s);

	for (int first = 0, end; first < s->count; first = end)
	{
		end = run_end(s, first, step);
		if (end - first == 1)	/* a year by itself */
			appendStringInfo(chart->out, "<path class=\"whisker\" d=\"M%.1f %.1fV%.1f\"/>\n", chart_x(chart, s->year[first]),
							 chart_y(chart, s->low[first]), chart_y(chart, s->high[first]));
		else if (s->bounds)
			chart_band(chart, "band", s->year + first, s->low + first, s->high + first, end - first);
		chart_line(chart, "raw", s->year + first, s->raw + first, end - first);
		chart_line(chart, "line", s->year + first, s->share + first, end - first);
	}
}

/* Draws a dot for each year, hollow if it has doubts, with the numbers on hover. */
static void
draw_dots(const Report *r, Chart *chart, const Series *s, int class_index)
{
	for (int i = 0; i < s->count; i++)
	{
		const ReportGroup *group = &r->by_year[s->index[i]];
		bool		doubt = report_warning(r, group, class_index) != NULL;

		appendStringInfo(chart->out, "<circle class=\"dot%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>%d: ",
						 doubt ? " doubt" : "", chart_x(chart, s->year[i]), chart_y(chart, s->share[i]),
						 s->count > chart->width / 7 ? "2" : "3.5", r->years[s->index[i]]);
		report_share(chart->out, group, class_index);
		appendStringInfoString(chart->out, ", counted ");
		markup_percent(chart->out, s->raw[i]);
		appendStringInfoString(chart->out, " of ");
		markup_count(chart->out, report_counted(group));
		appendStringInfoString(chart->out, "</title></circle>\n");
	}
}

static void
draw_years_legend(const Report *r, const Series *s)
{
	StringInfo	out = r->out;

	appendStringInfo(out, "<ul class=\"legend\"><li><span class=\"key line\"></span>%s share</li>", report_estimate_word(r));
	if (s->bounds)
		appendStringInfo(out, "<li><span class=\"key band\"></span>its %g&#160;%% interval</li>", 100 * r->options.confidence);
	appendStringInfoString(out, "<li><span class=\"key raw\"></span>as counted</li>"
						   "<li><span class=\"key hollow\"></span>a doubtful year</li></ul>\n");
}

/* Draws the chart in the shape for a desk or for a phone; the style sheet shows one. */
static void
draw_years(const Report *r, const Series *s, int class_index, bool wide)
{
	double		tick = chart_round_up(s->top / 5);
	Chart		chart = {.out = r->out, .style = wide ? "wide" : "narrow", .width = wide ? 760 : 380,
		.height = wide ? 330 : 300, .percent = true,
		.x_low = s->year[0], .x_high = s->year[s->count - 1], .y_high = fmin(1, ceil(s->top / tick - 1e-9) * tick)};
	const char *class = r->quantifier->classes[class_index];

	if (chart.x_high == chart.x_low)
		chart.x_low--, chart.x_high++;
	chart_begin(&chart, psprintf("Share of %s by year", class),
				psprintf("%.1f %% in %d, %.1f %% in %d; the table below has every year", 100 * s->share[0],
						 (int) s->year[0], 100 * s->share[s->count - 1], (int) s->year[s->count - 1]));
	chart_axes(&chart, wide ? 10 : 5, 5);
	draw_runs(&chart, s);
	draw_dots(r, &chart, s, class_index);
	chart_end(&chart);
}

/* Appends a table with a row for each year. */
static void
write_years_table(const Report *r, int class_index)
{
	StringInfo	out = r->out;

	appendStringInfoString(out, "<details><summary>The numbers of this chart</summary><div class=\"scroll\"><table><caption>");
	markup_name(out, r->quantifier->classes[class_index]);
	appendStringInfoString(out, " by year</caption><thead><tr><th scope=\"col\">year</th>");
	report_column_heads(r);
	appendStringInfoString(out, "</tr></thead>\n<tbody>\n");
	for (int i = 0; i < r->year_count; i++)
	{
		appendStringInfo(out, "<tr><th scope=\"row\">%d</th>", r->years[i]);
		report_cells(r, &r->by_year[i], class_index);
		appendStringInfoString(out, "</tr>\n");
	}
	report_table_end(out);
	appendStringInfoString(out, "</details>\n");
}

void
report_years(Report *r)
{
	appendStringInfoString(r->out, "<section><h2>By year</h2>\n");
	for (int i = 0; i < r->shown_count; i++)
	{
		Series		s = make_series(r, r->shown[i]);

		appendStringInfoString(r->out, "<h3>");
		markup_name(r->out, r->quantifier->classes[r->shown[i]]);
		appendStringInfoString(r->out, "</h3>\n");
		if (s.count > 0)
		{
			draw_years_legend(r, &s);
			draw_years(r, &s, r->shown[i], true);
			draw_years(r, &s, r->shown[i], false);
		}
		else
			appendStringInfoString(r->out, "<p>No image with a year is classified.</p>\n");
		write_years_table(r, r->shown[i]);
	}
	if (report_counted(&r->no_year) + r->no_year.images->failed > 0)
	{
		appendStringInfoString(r->out, "<p>Images without a year, counted elsewhere on this page but not here: ");
		markup_count(r->out, report_counted(&r->no_year) + r->no_year.images->failed);
		appendStringInfoString(r->out, ".</p>\n");
	}
	appendStringInfoString(r->out, "</section>\n");
}

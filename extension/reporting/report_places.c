/*
 * report_places.c
 *		The section of visclf.report with the share by place, alone and over
 *		time.
 */
#include "extension/reporting/report.h"

#include <math.h>

#include "extension/reporting/markup.h"

#define BAR 160					/* length of the scale beside a place, units */
#define PAD 8
#define DARK 0.65				/* of the scale of colours: white text is read better */

/* Returns the largest share or bound of a class in some groups, for the scale. */
static double
largest(const ReportGroup *groups, int count, int class_index, bool bounds)
{
	double		most = 0.01;

	for (int i = 0; i < count; i++)
	{
		const vc_prevalence *found = groups[i].found;

		if (found == NULL)
			continue;
		most = fmax(most, found[class_index].share);
		if (bounds)
			most = fmax(most, fmax(found[class_index].raw, isnan(found[class_index].high) ? 0 : found[class_index].high));
	}
	return most;
}

static void
append_place(StringInfo out, const char *place)
{
	if (place == NULL)
		appendStringInfoString(out, "<i>no place given</i>");
	else if (*place == '\0')
		appendStringInfoString(out, "<i>empty</i>");
	else
		markup_name(out, place);
}

/* Draws the interval as a bar, the share as a dot, the counted share as a ring. */
static void
draw_bar(const Report *r, const ReportGroup *group, int class_index, double top)
{
	StringInfo	out = r->out;
	const vc_prevalence *f = group->found ? &group->found[class_index] : NULL;

	appendStringInfo(out, "<td class=\"bar\"><svg viewBox=\"0 0 %d 18\" aria-hidden=\"true\"><path class=\"grid\" d=\"M%d 9H%d\"/>",
					 BAR + 2 * PAD, PAD, BAR + PAD);
	if (f && !isnan(f->low))
		appendStringInfo(out, "<path class=\"interval\" d=\"M%.1f 9H%.1f\"/>", PAD + f->low / top * BAR, PAD + f->high / top * BAR);
	if (f)
		appendStringInfo(out, "<circle class=\"ring\" cx=\"%.1f\" cy=\"9\" r=\"5\"/><circle class=\"dot\" cx=\"%.1f\" cy=\"9\" r=\"4\"/>",
						 PAD + f->raw / top * BAR, PAD + f->share / top * BAR);
	appendStringInfoString(out, "</svg></td>");
}

static void
place_table(const Report *r, int class_index)
{
	StringInfo	out = r->out;
	double		top = fmin(1, ceil(10 * largest(r->by_place, r->place_count, class_index, true)) / 10);

	appendStringInfoString(out, "<div class=\"scroll\"><table><caption>");
	markup_name(out, r->quantifier->classes[class_index]);
	appendStringInfo(out, " by place</caption><thead><tr><th scope=\"col\">place</th><th scope=\"col\" class=\"bar\">0 to %.0f&#160;%%</th>", 100 * top);
	report_column_heads(r);
	appendStringInfoString(out, "</tr></thead>\n<tbody>\n");
	for (int i = 0; i < r->place_count; i++)
	{
		appendStringInfoString(out, "<tr><th scope=\"row\" class=\"place\">");
		append_place(out, r->places[i]);
		appendStringInfoString(out, "</th>");
		draw_bar(r, &r->by_place[i], class_index, top);
		report_cells(r, &r->by_place[i], class_index);
		appendStringInfoString(out, "</tr>\n");
	}
	report_table_end(out);
}

void
report_places(Report *r)
{
	if (r->place_count == 0)
		return;
	appendStringInfo(r->out, "<section><h2>By place</h2>\n<p class=\"note\">The dot is the %s share, the bar its interval, "
					 "the ring the share as counted.</p>\n", report_estimate_word(r));
	for (int i = 0; i < r->shown_count; i++)
		place_table(r, r->shown[i]);
	appendStringInfoString(r->out, "</section>\n");
}

/* Appends the colour for a share of 0 to 1 of the scale, light to dark blue, and for text on it. */
static void
append_colours(StringInfo out, double t)
{
	static const int light[] = {240, 246, 252};
	static const int dark[] = {8, 64, 129};

	t = fmax(0, fmin(1, t));
	appendStringInfoString(out, "background-color:#");
	for (int i = 0; i < 3; i++)
		appendStringInfo(out, "%02x", (int) rint(light[i] + t * (dark[i] - light[i])));
	appendStringInfo(out, ";color:#%s", t > DARK ? "fff" : "1a1a1a");
}

/* Appends a cell of the heat map, hatched if it has few images. */
static void
heat_cell(const Report *r, const ReportGroup *group, int class_index, double top)
{
	StringInfo	out = r->out;
	double		share;

	if (group->found == NULL)
	{
		appendStringInfoString(out, "<td class=\"none\">&#8211;</td>");
		return;
	}
	share = group->found[class_index].share;
	appendStringInfo(out, "<td class=\"heat%s\" style=\"", report_counted(group) < FEW_IMAGES ? " few" : "");
	append_colours(out, share / top);
	appendStringInfoString(out, "\" title=\"");
	report_share(out, group, class_index);
	appendStringInfoString(out, " of ");
	markup_count(out, report_counted(group));
	appendStringInfo(out, "\">%.0f</td>", 100 * share);
}

static void
heat_row(const Report *r, const char *place, bool all, const ReportGroup *groups, int class_index, double top)
{
	appendStringInfo(r->out, "<tr%s><th scope=\"row\">", all ? " class=\"total\"" : "");
	if (all)
		appendStringInfoString(r->out, "all places");
	else
		append_place(r->out, place);
	appendStringInfoString(r->out, "</th>");
	for (int i = 0; i < r->period_count; i++)
		heat_cell(r, &groups[i], class_index, top);
	appendStringInfoString(r->out, "</tr>\n");
}

static void
heat_map(const Report *r, int class_index)
{
	StringInfo	out = r->out;
	double		top = largest(r->grid, r->place_count * r->period_count, class_index, false);

	appendStringInfoString(out, "<div class=\"scroll\"><table class=\"map\"><caption>");
	markup_name(out, r->quantifier->classes[class_index]);
	appendStringInfo(out, ", %s share in per cent</caption><thead><tr><th scope=\"col\">place</th>", report_estimate_word(r));
	for (int i = 0; i < r->period_count; i++)
	{
		appendStringInfoString(out, "<th scope=\"col\">");
		report_period(out, r, i);
		appendStringInfoString(out, "</th>");
	}
	appendStringInfoString(out, "</tr></thead>\n<tbody>\n");
	for (int i = 0; i < r->place_count; i++)
		heat_row(r, r->places[i], false, r->grid + i * r->period_count, class_index, top);
	heat_row(r, NULL, true, r->by_period, class_index, top);
	report_table_end(out);
}

void
report_grid(Report *r)
{
	if (r->place_count == 0 || r->period_count == 0)
		return;
	appendStringInfoString(r->out, "<section><h2>By year and place</h2>\n<p class=\"note\">");
	if (r->period > 1)
		appendStringInfo(r->out, "A column covers %d years, so that it has more than a few images. ", r->period);
	appendStringInfo(r->out, "Hatched cells have fewer than %d images; a dash means none.</p>\n", FEW_IMAGES);
	for (int i = 0; i < r->shown_count; i++)
		heat_map(r, r->shown[i]);
	appendStringInfoString(r->out, "</section>\n");
}

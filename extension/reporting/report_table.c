/*
 * report_table.c
 *		Tables of visclf.report and their cells.
 */
#include "extension/reporting/report.h"

#include <math.h>

#include "extension/reporting/markup.h"

void
report_share(StringInfo out, const ReportGroup *group, int class_index)
{
	const vc_prevalence *f = group->found ? &group->found[class_index] : NULL;

	markup_percent(out, f ? f->share : NAN);
	if (f && !isnan(f->low))
		appendStringInfo(out, " (%.1f to %.1f)", 100 * f->low, 100 * f->high);
}

void
report_period(StringInfo out, const Report *r, int column)
{
	int			first = r->period_first + column * r->period;

	appendStringInfo(out, "%d", first);
	if (r->period > 1)
		appendStringInfo(out, "&#8211;<wbr/>%02d", r->period <= 100 && first >= 0 ? (first + r->period - 1) % 100 : first + r->period - 1);
}

void
report_table(StringInfo out, const char *caption, const char *const *heads, int count)
{
	appendStringInfo(out, "<div class=\"scroll\"><table><caption>%s</caption><thead><tr>", caption);
	for (int i = 0; i < count; i++)
		appendStringInfo(out, "<th scope=\"col\">%s</th>", heads[i]);
	appendStringInfoString(out, "</tr></thead>\n<tbody>\n");
}

void
report_table_end(StringInfo out)
{
	appendStringInfoString(out, "</tbody></table></div>\n");
}

const char *
report_estimate_word(const Report *r)
{
	return r->options.ppi || vc_quantification_corrects(r->options.method) ? "corrected" : "estimated";
}

void
report_column_heads(const Report *r)
{
	appendStringInfo(r->out, "<th scope=\"col\">%s</th><th scope=\"col\">counted</th><th scope=\"col\">images</th>"
					 "<th scope=\"col\">images of the class</th><th scope=\"col\">not classified</th><th scope=\"col\" class=\"words\">doubts</th>",
					 report_estimate_word(r));
}

void
report_cells(const Report *r, const ReportGroup *g, int class_index)
{
	StringInfo	out = r->out;

	appendStringInfoString(out, "<td>");
	report_share(out, g, class_index);
	appendStringInfoString(out, "</td><td>");
	markup_percent(out, g->found ? g->found[class_index].raw : NAN);
	appendStringInfoString(out, "</td><td>");
	markup_count(out, report_counted(g));
	appendStringInfoString(out, "</td><td>");
	if (g->found)
		markup_count(out, (int64) rint(g->found[class_index].share * report_counted(g)));
	appendStringInfoString(out, "</td><td>");
	markup_count(out, g->images->failed);
	appendStringInfoString(out, "</td><td class=\"words\">");
	markup_text(out, report_warning(r, g, class_index));
	appendStringInfoString(out, "</td>");
}

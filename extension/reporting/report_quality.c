/*
 * report_quality.c
 *		The section of visclf.report about the model's errors on its validation
 *		images.
 */
#include "extension/reporting/report.h"

#include <math.h>

#include "extension/reporting/chart.h"
#include "extension/reporting/markup.h"
#include "extension/support/sql.h"

#define MOST_CLASSES 16			/* of a confusion matrix that is shown whole */
#define MOST_CONFUSIONS 12

/* Returns the number of validation images of one class that are predicted as another. */
static int64
confused(const Quantifier *q, int truth, int predicted)
{
	return q->confusion[truth * q->class_count + predicted];
}

static int64
class_images(const Quantifier *q, int truth)
{
	int64		sum = 0;

	for (int c = 0; c < q->class_count; c++)
		sum += confused(q, truth, c);
	return sum;
}

/* Appends the matrix, shaded by the share of a row: blue if right, orange if wrong. */
static void
confusion_matrix(const Report *r)
{
	const Quantifier *q = r->quantifier;
	StringInfo	out = r->out;

	appendStringInfoString(out, "<div class=\"scroll\"><table class=\"confusion\"><caption>rows: true class; columns: predicted class</caption>"
						   "<thead><tr><td></td>");
	for (int c = 0; c < q->class_count; c++)
	{
		appendStringInfoString(out, "<th scope=\"col\">");
		markup_name(out, q->classes[c]);
		appendStringInfoString(out, "</th>");
	}
	appendStringInfoString(out, "</tr></thead>\n<tbody>\n");
	for (int t = 0; t < q->class_count; t++)
	{
		appendStringInfoString(out, "<tr><th scope=\"row\">");
		markup_name(out, q->classes[t]);
		appendStringInfoString(out, "</th>");
		for (int c = 0; c < q->class_count; c++)
		{
			appendStringInfo(out, "<td style=\"background-color:rgba(%s,%.2f)\">", t == c ? "0,114,178" : "213,94,0",
							 0.5 * confused(q, t, c) / Max(1, class_images(q, t)));
			markup_count(out, confused(q, t, c));
			appendStringInfoString(out, "</td>");
		}
		appendStringInfoString(out, "</tr>\n");
	}
	report_table_end(out);
}

/* Appends the most frequent confusions, if there are many classes. */
static void
largest_confusions(const Report *r)
{
	static const char *const heads[] = {"true class", "predicted class", "images"};
	StringInfo	out = r->out;
	Sql			sql;
	uint64		rows;

	sql_begin(&sql, "SELECT label, predicted, images FROM visclf.confusion_matrix($1) "
			  "WHERE images OPERATOR(pg_catalog.>) 0 AND label OPERATOR(pg_catalog.<>) predicted "
			  "ORDER BY images DESC, label, predicted LIMIT $2");
	sql_text(&sql, r->options.model);
	sql_int(&sql, MOST_CONFUSIONS);
	rows = sql_read(&sql);
	report_table(out, "most frequent confusions", heads, lengthof(heads));
	for (uint64 i = 0; i < rows; i++)
	{
		appendStringInfoString(out, "<tr><th scope=\"row\">");
		markup_name(out, result_string(i, 1));
		appendStringInfoString(out, "</th><td>");
		markup_name(out, result_string(i, 2));
		appendStringInfo(out, "</td><td>%s</td></tr>\n", result_string(i, 3));
	}
	report_table_end(out);
}

/* Appends a figure and its interval; averages have none. */
static void
append_figure(StringInfo out, uint64 row, int column)
{
	double		low = result_float8(row, column + 1);

	appendStringInfoString(out, "<td>");
	markup_percent(out, result_float8(row, column));
	if (!isnan(low))
		appendStringInfo(out, " <small>(%.1f to %.1f)</small>", 100 * low, 100 * result_float8(row, column + 2));
	appendStringInfoString(out, "</td>");
}

static void
classification_report(const Report *r)
{
	static const char *const heads[] = {"class", "precision", "recall", "F1", "images"};
	StringInfo	out = r->out;
	Sql			sql;
	uint64		rows;

	sql_begin(&sql, "SELECT class, precision, precision_low, precision_high, recall, recall_low, recall_high, "
			  "f1_score, support FROM visclf.classification_report($1)");
	sql_text(&sql, r->options.model);
	rows = sql_read(&sql);
	report_table(out, "figures, with 95&#160;% intervals", heads, lengthof(heads));
	for (uint64 i = 0; i < rows; i++)
	{
		appendStringInfo(out, "<tr%s><th scope=\"row\">", i >= (uint64) r->quantifier->class_count ? " class=\"total\"" : "");
		markup_name(out, result_string(i, 1));
		appendStringInfoString(out, "</th>");
		append_figure(out, i, 2);
		append_figure(out, i, 5);
		appendStringInfoString(out, "<td>");
		markup_percent(out, result_float8(i, 8));
		appendStringInfo(out, "</td><td>%s</td></tr>\n", result_string(i, 9));
	}
	report_table_end(out);
}

/* Appends the table of calibration. */
static void
calibration(const Report *r)
{
	static const char *const heads[] = {"confidence", "images", "mean confidence", "accuracy"};
	StringInfo	out = r->out;
	Sql			sql;
	uint64		rows;

	sql_begin(&sql, "SELECT confidence_low, confidence_high, images, confidence, accuracy "
			  "FROM visclf.calibration($1) WHERE images OPERATOR(pg_catalog.>) 0");
	sql_text(&sql, r->options.model);
	rows = sql_read(&sql);
	appendStringInfoString(out, "<details><summary>How often is it right when it is sure?</summary>");
	report_table(out, "calibration", heads, lengthof(heads));
	for (uint64 i = 0; i < rows; i++)
	{
		appendStringInfo(out, "<tr><th scope=\"row\">%.0f to %.0f&#160;%%</th><td>%s</td><td>",
						 100 * result_float8(i, 1), 100 * result_float8(i, 2), result_string(i, 3));
		markup_percent(out, result_float8(i, 4));
		appendStringInfoString(out, "</td><td>");
		markup_percent(out, result_float8(i, 5));
		appendStringInfoString(out, "</td></tr>\n");
	}
	report_table_end(out);
	appendStringInfoString(out, "</details>\n");
}

void
report_quality(Report *r)
{
	const Quantifier *q = r->quantifier;
	int64		images = 0;

	for (int c = 0; c < q->class_count; c++)
		images += class_images(q, c);
	appendStringInfoString(r->out, "<h3>Its errors</h3>\n");
	if (images == 0)
	{
		appendStringInfoString(r->out, "<p>It has no validation images, so its errors are not known.</p>\n");
		return;
	}
	appendStringInfoString(r->out, "<p>Its predictions for the ");
	markup_count(r->out, images);
	appendStringInfoString(r->out, " labelled images held out of its training:</p>\n");
	if (q->class_count <= MOST_CLASSES)
		confusion_matrix(r);
	else
		largest_confusions(r);
	classification_report(r);
	calibration(r);
}

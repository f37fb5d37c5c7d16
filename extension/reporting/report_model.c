/*
 * report_model.c
 *		The section of visclf.report about the model and its training.
 */
#include "extension/reporting/report.h"

#include <math.h>

#include "extension/reporting/chart.h"
#include "extension/reporting/markup.h"
#include "extension/support/sql.h"

/* The epochs, one after the other over the phases. */
typedef struct Epochs
{
	int			count;
	char	  **phase;
	double	   *number;			/* 1, 2, ... */
	double	   *train_loss;
	double	   *valid_loss;
	double	   *accuracy;
	char	  **time;
} Epochs;

static Epochs
read_epochs(const Report *r)
{
	Epochs		e;
	Sql			sql;

	sql_begin(&sql, "SELECT phase, train_loss::pg_catalog.float8, valid_loss::pg_catalog.float8, accuracy::pg_catalog.float8, time "
			  "FROM visclf.training_log WHERE model_id OPERATOR(pg_catalog.=) $1 ORDER BY finished_at, epoch");
	sql_int(&sql, r->quantifier->model_id);
	e.count = (int) sql_read(&sql);
	e.phase = palloc(sizeof(char *) * Max(e.count, 1));
	e.time = palloc(sizeof(char *) * Max(e.count, 1));
	e.number = palloc(sizeof(double) * 4 * Max(e.count, 1));
	e.train_loss = e.number + e.count;
	e.valid_loss = e.train_loss + e.count;
	e.accuracy = e.valid_loss + e.count;
	for (int i = 0; i < e.count; i++)
	{
		e.number[i] = i + 1;
		e.phase[i] = result_string(i, 1);
		e.train_loss[i] = result_float8(i, 2);
		e.valid_loss[i] = result_float8(i, 3);
		e.accuracy[i] = result_float8(i, 4);
		e.time[i] = result_string(i, 5);
	}
	return e;
}

/* Returns the largest finite number that is over at_least. */
static double
most(const double *values, int count, double at_least)
{
	for (int i = 0; i < count; i++)
		if (isfinite(values[i]))
			at_least = fmax(at_least, values[i]);
	return at_least;
}

/* Draws the finite numbers; a loss may not be finite. */
static void
draw_line(Chart *chart, const char *style, const double *x, const double *y, int count)
{
	for (int first = 0, end; first < count; first = end + 1)
	{
		for (end = first; end < count && isfinite(y[end]); end++)
			;
		if (end > first)
			chart_line(chart, style, x + first, y + first, end - first);
	}
}

static void
loss_chart(const Report *r, const Epochs *e)
{
	double		top = most(e->valid_loss, e->count, most(e->train_loss, e->count, 0.01));
	double		step = chart_round_up(top / 4);
	Chart		chart = {.out = r->out, .width = 460, .height = 260, .x_low = 1, .x_high = Max(2, e->count),
		.y_high = ceil(top / step) * step};

	appendStringInfoString(r->out, "<figure><figcaption>Loss (cross entropy, nats)</figcaption>"
						   "<ul class=\"legend\"><li><span class=\"key line\"></span>validation</li><li><span class=\"key raw\"></span>training</li></ul>\n");
	chart_begin(&chart, "Loss by epoch", psprintf("validation loss %.3f after the first epoch, %.3f after the last",
												  e->valid_loss[0], e->valid_loss[e->count - 1]));
	chart_axes(&chart, 6, 4);
	draw_line(&chart, "raw", e->number, e->train_loss, e->count);
	draw_line(&chart, "line", e->number, e->valid_loss, e->count);
	chart_end(&chart);
	appendStringInfoString(r->out, "</figure>\n");
}

static void
accuracy_chart(const Report *r, const Epochs *e)
{
	Chart		chart = {.out = r->out, .width = 460, .height = 260, .x_low = 1, .x_high = Max(2, e->count),
		.y_high = 1, .percent = true};

	appendStringInfoString(r->out, "<figure><figcaption>Accuracy of the validation images</figcaption>"
						   "<ul class=\"legend\"><li><span class=\"key line\"></span>validation</li></ul>\n");
	chart_begin(&chart, "Accuracy by epoch", psprintf("%.1f %% after the first epoch, %.1f %% after the last",
													  100 * e->accuracy[0], 100 * e->accuracy[e->count - 1]));
	chart_axes(&chart, 6, 5);
	draw_line(&chart, "line", e->number, e->accuracy, e->count);
	chart_end(&chart);
	appendStringInfoString(r->out, "</figure>\n");
}

static void
epoch_table(const Report *r, const Epochs *e)
{
	static const char *const heads[] = {"epoch", "phase", "train_loss", "valid_loss", "accuracy", "time"};

	appendStringInfoString(r->out, "<details><summary>The epochs</summary>");
	report_table(r->out, "epochs", heads, lengthof(heads));
	for (int i = 0; i < e->count; i++)
	{
		appendStringInfo(r->out, "<tr><th scope=\"row\">%d</th><td>", i + 1);
		markup_text(r->out, e->phase[i]);
		appendStringInfo(r->out, "</td><td>%.4f</td><td>%.4f</td><td>", e->train_loss[i], e->valid_loss[i]);
		markup_percent(r->out, e->accuracy[i]);
		appendStringInfoString(r->out, "</td><td>");
		markup_text(r->out, e->time[i]);
		appendStringInfoString(r->out, "</td></tr>\n");
	}
	report_table_end(r->out);
	appendStringInfoString(r->out, "</details>\n");
}

/* Appends a term and its description, if it is known. */
static void
append_fact(StringInfo out, const char *term, const char *fact)
{
	if (fact == NULL)
		return;
	appendStringInfo(out, "<div><dt>%s</dt><dd>", term);
	markup_name(out, fact);
	appendStringInfoString(out, "</dd></div>\n");
}

static void
append_facts(const Report *r)
{
	static const char *const terms[] = {"model", "version", "owner", "network", "input", "classes", "trained on", "held out to validate",
		"training rows from", "started from", "balance", "augmentation", "computed on", "finished"};
	Sql			sql;

	sql_begin(&sql, "SELECT m.name, m.version::pg_catalog.text, "
			  "CASE WHEN m.owner_role::pg_catalog.text OPERATOR(pg_catalog.<>) '' THEN m.owner_role::pg_catalog.text END, m.architecture, "
			  "pg_catalog.format('%s x %s pixels, %s', m.image_size, m.image_size, m.resize), "
			  "pg_catalog.array_to_string(m.classes, ', '), "
			  "pg_catalog.concat(m.metrics OPERATOR(pg_catalog.->>) 'train_images', ' images'), "
			  "pg_catalog.concat(m.metrics OPERATOR(pg_catalog.->>) 'valid_images', ' images'), "
			  "m.hyperparameters OPERATOR(pg_catalog.->>) 'source', m.hyperparameters OPERATOR(pg_catalog.->>) 'pretrained', "
			  "m.hyperparameters OPERATOR(pg_catalog.->>) 'balance', m.hyperparameters OPERATOR(pg_catalog.->>) 'augment', "
			  "m.device, m.finished_at::pg_catalog.date::pg_catalog.text "
			  "FROM visclf.model m WHERE m.model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, r->quantifier->model_id);
	sql_read(&sql);
	appendStringInfoString(r->out, "<dl class=\"facts\">\n");
	for (int i = 0; i < lengthof(terms); i++)
	{
		char	   *fact = result_text(0, i + 1);

		if (fact && strcmp(fact, " images") != 0)
			append_fact(r->out, terms[i], fact);
	}
	appendStringInfoString(r->out, "</dl>\n");
}

void
report_model(Report *r)
{
	Epochs		epochs;

	appendStringInfoString(r->out, "<section><h2>The model</h2>\n");
	append_facts(r);
	epochs = read_epochs(r);
	if (epochs.count > 0)
	{
		appendStringInfoString(r->out, "<h3>How it was trained</h3>\n<div class=\"pair\">\n");
		loss_chart(r, &epochs);
		accuracy_chart(r, &epochs);
		appendStringInfoString(r->out, "</div>\n");
		epoch_table(r, &epochs);
	}
	report_quality(r);
	appendStringInfoString(r->out, "</section>\n");
}

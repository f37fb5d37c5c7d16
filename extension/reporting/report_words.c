/*
 * report_words.c
 *		The sentences of visclf.report: the answer, and the doubts.
 */
#include "extension/reporting/report.h"

#include <math.h>
#include <time.h>

#include "utils/timestamp.h"

#include "extension/reporting/markup.h"

/* Appends the line below the title: images, years, places, date. */
static void
byline(const Report *r)
{
	StringInfo	out = r->out;
	pg_time_t	now = timestamptz_to_time_t(GetCurrentTimestamp());
	struct pg_tm *utc = pg_gmtime(&now);

	appendStringInfoString(out, "<p class=\"byline\">");
	markup_count(out, report_counted(&r->all) + r->all.images->failed);
	appendStringInfoString(out, " images");
	if (r->year_count > 0)
		appendStringInfo(out, " of %d to %d", r->years[0], r->years[r->year_count - 1]);
	if (r->place_names > 0)
	{
		appendStringInfoString(out, ", ");
		markup_count(out, r->place_names);
		appendStringInfoString(out, r->place_names == 1 ? " place" : " places");
	}
	appendStringInfo(out, ". Written %d-%02d-%02d.</p>\n", utc->tm_year + 1900, utc->tm_mon + 1, utc->tm_mday);
}

/* Appends the answer for one class over all images. */
static void
report_answer(const Report *r, int class_index)
{
	StringInfo	out = r->out;
	const vc_prevalence *f = &r->all.found[class_index];
	int64		images = report_counted(&r->all);
	char	   *warning = report_warning(r, &r->all, class_index);

	appendStringInfoString(out, "<p class=\"lead\"><b>");
	markup_name(out, r->quantifier->classes[class_index]);
	appendStringInfoString(out, "</b>: ");
	markup_percent(out, f->share);
	appendStringInfoString(out, " of the images, about ");
	markup_count(out, (int64) rint(f->share * images));
	if (!isnan(f->low))
	{
		appendStringInfo(out, " (%.1f to %.1f&#160;%%, ", 100 * f->low, 100 * f->high);
		markup_count(out, (int64) rint(f->low * images));
		appendStringInfoString(out, " to ");
		markup_count(out, (int64) rint(f->high * images));
		appendStringInfoChar(out, ')');
	}
	appendStringInfoString(out, ". The model's own count is ");
	markup_percent(out, f->raw);
	appendStringInfoString(out, ".</p>\n");
	if (warning)
	{
		appendStringInfoString(out, "<p class=\"note\">Doubts: ");
		markup_text(out, warning);
		appendStringInfoString(out, ".</p>\n");
	}
}

/* Appends how the share of a class changed from the first columns of the grid to the last. */
static void
report_change(const Report *r, int class_index)
{
	StringInfo	out = r->out;
	int			first = 0;
	int			last = r->period_count - 1;

	while (first < last && r->by_period[first].found == NULL)
		first++;
	while (last > first && r->by_period[last].found == NULL)
		last--;
	if (first >= last)
		return;
	appendStringInfoString(out, "<p>In ");
	report_period(out, r, first);
	appendStringInfoString(out, " it was ");
	report_share(out, &r->by_period[first], class_index);
	appendStringInfoString(out, ", in ");
	report_period(out, r, last);
	appendStringInfoChar(out, ' ');
	report_share(out, &r->by_period[last], class_index);
	appendStringInfoString(out, ".</p>\n");
}

void
report_summary(Report *r)
{
	byline(r);
	if (r->all.found == NULL)
	{
		appendStringInfoString(r->out, "<p class=\"lead\">No image is classified.</p>\n");
		return;
	}
	for (int i = 0; i < r->shown_count; i++)
	{
		report_answer(r, r->shown[i]);
		report_change(r, r->shown[i]);
	}
	if (r->shown_count < r->quantifier->class_count && r->quantifier->class_count > 2)
		appendStringInfo(r->out, "<p class=\"note\">This page shows %d of the model's %d classes.</p>\n",
						 r->shown_count, r->quantifier->class_count);
}

/* Appends how the shares were estimated. */
static void
method_words(const Report *r)
{
	static const char *const words[] = {
		[VC_CC] = "Shares are those that the model counts (classify and count): its errors are not corrected.",
		[VC_PCC] = "Shares are the means of the model's probabilities: they are right where the model is calibrated for these images.",
		[VC_ACC] = "Shares are corrected (adjusted classify and count) by how often the model takes one class for another among the images held out "
		"of its training.",
		[VC_PACC] = "Shares are corrected (probabilistic adjusted classify and count) by the probabilities that the model gives to the images held out "
		"of its training.",
		[VC_EMQ] = "Shares are found by expectation-maximisation (Saerens, Latinne and Decaestecker 2002), which reweighs the model's probabilities; "
		"they are right where the model is calibrated."
	};

	appendStringInfo(r->out, "<li>%s</li>\n", r->options.ppi ?
					 "Shares are corrected (prediction-powered inference): an image whose label is known counts as what it is, and the others are of a class as often as those "
					 "images with the same prediction by a network that was not trained on them. Years and places with few labels borrow from the others." :
					 words[r->options.method]);
}

/* Appends what an interval means. */
static void
interval_words(const Report *r)
{
	if (r->options.ppi)
		appendStringInfo(r->out, "<li>Intervals hold the truth about %g times in 100, if the labelled images were drawn at random. Of many years or places some intervals will miss it, and which "
						 "ones is not known. Whether two years differ is not for their intervals to say, but for <code>visclf.change</code>.</li>\n", 100 * r->options.confidence);
	if (r->options.ppi || r->options.resamples == 0)
		return;
	appendStringInfo(r->out, "<li>Intervals contain the true share %g times in 100, from %d resamples of the counted images%s (seed %lld). "
					 "With many years or places some intervals will miss it, and nothing tells which. "
					 "They cover chance, not the errors below.</li>\n",
					 100 * r->options.confidence, r->options.resamples,
					 vc_quantification_corrects(r->options.method) ? " and of those held out" : "",
					 (long long) r->options.seed);
}

/* Appends the errors that no interval covers. */
static void
assumption_words(const Report *r)
{
	StringInfo	out = r->out;

	if (r->options.ppi)
		appendStringInfoString(out, "<li>The labelled images stand for the others. If they were chosen, and not drawn at random (<code>visclf.sample_to_label</code>), the shares lean to what was chosen.</li>\n");
	else if (vc_quantification_corrects(r->options.method))
		appendStringInfoString(out, "<li>The correction assumes that the model errs on all images, class by class, as on those held out. If those come from "
							   "other years, places or scans, it may not: label some images of each and compare with <code>visclf.evaluate(..., by =&gt; ...)</code>.</li>\n");
	if (!r->options.ppi)
		appendStringInfoString(out, "<li>If images that the model was trained on are among those counted, it errs less on them than on the others, and the correction is a little too strong.</li>\n");
	appendStringInfoString(out, "<li>Labels are somebody&#8217;s reading. Where the labels are wrong, so are model and correction.</li>\n"
						   "<li>The images are those in the table. What was not digitised, not cut out or not kept is not counted.</li>\n");
}

/* Appends the groups with doubts. */
static int
count_few(const ReportGroup *groups, int count)
{
	int			few = 0;

	for (int i = 0; i < count; i++)
		few += report_counted(&groups[i]) < FEW_IMAGES;
	return few;
}

/* Appends the section of doubts. */
static void
number_words(const Report *r)
{
	StringInfo	out = r->out;
	int			few = count_few(r->by_year, r->year_count);

	if (r->all.images->failed > 0)
	{
		appendStringInfoString(out, "<li>");
		markup_count(out, r->all.images->failed);
		appendStringInfoString(out, " images could not be classified and are left out of the shares. If they are of one kind, the shares are biased.</li>\n");
	}
	if (few > 0)
		appendStringInfo(out, "<li>In %d of %d years fewer than %d images are classified.</li>\n", few, r->year_count, FEW_IMAGES);
	for (int i = 0; i < r->shown_count && r->all.found; i++)
	{
		char	   *warning = report_warning(r, &r->all, r->shown[i]);

		if (warning == NULL)
			continue;
		appendStringInfoString(out, "<li><b>");
		markup_name(out, r->quantifier->classes[r->shown[i]]);
		appendStringInfoString(out, "</b>: ");
		markup_text(out, warning);
		appendStringInfoString(out, ".</li>\n");
	}
}

void
report_caveats(Report *r)
{
	appendStringInfoString(r->out, "<section><h2>What to doubt</h2>\n<ul>\n");
	number_words(r);
	method_words(r);
	interval_words(r);
	assumption_words(r);
	appendStringInfoString(r->out, "</ul>\n</section>\n");
}

void
report_end(Report *r)
{
	appendStringInfoString(r->out, "</main>\n<footer>Written by visclf in PostgreSQL, with model ");
	markup_name(r->out, r->options.model);
	appendStringInfo(r->out, " (model_id %d).</footer>\n</body>\n</html>\n", r->quantifier->model_id);
}

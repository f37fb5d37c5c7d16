/*
 * report_pictures.c
 *		The images to look at, in visclf.report.
 */
#include "extension/reporting/report.h"

#include <math.h>

#include "extension/reporting/markup.h"

#define SIDE 240				/* of a picture, pixels: twice what it is shown at */

void
report_read_pictures(Report *r)
{
	const ReportOptions *o = &r->options;

	if (o->source.relation == InvalidOid || o->pictures == 0)
		return;
	r->losses = pictures_top_losses(o->model, o->pictures);
	pictures_read(r->losses, &o->source, SIDE);
	if (!o->has_confidence)
		return;
	r->unsure = pictures_least_confident(o->predictions.relation, o->source.key_column, o->predictions.label_column,
										 o->confidence_column, o->pictures);
	pictures_read(r->unsure, &o->source, SIDE);
}

static void
append_picture(StringInfo out, const Picture *p)
{
	appendStringInfoString(out, "<figure class=\"tile\"><div class=\"mat\">");
	if (p->image.data)
	{
		appendStringInfo(out, "<img width=\"%d\" height=\"%d\" alt=\"image ", p->image.width, p->image.height);
		markup_text(out, p->key);
		appendStringInfoString(out, "\" src=\"");
		markup_image(out, &p->image);
		appendStringInfoString(out, "\"/>");
	}
	else
	{
		appendStringInfoString(out, "<span>");
		markup_text(out, p->missing);
		appendStringInfoString(out, "</span>");
	}
	appendStringInfoString(out, "</div><figcaption>");
	if (p->predicted)
	{
		appendStringInfoString(out, "says ");
		markup_name(out, p->predicted);
	}
	if (!isnan(p->confidence))
		appendStringInfo(out, " (%.0f&#160;%%)", 100 * p->confidence);
	if (p->label)
	{
		appendStringInfoString(out, p->predicted && strcmp(p->label, p->predicted) != 0 ? "<br/><b>is " : "<br/><b class=\"right\">is ");
		markup_name(out, p->label);
		appendStringInfoString(out, "</b>");
	}
	appendStringInfoString(out, "<br/><small>");
	markup_name(out, p->key);
	appendStringInfoString(out, "</small></figcaption></figure>\n");
}

static void
append_pictures(StringInfo out, const char *heading, const char *note, const Pictures *pictures)
{
	if (pictures == NULL || pictures->count == 0)
		return;
	appendStringInfo(out, "<h3>%s</h3>\n<p class=\"note\">%s</p>\n<div class=\"tiles\">\n", heading, note);
	for (int i = 0; i < pictures->count; i++)
		append_picture(out, &pictures->list[i]);
	appendStringInfoString(out, "</div>\n");
}

void
report_pictures(Report *r)
{
	bool		any = (r->losses && r->losses->count > 0) || (r->unsure && r->unsure->count > 0);

	if (!any)
		return;
	appendStringInfoString(r->out, "<section><h2>Images to look at</h2>\n");
	append_pictures(r->out, "Where it is most wrong",
					"Labelled images that were held out of its training, the largest loss first. Some may be labelled wrongly.",
					r->losses);
	append_pictures(r->out, "Where it is least sure",
					"Images that were counted, the least confident first: the next ones to label.", r->unsure);
	appendStringInfoString(r->out, "</section>\n");
}

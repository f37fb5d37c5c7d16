/*
 * contact_sheet.c
 *		visclf.contact_sheet and visclf.thumbnail: pictures to look at.
 *
 * A sheet is an SVG image that contains its pictures. Browsers show it, and
 * labels may be in any script.
 */
#include "extension/support/pgcompat.h"

#include <math.h>
#include <stdlib.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "extension/support/arguments.h"
#include "extension/support/decoding_batch.h"
#include "extension/support/error.h"
#include "extension/reporting/markup.h"
#include "extension/reporting/pictures.h"
#include "extension/support/source_columns.h"
#include "extension/support/sql.h"

PG_FUNCTION_INFO_V1(visclf_contact_sheet);
PG_FUNCTION_INFO_V1(visclf_thumbnail);

#define GAP 12					/* between tiles, pixels */
#define LINE 15					/* of text */
#define LINES 3					/* under a picture */
#define TITLE 34				/* height of the sheet's title */
#define LETTER 8				/* about as wide as a letter, and as a small one */
#define SMALL_LETTER 6
#define MOST_PICTURES 1000
#define MOST_COLUMNS 100
#define LEAST_SIZE 32

/* Arguments of visclf.contact_sheet. */
enum
{
	ARG_SOURCE,
	ARG_SHOW,
	ARG_MODEL,
	ARG_PREDICTIONS,
	ARG_KEY_COLUMN,
	ARG_IMAGE_COLUMN,
	ARG_LABEL_COLUMN,
	ARG_CONFIDENCE_COLUMN,
	ARG_N,
	ARG_COLUMNS,
	ARG_SIZE,
	ARG_TITLE,
	ARG_SEED,
	ARGS
};

/* What the sheet shows. */
typedef enum Show
{
	SHOW_SAMPLE,
	SHOW_TOP_LOSSES,
	SHOW_LEAST_CONFIDENT
} Show;

static const char *const show_names[] = {"sample", "top_losses", "least_confident"};

/* How the sheet is laid out. */
typedef struct Layout
{
	int			columns;
	int			size;			/* of a tile's picture, pixels */
	int			top;			/* where tiles begin */
	int			width;			/* of the sheet */
	int			height;
} Layout;

/* Checks the arguments. */
static void
check_sheet_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[ARGS] = {"source", "show", NULL, NULL, "key_column", "image_column", NULL,
	"confidence_column", "n", "columns", "size", NULL, "seed"};

	arguments_not_null(fcinfo, names, ARGS);
	argument_bounds("n", PG_GETARG_INT32(ARG_N), 1, MOST_PICTURES);
	argument_bounds("columns", PG_GETARG_INT32(ARG_COLUMNS), 1, MOST_COLUMNS);
	argument_bounds("size", PG_GETARG_INT32(ARG_SIZE), LEAST_SIZE, VC_MAX_THUMBNAIL);
}

/* Finds the images with the largest loss. */
static Pictures *
choose_top_losses(FunctionCallInfo fcinfo)
{
	Pictures   *pictures;
	char	   *model;

	if (PG_ARGISNULL(ARG_MODEL))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("show \"top_losses\" needs a model"),
				 errhint("Name it: model => '...'.")));
	model = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	pictures = pictures_top_losses(model, PG_GETARG_INT32(ARG_N));
	if (pictures->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no validation image of model \"%s\" has a key", model),
				 errhint("Train with key_column => '...', so that they can be found.")));
	return pictures;
}

/* Finds the images with the least confidence. */
static Pictures *
choose_least_confident(FunctionCallInfo fcinfo, const PictureSource *source, const char *label_column)
{
	Oid			relation = PG_ARGISNULL(ARG_PREDICTIONS) ? source->relation : PG_GETARG_OID(ARG_PREDICTIONS);
	char	   *confidence_column = NameStr(*PG_GETARG_NAME(ARG_CONFIDENCE_COLUMN));

	if (label_column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("option \"%s\" must not be NULL", "label_column")));
	source_lock(relation);
	source_column_type(relation, source->key_column, "key_column");
	source_column_type(relation, label_column, "label_column");
	source_column_type(relation, confidence_column, "predictions => '...', confidence_column");
	return pictures_least_confident(relation, source->key_column, label_column, confidence_column,
									PG_GETARG_INT32(ARG_N));
}

/* Throws if an option is given that has another `show`. */
static void
check_use(FunctionCallInfo fcinfo, int argument, const char *name, Show show, Show use)
{
	if (!PG_ARGISNULL(argument) && show != use)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" cannot be used with show \"%s\"", name, show_names[show]),
				 errhint("Leave it out, or choose what it is for: show => '%s'.", show_names[use])));
}

static Show
show_argument(FunctionCallInfo fcinfo)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_SHOW));

	for (int i = 0; i < lengthof(show_names); i++)
		if (strcmp(name, show_names[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized value for show: \"%s\"", name),
			 errhint("Allowed: sample, top_losses, least_confident.")));
}

/* Finds the rows to show. */
static Pictures *
choose(FunctionCallInfo fcinfo, const PictureSource *source)
{
	Show		show = show_argument(fcinfo);
	char	   *label_column = PG_ARGISNULL(ARG_LABEL_COLUMN) ? NULL : NameStr(*PG_GETARG_NAME(ARG_LABEL_COLUMN));

	check_use(fcinfo, ARG_PREDICTIONS, "predictions", show, SHOW_LEAST_CONFIDENT);
	check_use(fcinfo, ARG_MODEL, "model", show, SHOW_TOP_LOSSES);
	if (show == SHOW_TOP_LOSSES)
		return choose_top_losses(fcinfo);
	if (show == SHOW_LEAST_CONFIDENT)
		return choose_least_confident(fcinfo, source, label_column);
	if (label_column)
		source_column_type(source->relation, label_column, "label_column");
	return pictures_sample(source, label_column, PG_GETARG_INT32(ARG_N), PG_GETARG_INT64(ARG_SEED));
}

/* Appends a line of text under a picture, cut to the tile's width. */
static void
append_line(StringInfo out, const Layout *layout, int line, const char *style, const char *before, const char *text)
{
	appendStringInfo(out, "<text x=\"0\" y=\"%d\" class=\"%s\">%s",
					 layout->size + LINE * (line + 1), style, before);
	markup_short_text(out, text, Max(1, layout->size / (strcmp(style, "small") == 0 ? SMALL_LETTER : LETTER) - (int) strlen(before)));
	appendStringInfoString(out, "</text>");
}

/* Appends everything known about a picture, for screen readers and on hover. */
static void
append_description(StringInfo out, const Picture *p)
{
	appendStringInfoString(out, "<title>");
	markup_text(out, p->key);
	if (p->label)
		appendStringInfoString(out, ": ");
	markup_text(out, p->label);
	if (p->predicted)
		appendStringInfoString(out, "; predicted ");
	markup_text(out, p->predicted);
	if (p->missing)
		appendStringInfoString(out, "; no image: ");
	markup_text(out, p->missing);
	appendStringInfoString(out, "</title>");
}

/* Appends the picture in the middle of its square. */
static void
append_image(StringInfo out, const Layout *layout, const Picture *p)
{
	const vc_thumbnail *image = &p->image;

	appendStringInfo(out, "<rect width=\"%d\" height=\"%d\" class=\"mat\"/>", layout->size, layout->size);
	if (image->data == NULL)
	{
		appendStringInfo(out, "<text x=\"6\" y=\"%d\" class=\"small\">", layout->size / 2);
		markup_short_text(out, p->missing, layout->size / SMALL_LETTER);
		appendStringInfoString(out, "</text>");
		return;
	}
	appendStringInfo(out, "<image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" href=\"",
					 (layout->size - image->width) / 2, (layout->size - image->height) / 2,
					 image->width, image->height);
	markup_image(out, image);
	appendStringInfoString(out, "\"/>");
}

static void
append_tile(StringInfo out, const Layout *layout, const Picture *p, int place)
{
	bool		wrong = p->label && p->predicted && strcmp(p->label, p->predicted) != 0;
	StringInfoData numbers;

	initStringInfo(&numbers);
	appendStringInfoString(&numbers, p->key);
	if (!isnan(p->confidence))
		appendStringInfo(&numbers, ", p %.2f", p->confidence);
	if (!isnan(p->loss))
		appendStringInfo(&numbers, ", loss %.2f", p->loss);
	appendStringInfo(out, "<g role=\"img\" transform=\"translate(%d %d)\">",
					 GAP + place % layout->columns * (layout->size + GAP),
					 layout->top + place / layout->columns * (layout->size + LINES * LINE + GAP));
	append_description(out, p);
	append_image(out, layout, p);
	if (p->predicted)
		append_line(out, layout, 0, wrong ? "wrong" : "said", wrong ? "says " : "", p->predicted);
	if (p->label)
		append_line(out, layout, p->predicted ? 1 : 0, "label", p->predicted ? "is " : "", p->label);
	append_line(out, layout, (p->predicted != NULL) + (p->label != NULL), "small", "", numbers.data);
	appendStringInfoString(out, "</g>\n");
}

static Layout
lay_out(FunctionCallInfo fcinfo, const Pictures *pictures)
{
	Layout		l = {.size = PG_GETARG_INT32(ARG_SIZE)};
	int			rows;

	l.columns = Max(1, Min(PG_GETARG_INT32(ARG_COLUMNS), pictures->count));
	rows = (pictures->count + l.columns - 1) / l.columns;
	l.top = PG_ARGISNULL(ARG_TITLE) ? GAP : TITLE;
	l.width = GAP + l.columns * (l.size + GAP);
	l.height = l.top + Max(LINE * 2, rows * (l.size + LINES * LINE + GAP));
	return l;
}

static void
append_sheet(FunctionCallInfo fcinfo, StringInfo out, const Pictures *pictures)
{
	Layout		layout = lay_out(fcinfo, pictures);
	char	   *title = PG_ARGISNULL(ARG_TITLE) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_TITLE));

	appendStringInfo(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%1$d\" height=\"%2$d\" viewBox=\"0 0 %1$d %2$d\">\n"
					 "<title>", layout.width, layout.height);
	markup_text(out, title ? title : "contact sheet");
	appendStringInfoString(out, "</title>\n<style>"
						   "text{font:12px system-ui,sans-serif;fill:#222;unicode-bidi:isolate}"
						   ".sheet{font-size:17px;font-weight:600}.said,.label{font-weight:600}"
						   ".wrong{font-weight:600;fill:#a33600}.small{font-size:11px;fill:#555}.mat{fill:#efece6}"
						   "</style>\n");
	appendStringInfo(out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", layout.width, layout.height);
	if (title)
	{
		appendStringInfo(out, "<text x=\"%d\" y=\"23\" class=\"sheet\">", GAP);
		markup_text(out, title);
		appendStringInfoString(out, "</text>\n");
	}
	if (pictures->count == 0)
		appendStringInfo(out, "<text x=\"%d\" y=\"%d\">no rows to show</text>\n", GAP, layout.top + LINE);
	for (int i = 0; i < pictures->count; i++)
		append_tile(out, &layout, &pictures->list[i], i);
	appendStringInfoString(out, "</svg>\n");
}

/* visclf.contact_sheet(source, ...) */
Datum
visclf_contact_sheet(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work;
	PictureSource source;
	Pictures   *pictures;
	StringInfoData out;

	check_sheet_arguments(fcinfo);
	source.relation = PG_GETARG_OID(ARG_SOURCE);
	source.key_column = NameStr(*PG_GETARG_NAME(ARG_KEY_COLUMN));
	source.image_column = NameStr(*PG_GETARG_NAME(ARG_IMAGE_COLUMN));
	source_lock(source.relation);
	source_column_type(source.relation, source.key_column, "key_column");
	source_check_image(source.relation, source.image_column);
	SPI_connect();
	work = CurrentMemoryContext;
	pictures = choose(fcinfo, &source);
	pictures_read(pictures, &source, PG_GETARG_INT32(ARG_SIZE));
	MemoryContextSwitchTo(caller);
	initStringInfo(&out);
	append_sheet(fcinfo, &out, pictures);
	MemoryContextSwitchTo(work);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/* visclf.thumbnail(image, size): NULL for an image that cannot be decoded. */
Datum
visclf_thumbnail(PG_FUNCTION_ARGS)
{
	bytea	   *image = PG_GETARG_BYTEA_PP(0);
	vc_decode_limits limits = decode_limits();
	vc_thumbnail picture;
	bytea	   *result;
	vc_error	error;
	vc_status	status;

	status = vc_thumbnail_make((uint8_t *) VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image),
							   PG_GETARG_INT32(1), &limits, &picture, &error);
	vc_check_image(status, &error);
	if (status != VC_OK)
		PG_RETURN_NULL();
	result = palloc_extended(VARHDRSZ + picture.size, MCXT_ALLOC_NO_OOM);
	if (result)
	{
		SET_VARSIZE(result, VARHDRSZ + picture.size);
		memcpy(VARDATA(result), picture.data, picture.size);
	}
	free(picture.data);
	if (result == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	PG_RETURN_BYTEA_P(result);
}

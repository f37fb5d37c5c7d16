/*
 * quantifier_warn.c
 *		What to doubt about an estimate, in words.
 */
#include "extension/counting/quantifier.h"

#include <math.h>

#include "lib/stringinfo.h"

#define FEW_VALIDATION 10		/* images of a class */
#define CANNOT_TELL 0.1			/* true less false positive rate */

static void
append_warning(StringInfo text, const char *format,...) pg_attribute_printf(2, 3);

/* Adds one doubt to the others. */
static void
append_warning(StringInfo text, const char *format,...)
{
	va_list		args;
	char		doubt[256];

	va_start(args, format);
	vsnprintf(doubt, sizeof(doubt), format, args);
	va_end(args);
	appendStringInfo(text, "%s%s", text->len > 0 ? "; " : "", doubt);
}

/* What is not known of how the model errs about a class. */
static void
doubt_model(const Quantifier *q, int class_index, StringInfo text)
{
	double		low;
	double		informedness = vc_informedness(q->confusion, q->class_count, class_index, &low);
	int64		images = 0;

	for (int c = 0; c < q->class_count; c++)
		images += q->confusion[class_index * q->class_count + c];
	if (images == 0)
		append_warning(text, "no validation image is of this class");
	else if (images < FEW_VALIDATION)
		append_warning(text, "few validation images are of this class: %lld", (long long) images);
	if (isnan(informedness))
		append_warning(text, "the model's errors about this class are not known");
	else if (informedness < CANNOT_TELL || low <= 0)
		append_warning(text, "the model cannot tell this class from the rest: its true positive rate minus its false positive rate is %.2f, at least %.2f with 95 %% confidence",
			   informedness, low);
}

char *
group_warning(const Quantifier *q, const ImageGroup *group, int class_index)
{
	StringInfoData text;

	initStringInfo(&text);
	if (group->classified == 0)
		append_warning(&text, "no image of the group is classified");
	else if (group->classified < FEW_IMAGES)
		append_warning(&text, "few images of the group are classified: %lld", (long long) group->classified);
	if (group->flawed > 0)
		append_warning(&text, "images of the group are cut off or damaged: %lld", (long long) group->flawed);
	if (vc_quantification_corrects(q->method))
		doubt_model(q, class_index, &text);
	return text.len > 0 ? text.data : NULL;
}

/*
 * quantifier.c
 *		What counting by class needs to know of a model: its classes and how it
 *		errs, from its validation images.
 */
#include "extension/counting/quantifier.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "extension/support/error.h"
#include "extension/support/release.h"
#include "extension/support/sql.h"

vc_quantification
quantification_from_name(const char *name)
{
	vc_quantification method;

	if (!vc_quantification_from_name(name, &method))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized method \"%s\"", name),
				 errhint("Allowed: cc, pcc, acc, pacc, emq.")));
	return method;
}

int
quantifier_class(const Quantifier *q, const char *label)
{
	for (int c = 0; c < q->class_count; c++)
		if (strcmp(q->classes[c], label) == 0)
			return c;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not a class of model \"%s\"", label, q->model),
			 errhint("SELECT classes FROM visclf.model lists a model's classes.")));
}

void
quantifier_other_version(const Quantifier *q, int model_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("there are predictions of model_id %d, but the active version of model \"%s\" is model_id %d",
					model_id, q->model, q->model_id),
			 errhint("Classify them anew, make the other version active with CALL visclf.activate, or pass a view of the rows of one version.")));
}

/* Reads the version's row; true where it was trained as if classes were as frequent. */
static bool
read_model(Quantifier *q)
{
	Sql			sql;
	char	   *balance;

	sql_begin(&sql, "SELECT name, classes, multi_label, hyperparameters OPERATOR(pg_catalog.->>) 'balance' "
			  "FROM visclf.model WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, q->model_id);
	if (sql_read(&sql) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model version %d does not exist or is not shared with you", q->model_id)));
	q->model = result_string(0, 1);
	q->classes = text_array_values(result_not_null(0, 2, TEXTARRAYOID), &q->class_count);
	balance = result_text(0, 4);
	if (result_bool(0, 3))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" is multi-label", q->model),
				 errhint("Only shares of mutually exclusive classes can be estimated: train a single-label model for each question.")));
	return balance != NULL && strcmp(balance, "none") != 0;
}

/* Reads numbers of one image into row[class_count]. */
static void
read_probabilities(const Quantifier *q, Datum array, float *row)
{
	ArrayType  *numbers = DatumGetArrayTypeP(array);
	bool		fits = ARR_NDIM(numbers) == 1 && ARR_DIMS(numbers)[0] == q->class_count &&
		!ARR_HASNULL(numbers);
	double		sum = 0;

	for (int c = 0; fits && c < q->class_count; c++)
	{
		row[c] = ((const float4 *) ARR_DATA_PTR(numbers))[c];
		sum += row[c];
		fits = row[c] >= 0 && row[c] <= 1.001f;
	}
	if (!fits || fabs(sum - 1) > 0.01)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid probabilities of %d classes: %s", q->class_count,
						OidOutputFunctionCall(F_ARRAY_OUT, array)),
				 errhint("Pass one number from 0 to 1 for each class of model \"%s\"; they must add up to 1.",
						 q->model)));
}

/* The validation images, by their true class. */
static ImageGroup **
read_validation(Quantifier *q)
{
	ImageGroup	  **groups = palloc(sizeof(ImageGroup *) * q->class_count);
	Sql			sql;
	uint64		rows;
	vc_error	error;

	q->confusion = palloc0(sizeof(int64) * q->class_count * q->class_count);
	for (int c = 0; c < q->class_count; c++)
		groups[c] = group_create(q);
	sql_begin(&sql, "SELECT label, predicted, probabilities FROM visclf.validation "
			  "WHERE model_id OPERATOR(pg_catalog.=) $1 ORDER BY row_number");
	sql_int(&sql, q->model_id);
	rows = sql_read(&sql);
	if (rows == 0 && vc_quantification_corrects(q->method))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no validation images, so its errors are not known", q->model),
				 errhint("Train it on labelled rows (pretrained => ..., method => 'probe' is quick), or use method => 'cc' or 'pcc', which do not correct.")));
	check_status(vc_quantifier_check_memory(&q->options, (int64) rows, &error), &error);
	for (uint64 i = 0; i < rows; i++)
	{
		char	   *predicted = result_string(i, 2);
		int			truth = quantifier_class(q, result_string(i, 1));
		bool		isnull;
		Datum		probabilities = result_datum(i, 3, FLOAT4ARRAYOID, &isnull);

		group_add(q, groups[truth], predicted, 1, probabilities, isnull);
		q->confusion[truth * q->class_count + quantifier_class(q, predicted)]++;
	}
	return groups;
}

static void
release_engine(void *engine)
{
	vc_quantifier_free(engine);
}

Quantifier *
quantifier_create(int model_id, vc_quantification method, double confidence, int resamples,
				  int64 seed, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	Quantifier *q = palloc0(sizeof(*q));
	vc_classified *validation;
	ImageGroup	  **groups;
	vc_error	error;

	q->model_id = model_id;
	q->method = method;
	q->options = (vc_quantifier_options) {.method = method, .confidence = confidence,
		.resamples = resamples, .seed = (uint64) seed, .canceled = query_canceled,
		.memory = (int64) maintenance_work_mem * 1024};
	q->options.balanced = read_model(q);
	q->options.classes = q->class_count;
	check_status(vc_quantifier_check_memory(&q->options, 0, &error), &error);
	groups = read_validation(q);
	validation = palloc(sizeof(*validation) * q->class_count);
	for (int c = 0; c < q->class_count; c++)
		validation[c] = (vc_classified) {groups[c]->classified, groups[c]->predicted, groups[c]->probabilities};
	check_status(vc_quantifier_create(&q->options, validation, &q->engine, &error), &error);
	release_with_context(context, release_engine, q->engine);
	MemoryContextSwitchTo(caller);
	return q;
}

ImageGroup *
group_create(const Quantifier *q)
{
	ImageGroup	   *group = palloc0(sizeof(*group));

	group->predicted = palloc0(sizeof(int64) * q->class_count);
	group->context = CurrentMemoryContext;
	return group;
}

void
group_reset(const Quantifier *q, ImageGroup *group)
{
	group->classified = group->failed = group->flawed = 0;
	memset(group->predicted, 0, sizeof(int64) * q->class_count);
}

/* Makes room for probabilities of more images. */
static void
grow_group(const Quantifier *q, ImageGroup *group)
{
	vc_error	error;

	group->room = Max(16, 2 * group->room);
	check_status(vc_quantifier_check_memory(&q->options, group->room, &error), &error);
	if (group->probabilities == NULL)
		group->probabilities = MemoryContextAllocHuge(group->context, sizeof(float) * q->class_count * group->room);
	else
		group->probabilities = repalloc_huge(group->probabilities, sizeof(float) * q->class_count * group->room);
}

void
group_add(const Quantifier *q, ImageGroup *group, const char *label, int64 images, Datum probabilities,
		  bool no_probabilities)
{
	bool		soft = vc_quantification_soft(q->method);

	if (label == NULL || (soft && no_probabilities))
	{
		group->failed += images;
		return;
	}
	if (soft && group->classified == group->room)
		grow_group(q, group);
	if (soft)
		read_probabilities(q, probabilities, group->probabilities + group->classified * q->class_count);
	group->predicted[quantifier_class(q, label)] += images;
	group->classified += images;
}

vc_prevalence *
group_estimate(const Quantifier *q, const ImageGroup *group)
{
	vc_classified images = {group->classified, group->predicted, group->probabilities};
	vc_prevalence *found;
	vc_error	error;

	if (group->classified == 0)
		return NULL;
	found = palloc(sizeof(*found) * q->class_count);
	check_status(vc_quantify(q->engine, &images, found, &error), &error);
	return found;
}

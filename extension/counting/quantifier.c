/*
 * quantifier.c
 *		A model's classes, and its errors on its validation images.
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
				 errhint("Allowed: ppi, cc, pcc, acc, pacc, emq.")));
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

/* Reads the version's row. */
static void
read_model(Quantifier *q)
{
	Sql			sql;
	char	   *text;

	sql_begin(&sql, "SELECT name, classes, multi_label, hyperparameters OPERATOR(pg_catalog.->>) 'balance', "
			  "hyperparameters OPERATOR(pg_catalog.->>) 'folds', hyperparameters OPERATOR(pg_catalog.->>) 'key_column', "
			  "hyperparameters OPERATOR(pg_catalog.->>) 'group_column', metrics OPERATOR(pg_catalog.->>) 'train_images' "
			  "FROM visclf.model WHERE model_id OPERATOR(pg_catalog.=) $1");
	sql_int(&sql, q->model_id);
	if (sql_read(&sql) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model version %d does not exist or is not shared with you", q->model_id)));
	q->model = result_string(0, 1);
	q->classes = text_array_values(result_not_null(0, 2, TEXTARRAYOID), &q->class_count);
	q->multi_label = result_bool(0, 3);
	text = result_text(0, 4);
	q->balanced = text != NULL && strcmp(text, "none") != 0;
	text = result_text(0, 5);
	q->folds = text ? atoi(text) : 0;
	q->key_column = result_text(0, 6);
	q->group_column = result_text(0, 7);
	q->trained = result_text(0, 8) != NULL;
}

void
quantifier_refuse_multi_label(const Quantifier *q)
{
	if (q->multi_label)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" is multi-label", q->model),
				 errhint("Method ppi counts them too, if labels are known: known_column => '...'. Other methods require single-label models, one for each question.")));
}

/* Reads numbers of one image into row[class_count]. */
static void
read_validation_probabilities(const Quantifier *q, Datum array, float *row)
{
	ArrayType  *numbers = DatumGetArrayTypeP(array);
	bool		fits = ARR_NDIM(numbers) == 1 && ARR_DIMS(numbers)[0] == q->class_count &&
		!ARR_HASNULL(numbers);
	double		sum = 0;

	for (int c = 0; fits && c < q->class_count; c++)
	{
		row[c] = ARR_ELEMTYPE(numbers) == FLOAT8OID ? (float) ((const float8 *) ARR_DATA_PTR(numbers))[c] :
			((const float4 *) ARR_DATA_PTR(numbers))[c];
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

/* The validation images of one class. */
typedef struct Validation
{
	ImageGroup *group;
	int32	   *labels;			/* prediction for each */
	int32	   *clusters;
} Validation;

/* Labels and clusters of the validation images, in order; clusters are numbered from 1. */
static uint64
select_validation(const Quantifier *q)
{
	Sql			sql;
	uint64		rows;
	vc_error	error;

	sql_begin(&sql, "SELECT label, predicted, probabilities, pg_catalog.dense_rank() OVER (ORDER BY coalesce(group_key, key), "
			  "CASE WHEN coalesce(group_key, key) IS NULL THEN row_number END) "
			  "FROM visclf.validation WHERE model_id OPERATOR(pg_catalog.=) $1 ORDER BY row_number");
	sql_int(&sql, q->model_id);
	rows = sql_read(&sql);
	if (rows == 0 && vc_quantification_corrects(q->method))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no validation images, so its errors are not known", q->model),
				 errhint("Train it on labelled rows (pretrained => ..., method => 'probe' is quick), or use method => 'cc' or 'pcc', which do not correct.")));
	check_status(vc_quantifier_check_memory(&q->options, (int64) rows, &error), &error);
	return rows;
}

/*
 * Reads the validation images by true class. Returns the number of their
 * clusters; 0 if each is its own.
 */
static Validation *
read_validation(Quantifier *q, int *clusters)
{
	uint64		rows = select_validation(q);
	Validation *v = palloc(sizeof(Validation) * q->class_count);
	int64	   *counts = palloc0(sizeof(int64) * q->class_count);

	q->confusion = palloc0(sizeof(int64) * q->class_count * q->class_count);
	for (uint64 i = 0; i < rows; i++)
		counts[quantifier_class(q, result_string(i, 1))]++;
	for (int c = 0; c < q->class_count; c++)
		v[c] = (Validation) {group_create(q), palloc(sizeof(int32) * Max(counts[c], 1)), palloc(sizeof(int32) * Max(counts[c], 1))};
	*clusters = 0;
	for (uint64 i = 0; i < rows; i++)
	{
		PredictionRow row = {.label = result_string(i, 2), .images = 1, .bin = -1};
		int			truth = quantifier_class(q, result_string(i, 1));
		int64		place = v[truth].group->classified;

		row.probabilities = result_datum(i, 3, FLOAT4ARRAYOID, &row.no_probabilities);
		group_add(q, v[truth].group, &row);
		v[truth].labels[place] = quantifier_class(q, row.label);
		v[truth].clusters[place] = (int32) result_bigint(i, 4) - 1;
		*clusters = Max(*clusters, v[truth].clusters[place] + 1);
		q->confusion[truth * q->class_count + v[truth].labels[place]]++;
	}
	if ((uint64) *clusters == rows)
		*clusters = 0;
	return v;
}

static void
release_engine(void *engine)
{
	vc_quantifier_free(engine);
}

Quantifier *
quantifier_open(int model_id, vc_quantification method, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	Quantifier *q = palloc0(sizeof(*q));

	q->model_id = model_id;
	q->method = method;
	q->context = context;
	read_model(q);
	MemoryContextSwitchTo(caller);
	return q;
}

Quantifier *
quantifier_create(int model_id, vc_quantification method, double confidence, int resamples,
				  int64 seed, MemoryContext context)
{
	Quantifier *q = quantifier_open(model_id, method, context);
	MemoryContext caller = MemoryContextSwitchTo(context);
	vc_classified *validation = palloc(sizeof(*validation) * q->class_count);
	Validation *v;
	vc_error	error;

	quantifier_refuse_multi_label(q);
	q->options = (vc_quantifier_options) {.method = method, .classes = q->class_count, .confidence = confidence,
		.resamples = resamples, .seed = (uint64) seed, .balanced = q->balanced, .canceled = query_canceled,
		.memory = (int64) maintenance_work_mem * 1024};
	check_status(vc_quantifier_check_memory(&q->options, 0, &error), &error);
	v = read_validation(q, &q->options.clusters);
	for (int c = 0; c < q->class_count; c++)
		validation[c] = (vc_classified) {v[c].group->classified, v[c].group->predicted, v[c].group->probabilities, v[c].labels, v[c].clusters};
	check_status(vc_quantifier_create(&q->options, validation, &q->engine, &error), &error);
	release_with_context(context, release_engine, q->engine);
	if (vc_quantification_corrects(method))
		quantifier_read_confidences(q);
	MemoryContextSwitchTo(caller);
	return q;
}

void
quantifier_read_confidences(Quantifier *q)
{
	Sql			sql;
	uint64		rows;

	if (q->multi_label)
		return;
	sql_begin(&sql, "SELECT predicted, bin, pg_catalog.count(*) FROM (SELECT predicted, " BIN_OF("confidence") " AS bin "
			  "FROM (SELECT v.predicted, (SELECT pg_catalog.max(p) FROM pg_catalog.unnest(v.probabilities) p) AS confidence "
			  "FROM visclf.validation v WHERE v.model_id OPERATOR(pg_catalog.=) $1) s) b "
			  "WHERE bin IS NOT NULL GROUP BY 1, 2");
	sql_int(&sql, q->model_id);
	rows = sql_read(&sql);
	q->confidences = palloc0(sizeof(int64) * BINS * q->class_count);
	for (uint64 i = 0; i < rows; i++)
		q->confidences[quantifier_class(q, result_string(i, 1)) * BINS + result_int(i, 2)] += result_bigint(i, 3);
}

ImageGroup *
group_create(const Quantifier *q)
{
	ImageGroup	   *group = palloc0(sizeof(*group));

	group->predicted = palloc0(sizeof(int64) * q->class_count);
	group->labels = palloc0(sizeof(int64) * q->class_count);
	group->raw = palloc0(sizeof(int64) * q->class_count);
	group->context = CurrentMemoryContext;
	return group;
}

void
group_reset(const Quantifier *q, ImageGroup *group)
{
	group->classified = group->known = group->failed = group->flawed = 0;
	memset(group->confidences, 0, sizeof(group->confidences));
	memset(group->predicted, 0, sizeof(int64) * q->class_count);
	memset(group->labels, 0, sizeof(int64) * q->class_count);
	memset(group->raw, 0, sizeof(int64) * q->class_count);
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
group_add(const Quantifier *q, ImageGroup *group, const PredictionRow *row)
{
	bool		soft = vc_quantification_soft(q->method);

	Assert(!soft || row->images == 1 || row->label == NULL || row->no_probabilities);
	group->flawed += row->flawed;
	if (row->label != NULL)
		group->raw[quantifier_class(q, row->label)] += row->images;
	if (row->known != NULL)
	{
		group->labels[quantifier_class(q, row->known)] += row->images;
		group->known += row->images;
		return;
	}
	if (row->label == NULL || (soft && row->no_probabilities))
	{
		group->failed += row->images;
		return;
	}
	if (soft && group->classified == group->room)
		grow_group(q, group);
	if (soft)
		read_validation_probabilities(q, row->probabilities, group->probabilities + group->classified * q->class_count);
	group->predicted[quantifier_class(q, row->label)] += row->images;
	group->classified += row->images;
	if (row->bin >= 0 && row->bin < BINS)
		group->confidences[row->bin] += row->images;
}

/* Counts known labels as they are: only the other images are estimated. */
static void
group_add_known(const Quantifier *q, const ImageGroup *group, vc_prevalence *found)
{
	double		images = group->known + group->classified;
	double		predicted = 0;

	for (int c = 0; c < q->class_count; c++)
		predicted += group->raw[c];
	for (int c = 0; c < q->class_count; c++)
	{
		double		known = group->labels[c] / images;
		double		rest = group->classified / images;

		found[c].raw = predicted > 0 ? group->raw[c] / predicted : NAN;
		found[c].share = known + rest * found[c].share;
		found[c].low = known + rest * found[c].low;
		found[c].high = known + rest * found[c].high;
	}
}

vc_prevalence *
group_estimate(const Quantifier *q, const ImageGroup *group)
{
	return group_draws(q, group, 0, NULL);
}

vc_prevalence *
group_draws(const Quantifier *q, const ImageGroup *group, int resamples, double *draws)
{
	vc_classified images = {.count = group->classified, .predicted = group->predicted, .probabilities = group->probabilities};
	vc_prevalence *found;
	vc_error	error;

	if (group->classified + group->known == 0)
		return NULL;
	found = palloc0(sizeof(*found) * q->class_count);
	if (group->classified > 0)
		check_status(vc_quantify_draws(q->engine, &images, found, draws, &error), &error);
	else if (draws != NULL)
		memset(draws, 0, sizeof(double) * q->class_count * resamples);
	if (group->known == 0)
		return found;
	for (int c = 0; c < q->class_count; c++)
		for (int r = 0; r < resamples; r++)
			draws[(Size) c * resamples + r] = (group->labels[c] + group->classified * draws[(Size) c * resamples + r]) /
				(group->known + group->classified);
	group_add_known(q, group, found);
	return found;
}

/*
 * prevalence.c
 *		Estimates of how many images of a group are of each class.
 */
#include "engine/counting/prevalence_private.h"
#include "engine/counting/simplex.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EM_EXACT 1e-11			/* mean change of a share, for an end; of the estimate itself */

static const char *const method_names[] = {"cc", "pcc", "acc", "pacc", "emq"};

bool
vc_quantification_from_name(const char *name, vc_quantification *method)
{
	for (int i = VC_CC; i <= VC_EMQ; i++)
		if (strcmp(name, method_names[i]) == 0)
		{
			*method = i;
			return true;
		}
	return false;
}

bool
vc_quantification_soft(vc_quantification method)
{
	return method == VC_PCC || method == VC_PACC || method == VC_EMQ;
}

bool
vc_quantification_corrects(vc_quantification method)
{
	return method == VC_ACC || method == VC_PACC || method == VC_EMQ;
}

/* Numbers of what is learnt once. */
static size_t
learnt_numbers(const vc_quantifier_options *o)
{
	size_t		classes = o->classes;
	size_t		matrix = vc_uses_rates(o->method) ? classes * classes : 0;

	return 2 * matrix + (o->method == VC_EMQ ? classes : 0);
}

/* The most bytes at one time: all that is learnt, the draws of an interval, cells and scratch. */
static int64_t
bytes_needed(const vc_quantifier_options *o, int64_t images)
{
	int64_t		classes = o->classes;
	int64_t		resamples = o->resamples;
	int64_t		learnt = (1 + resamples) * (int64_t) (learnt_numbers(o) * sizeof(double) + sizeof(vc_learnt));
	int64_t		scratch = (int64_t) sizeof(double) *
		((int64_t) (VC_ESTIMATE_SCRATCH(classes) + 2 * classes * classes) + 4 * classes);
	int64_t		image = 0;

	if (vc_quantification_soft(o->method))	/* probabilities, an entry to sort, a cell of its own */
		image = classes * (int64_t) (sizeof(float) + sizeof(double)) + 3 * (int64_t) sizeof(double);
	if (o->method == VC_EMQ)	/* and once more, see refine() */
		image += (classes + 1) * (int64_t) sizeof(double);
	return learnt + scratch + classes * resamples * (int64_t) sizeof(double) + images * image;
}

vc_status
vc_quantifier_check_memory(const vc_quantifier_options *options, int64_t images, vc_error *error)
{
	const int64_t mb = 1024 * 1024;
	int64_t		bytes = bytes_needed(options, images);
	int64_t		needed = (bytes + mb - 1) / mb;

	if (options->memory == 0 || bytes <= options->memory)
		return VC_OK;
	vc_fail(error, VC_LIMIT_EXCEEDED, "memory required is %lld MB, maintenance_work_mem is %lld MB",
			(long long) needed, (long long) (options->memory / mb));
	return vc_hint(error, VC_LIMIT_EXCEEDED,
				   "%d classes, %d resamples and %lld images need it: SET maintenance_work_mem = '%lldMB', or use fewer resamples or smaller groups.",
				   options->classes, options->resamples, (long long) images, (long long) needed);
}

/* Room for what is learnt, observed and resampled, in one piece. */
static vc_status
allocate_quantifier(vc_quantifier *q, vc_error *error)
{
	size_t		classes = q->options.classes;
	size_t		matrix = vc_uses_rates(q->options.method) ? classes * classes : 0;
	size_t		prior = q->options.method == VC_EMQ ? classes : 0;
	size_t		each = learnt_numbers(&q->options);
	size_t		count = 1 + (size_t) q->options.resamples;
	double	   *at;

	q->numbers = calloc(count * each + 1, sizeof(double));
	q->resampled = calloc(count, sizeof(vc_learnt));
	if (q->numbers == NULL || q->resampled == NULL)
		return vc_no_memory(error, count * (each * sizeof(double) + sizeof(vc_learnt)));
	at = q->numbers;
	for (size_t i = 0; i < count; i++, at += each)
	{
		vc_learnt  *learnt = i == 0 ? &q->observed : &q->resampled[i - 1];

		learnt->rates = matrix ? at : NULL;
		learnt->inverse = matrix ? at + matrix : NULL;
		learnt->prior = prior ? at + 2 * matrix : NULL;
	}
	return VC_OK;
}

static vc_status
learn_observed(vc_quantifier *q, const vc_cells *cells, vc_error *error)
{
	int			classes = q->options.classes;
	double	   *scratch = malloc(sizeof(double) * (2 * classes * classes + classes));
	double	  **weights = malloc(sizeof(double *) * classes);
	vc_status	status = VC_OK;

	if (scratch == NULL || weights == NULL)
		status = vc_no_memory(error, sizeof(double) * (2 * classes + 2) * classes);
	for (int c = 0; c < classes && status == VC_OK; c++)
		weights[c] = cells[c].weights;
	if (status == VC_OK)
		vc_learn(q, cells, weights, &q->observed, scratch);
	free(scratch);
	free(weights);
	return status;
}

/* Learns from the validation images, observed and resampled. */
static vc_status
learn(vc_quantifier *q, const vc_classified *validation, vc_error *error)
{
	int			classes = q->options.classes;
	vc_cells   *cells = calloc(classes, sizeof(vc_cells));
	vc_status	status = cells == NULL ? vc_no_memory(error, sizeof(vc_cells) * classes) : VC_OK;

	for (int c = 0; c < classes && status == VC_OK; c++)
		status = q->options.clusters > 0 && q->options.method != VC_ACC ?
			vc_cells_single(&validation[c], classes, &cells[c], error) :
			vc_cells_make(&validation[c], classes, q->options.method != VC_ACC, &cells[c], error);
	if (status == VC_OK)
		status = learn_observed(q, cells, error);
	if (status == VC_OK)
		status = vc_resample_validation(q, validation, cells, error);
	for (int c = 0; c < classes && cells != NULL; c++)
		vc_cells_free(&cells[c]);
	free(cells);
	return status;
}

static vc_status
check_quantifier(const vc_quantifier_options *o, vc_error *error)
{
	if (!(o->confidence > 0 && o->confidence < 1))
	{
		vc_fail(error, VC_INVALID_ARGUMENT, "confidence %g is not between 0 and 1", o->confidence);
		return vc_hint(error, VC_INVALID_ARGUMENT, "0.95 gives 95 %% intervals.");
	}
	if (o->resamples < 0 || o->resamples > 100000)
	{
		vc_fail(error, VC_INVALID_ARGUMENT, "resamples %d is not between 0 and 100000", o->resamples);
		return vc_hint(error, VC_INVALID_ARGUMENT, "1000 is usual; 0 leaves out the intervals.");
	}
	if (o->classes < 2)
		return vc_fail(error, VC_INVALID_ARGUMENT, "%d classes are too few to estimate shares of", o->classes);
	return VC_OK;
}

vc_status
vc_quantifier_create(const vc_quantifier_options *options, const vc_classified *validation,
					 vc_quantifier **quantifier, vc_error *error)
{
	vc_status	status = check_quantifier(options, error);
	vc_quantifier *q;
	int64_t		images = 0;

	*quantifier = NULL;
	for (int c = 0; c < options->classes && validation != NULL; c++)
		images += validation[c].count;
	if (status == VC_OK)
		status = vc_quantifier_check_memory(options, images, error);
	if (status != VC_OK)
		return status;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return vc_no_memory(error, sizeof(*q));
	q->options = *options;
	status = allocate_quantifier(q, error);
	if (status == VC_OK && vc_quantification_corrects(options->method))
		status = learn(q, validation, error);
	if (status != VC_OK)
		vc_quantifier_free(q);
	else
		*quantifier = q;
	return status;
}

void
vc_quantifier_free(vc_quantifier *q)
{
	if (q == NULL)
		return;
	free(q->numbers);
	free(q->resampled);
	free(q);
}

/*
 * From the shares that make the cells likeliest to those that make the images
 * likeliest: the means of cells are not quite what is in them.
 */
static vc_status
refine(const vc_quantifier *q, const vc_classified *group, double *shares, double *scratch,
	   vc_error *error)
{
	int			classes = q->options.classes;
	vc_cells	images;
	vc_status	status = vc_cells_single(group, classes, &images, error);

	if (status != VC_OK)
		return status;
	vc_away_from_zero(shares, classes, shares);
	vc_expect_maximize(q, &q->observed, &images, images.weights, EM_EXACT, shares, scratch);
	vc_cells_free(&images);
	return VC_OK;
}

/* The estimates themselves, without intervals. */
static vc_status
estimate_observed(const vc_quantifier *q, const vc_classified *group, const vc_cells *cells,
				  vc_prevalence *out, vc_error *error)
{
	int			classes = q->options.classes;
	double	   *scratch = malloc(sizeof(double) * (VC_ESTIMATE_SCRATCH(classes) + classes));
	double	   *shares;
	vc_status	status = VC_OK;

	if (scratch == NULL)
		return vc_no_memory(error, sizeof(double) * (VC_ESTIMATE_SCRATCH(classes) + classes));
	shares = scratch + VC_ESTIMATE_SCRATCH(classes);
	for (int c = 0; c < classes; c++)
		shares[c] = q->observed.prior != NULL ? q->observed.prior[c] : 0;
	vc_estimate(q, &q->observed, cells, cells->weights, shares, scratch);
	if (q->options.method == VC_EMQ)
		status = refine(q, group, shares, scratch, error);
	for (int c = 0; c < classes; c++)
		out[c].share = shares[c];
	free(scratch);
	if (status == VC_OK && vc_canceled(q))
		status = vc_fail(error, VC_CANCELED, "canceled");
	return status;
}

vc_status
vc_quantify(const vc_quantifier *q, const vc_classified *group, vc_prevalence *out, vc_error *error)
{
	return vc_quantify_draws(q, group, out, NULL, error);
}

vc_status
vc_quantify_draws(const vc_quantifier *q, const vc_classified *group, vc_prevalence *out, double *draws,
				  vc_error *error)
{
	vc_cells	cells;
	vc_status	status;

	if (group->count < 1)
		return vc_fail(error, VC_INVALID_ARGUMENT, "a group has no images");
	if (group->count > INT32_MAX && vc_quantification_soft(q->options.method))
		return vc_fail(error, VC_LIMIT_EXCEEDED, "a group has more than %d images, too many for this method", INT32_MAX);
	for (int c = 0; c < q->options.classes; c++)
	{
		out[c].raw = group->predicted != NULL ? (double) group->predicted[c] / group->count : NAN;
		out[c].low = out[c].high = NAN;
	}
	status = vc_cells_make(group, q->options.classes, vc_quantification_soft(q->options.method),
						   &cells, error);
	if (status == VC_OK)
		status = estimate_observed(q, group, &cells, out, error);
	if (status == VC_OK && q->options.resamples > 0)
		status = vc_interval(q, &cells, out, draws, error);
	vc_cells_free(&cells);
	return status;
}

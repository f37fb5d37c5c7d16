/*
 * probe.c
 *		Logistic regression by L-BFGS.
 *
 * The unknowns form one vector: the weights of the standardised features
 * [classes][width], then the biases [classes].
 */
#include "engine/training/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/support/logistic.h"
#include "engine/weights/finite.h"

#define HISTORY			10		/* steps that the curvature is estimated from */
#define SUFFICIENT		1e-4	/* Armijo's constant */
#define SHRINK			0.5		/* of a step that was too long */
#define MAX_SHRINKS		30
#define TOLERANCE		1e-5	/* of the largest gradient */

typedef struct problem
{
	const float *features;
	const uint32_t *rows;		/* of them; NULL: the first */
	const vc_targets *targets;
	int64_t		count;
	int			width;
	int			classes;
	double		penalty;
	double		total;			/* divides the sum of the losses */
	int64_t		unknowns;
	double	   *mean;			/* [width] of the features */
	double	   *scale;			/* [width] 1 / standard deviation */
	double	   *row;			/* [width] one image, standardised */
	double	   *scores;			/* [classes] */
} problem;

static const float *
features_of(const problem *p, int64_t i)
{
	return p->features + (p->rows ? p->rows[i] : i) * p->width;
}

static vc_status
check_features(const problem *p, vc_error *error)
{
	for (int64_t i = 0; i < p->count; i++)
	{
		if (vc_first_not_finite(features_of(p, i), p->width) == p->width)
			continue;
		vc_fail(error, VC_CORRUPT_DATA, "a feature of image %lld is not finite", (long long) (i + 1));
		return vc_hint(error, VC_CORRUPT_DATA, "The weights of the pretrained model are too large, or damaged.");
	}
	return VC_OK;
}

/* Computes mean and 1 / standard deviation of each feature, 0 for constant ones. */
static void
standardise(problem *p)
{
	for (int64_t i = 0; i < p->count; i++)
		for (int j = 0; j < p->width; j++)
			p->mean[j] += features_of(p, i)[j];
	for (int j = 0; j < p->width; j++)
		p->mean[j] /= (double) p->count;
	for (int64_t i = 0; i < p->count; i++)
		for (int j = 0; j < p->width; j++)
		{
			double		d = features_of(p, i)[j] - p->mean[j];

			p->scale[j] += d * d;
		}
	for (int j = 0; j < p->width; j++)
	{
		double		deviation = sqrt(p->scale[j] / (double) p->count);

		p->scale[j] = deviation > 1e-12 ? 1 / deviation : 0;
	}
}

static double
class_weight(const problem *p, int k)
{
	return p->targets->class_weights != NULL ? p->targets->class_weights[k] : 1;
}

/* Computes one image's loss, and replaces scores by its gradient with respect to them. */
static double
softmax_loss(const problem *p, int label)
{
	double	   *scores = p->scores;
	double		weight = class_weight(p, label);
	double		largest = scores[0];
	double		sum = 0;
	double		loss;

	for (int k = 1; k < p->classes; k++)
		largest = fmax(largest, scores[k]);
	for (int k = 0; k < p->classes; k++)
		sum += exp(scores[k] - largest);
	loss = weight * (largest + log(sum) - scores[label]);
	for (int k = 0; k < p->classes; k++)
		scores[k] = weight * (exp(scores[k] - largest) / sum - (k == label));
	return loss;
}

/* The same for an image with any number of classes. */
static double
sigmoid_loss(const problem *p, const uint8_t *members)
{
	double	   *scores = p->scores;
	double		loss = 0;

	for (int k = 0; k < p->classes; k++)
	{
		double		weight = members[k] ? class_weight(p, k) : 1;
		double		gradient;

		loss += weight * vc_logistic_loss(scores[k], members[k], &gradient);
		scores[k] = weight * gradient;
	}
	return loss;
}

/* The divisor that makes the sum of the images' losses the mean of vc_targets. */
static double
loss_divisor(const problem *p)
{
	double		total = 0;

	if (p->targets->labels == NULL)
		return (double) p->count * p->classes;
	for (int64_t i = 0; i < p->count; i++)
		total += class_weight(p, p->targets->labels[i]);
	return total;
}

/* Adds one image's loss and gradient. */
static double
add_image(const problem *p, int64_t i, const double *x, double *gradient)
{
	const double *bias = x + (int64_t) p->classes * p->width;
	double	   *bias_gradient = gradient + (int64_t) p->classes * p->width;
	const float *features = features_of(p, i);
	double		loss;

	for (int j = 0; j < p->width; j++)
		p->row[j] = (features[j] - p->mean[j]) * p->scale[j];
	for (int k = 0; k < p->classes; k++)
	{
		const double *w = x + (int64_t) k * p->width;
		double		score = bias[k];

		for (int j = 0; j < p->width; j++)
			score += w[j] * p->row[j];
		p->scores[k] = score;
	}
	loss = p->targets->labels != NULL ? softmax_loss(p, p->targets->labels[i]) :
		sigmoid_loss(p, p->targets->members + i * p->classes);
	for (int k = 0; k < p->classes; k++)
	{
		double	   *g = gradient + (int64_t) k * p->width;
		double		d = p->scores[k];

		for (int j = 0; j < p->width; j++)
			g[j] += d * p->row[j];
		bias_gradient[k] += d;
	}
	return loss;
}

/* Computes the objective at x, its gradient, and the loss alone. */
static double
probe_objective(const problem *p, const double *x, double *gradient, double *mean_loss)
{
	int64_t		weights = (int64_t) p->classes * p->width;
	double		loss = 0;
	double		squares = 0;

	memset(gradient, 0, sizeof(double) * (size_t) p->unknowns);
	for (int64_t i = 0; i < p->count; i++)
		loss += add_image(p, i, x, gradient);
	*mean_loss = loss / p->total;
	for (int64_t j = 0; j < p->unknowns; j++)
		gradient[j] /= p->total;
	for (int64_t j = 0; j < weights; j++)
	{
		gradient[j] += p->penalty * x[j];
		squares += x[j] * x[j];
	}
	return *mean_loss + p->penalty / 2 * squares;
}

static double
dot(const double *a, const double *b, int64_t n)
{
	double		sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static double
largest(const double *a, int64_t n)
{
	double		most = 0;

	for (int64_t i = 0; i < n; i++)
		most = fmax(most, fabs(a[i]));
	return most;
}

/* The last steps and the changes of the gradient, the newest at `newest`. */
typedef struct history
{
	double	   *steps;			/* [HISTORY][n] */
	double	   *changes;		/* [HISTORY][n] */
	double		curvature[HISTORY]; /* step . change */
	int			count;
	int			newest;
} history;

/* direction = - (estimated inverse Hessian) gradient, by the two loops. */
static void
find_direction(const history *h, const double *gradient, double *direction, int64_t n)
{
	double		alpha[HISTORY];

	for (int64_t j = 0; j < n; j++)
		direction[j] = -gradient[j];
	for (int i = 0; i < h->count; i++)
	{
		int			k = (h->newest - i + HISTORY) % HISTORY;

		alpha[k] = dot(h->steps + k * n, direction, n) / h->curvature[k];
		for (int64_t j = 0; j < n; j++)
			direction[j] -= alpha[k] * h->changes[k * n + j];
	}
	if (h->count > 0)
	{
		const double *change = h->changes + h->newest * n;
		double		scale = h->curvature[h->newest] / dot(change, change, n);

		for (int64_t j = 0; j < n; j++)
			direction[j] *= scale;
	}
	for (int i = h->count - 1; i >= 0; i--)
	{
		int			k = (h->newest - i + HISTORY) % HISTORY;
		double		beta = dot(h->changes + k * n, direction, n) / h->curvature[k];

		for (int64_t j = 0; j < n; j++)
			direction[j] += (alpha[k] - beta) * h->steps[k * n + j];
	}
}

/* Remembers the step from x to next, unless it tells nothing about curvature. */
static void
remember(history *h, const double *x, const double *next, const double *gradient,
		 const double *next_gradient, int64_t n)
{
	int			k = (h->newest + 1) % HISTORY;
	double	   *step = h->steps + k * n;
	double	   *change = h->changes + k * n;

	for (int64_t j = 0; j < n; j++)
	{
		step[j] = next[j] - x[j];
		change[j] = next_gradient[j] - gradient[j];
	}
	h->curvature[k] = dot(step, change, n);
	if (h->curvature[k] <= 1e-12)
		return;
	h->newest = k;
	if (h->count < HISTORY)
		h->count++;
}

/* Vectors of the minimisation, [unknowns] each. */
typedef struct work
{
	double	   *x;
	double	   *gradient;
	double	   *next;
	double	   *next_gradient;
	double	   *direction;
	history		past;
} work;

/* Takes a step downhill along the direction; returns false if there is none. */
static bool
line_search(const problem *p, work *w, double *value, double *mean_loss)
{
	double		slope = dot(w->gradient, w->direction, p->unknowns);
	double		length = w->past.count > 0 ? 1 : 1 / fmax(1, largest(w->gradient, p->unknowns));

	for (int i = 0; i < MAX_SHRINKS; i++, length *= SHRINK)
	{
		double		next_value;

		for (int64_t j = 0; j < p->unknowns; j++)
			w->next[j] = w->x[j] + length * w->direction[j];
		next_value = probe_objective(p, w->next, w->next_gradient, mean_loss);
		if (next_value <= *value + SUFFICIENT * length * slope)
		{
			*value = next_value;
			return true;
		}
	}
	return false;
}

static vc_status
minimise(const problem *p, const vc_probe_options *o, work *w, double *loss, vc_error *error)
{
	double		value = probe_objective(p, w->x, w->gradient, loss);

	for (int i = 0; i < o->iterations; i++)
	{
		double		reached;
		double	   *swapped;

		if (o->interrupted && o->interrupted(o->interrupt_argument))
			return vc_fail(error, VC_CANCELED, "canceled");
		if (largest(w->gradient, p->unknowns) < TOLERANCE)
			break;
		find_direction(&w->past, w->gradient, w->direction, p->unknowns);
		if (!line_search(p, w, &value, &reached))
			break;
		*loss = reached;
		remember(&w->past, w->x, w->next, w->gradient, w->next_gradient, p->unknowns);
		swapped = w->x, w->x = w->next, w->next = swapped;
		swapped = w->gradient, w->gradient = w->next_gradient, w->next_gradient = swapped;
	}
	return VC_OK;
}

/* Computes the weights of the raw features from those of the standardised ones. */
static void
unfold(const problem *p, const double *x, float *weight, float *bias)
{
	for (int k = 0; k < p->classes; k++)
	{
		double		b = x[(int64_t) p->classes * p->width + k];

		for (int j = 0; j < p->width; j++)
		{
			double		w = x[(int64_t) k * p->width + j] * p->scale[j];

			weight[(int64_t) k * p->width + j] = (float) w;
			b -= w * p->mean[j];
		}
		bias[k] = (float) b;
	}
}

vc_status
vc_probe_fit(const float *features, const vc_targets *targets, int64_t count,
			 int width, int classes, const vc_probe_options *options,
			 float *weight, float *bias, double *loss, vc_error *error)
{
	problem		p = {.features = features,.rows = options->rows,.targets = targets,.count = count,
		.width = width,.classes = classes,.penalty = options->penalty};
	work		w = {0};
	int64_t		n = p.unknowns = (int64_t) classes * width + classes;
	size_t		doubles = (size_t) (n * (5 + 2 * HISTORY) + 3 * (int64_t) width + classes);
	double	   *memory = calloc(doubles, sizeof(double));
	vc_status	status;

	if (memory == NULL)
		return vc_no_memory(error, doubles * sizeof(double));
	w.x = memory;
	w.gradient = w.x + n;
	w.next = w.gradient + n;
	w.next_gradient = w.next + n;
	w.direction = w.next_gradient + n;
	w.past.steps = w.direction + n;
	w.past.changes = w.past.steps + HISTORY * n;
	p.mean = w.past.changes + HISTORY * n;
	p.scale = p.mean + width;
	p.row = p.scale + width;
	p.scores = p.row + width;
	p.total = loss_divisor(&p);
	status = check_features(&p, error);
	if (status == VC_OK)
	{
		standardise(&p);
		status = minimise(&p, options, &w, loss, error);
	}
	if (status == VC_OK)
		unfold(&p, w.x, weight, bias);
	free(memory);
	return status;
}

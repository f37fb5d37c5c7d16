/*
 * conformance_compare.c
 *		How errors are measured, how large they may be, and how they are told.
 */
#include "test/unit/conformance.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/oracle.h"
#include "test/unit/tap.h"

static const char *const measure_names[MEASURES] = {
	"forward", "gradients", "gradients near a jump", "running statistics",
	"Adam", "three steps", "repeated"
};

subject		reference = {.device_name = "oracle",.mode = "reference"};

int			subject_count;

/*
 * The tolerances, in the order of enum measure.  "direct" is float32 with
 * direct convolutions, "auto" what users get: on a CPU perhaps Winograd's
 * convolutions, on a GPU bfloat16.  The emulated GPU is held to a GPU's.  The
 * oracle has them to test this program.
 */
static const struct
{
	const char *device;
	const char *mode;
	vc_precision precision;
	bool		rounds;
	double		reach;
	double		limit[MEASURES];
}			tolerances[] =
{
	/*                                             forward gradient near   statist. Adam  steps repeat */
	{"oracle", "direct", VC_FLOAT32, false, 0, {0, 0, 0, 0, 1e-5, 0, 0}},
	{"oracle", "auto", VC_PRECISION_AUTO, false, 0, {0, 0, 0, 0, 1e-5, 0, 0}},
	{"cpu", "direct", VC_FLOAT32, false, 4e-6, {2e-5, 1e-4, 0.3, 1e-5, 1e-4, 1e-3, 0}},
	{"cpu", "auto", VC_PRECISION_AUTO, false, 1e-4, {2e-4, 1e-3, 0.3, 1e-4, 1e-4, 1e-2, 0}},
	{"cuda", "direct", VC_FLOAT32, false, 4e-6, {2e-5, 3e-4, 0.3, 1e-5, 1e-4, 1e-3, 1e-5}},
	{"cuda", "auto", VC_PRECISION_AUTO, true, 1e-1, {4e-2, 5e-2, 0.6, 1e-2, 1e-3, 0.1, 1e-2}},
	{"cuda", "tf32", VC_TF32, true, 1e-2, {5e-3, 1e-2, 0.3, 2e-3, 1e-3, 3e-2, 1e-5}},
	{"cuda", "float16", VC_FLOAT16, true, 1e-2, {5e-3, 1e-2, 0.3, 2e-3, 1e-3, 3e-2, 1e-5}},
};

/*
 * The modes of a device, or one of them where mode is not NULL, without a
 * device yet; false where there is no row.
 */
bool
find_subjects(const char *device_name, const char *mode, subject *subjects)
{
	subject_count = 0;
	for (size_t i = 0; i < sizeof(tolerances) / sizeof(tolerances[0]); i++)
	{
		subject    *s = &subjects[subject_count];

		if (strncmp(tolerances[i].device, device_name, strlen(tolerances[i].device)) != 0 ||
			(mode != NULL && strcmp(tolerances[i].mode, mode) != 0))
			continue;
		memset(s, 0, sizeof(*s));
		s->device_name = tolerances[i].device;
		s->mode = tolerances[i].mode;
		s->precision = tolerances[i].precision;
		s->algorithm = strcmp(s->mode, "direct") == 0 ? VC_ALGORITHM_DIRECT : VC_ALGORITHM_AUTO;
		s->rounds = tolerances[i].rounds;
		s->reach = tolerances[i].reach;
		memcpy(s->limit, tolerances[i].limit, sizeof(s->limit));
		subject_count++;
	}
	return subject_count > 0;
}

/* The largest absolute difference, as a share of the largest expected value. */
double
difference(const float *got, const float *expected, int64_t count)
{
	double		largest = 1e-30;
	double		worst = 0;

	for (int64_t i = 0; i < count; i++)
	{
		double		d = fabs((double) got[i] - expected[i]);

		if (!isfinite(got[i]))
			return INFINITY;
		worst = fmax(worst, d);
		largest = fmax(largest, fabs((double) expected[i]));
	}
	return worst / largest;
}

double
norm(const float *data, int64_t count)
{
	double		sum = 0;

	for (int64_t i = 0; i < count; i++)
		sum += (double) data[i] * data[i];
	return sqrt(sum);
}

/*
 * The norm of the difference, as a share of the expected values' norm or of
 * `least` where that is larger.
 */
double
distance(const float *got, const float *expected, int64_t count, double least)
{
	double		scale = fmax(norm(expected, count), least);
	double		sum = 0;

	for (int64_t i = 0; i < count; i++)
	{
		double		d = (double) got[i] - expected[i];

		if (!isfinite(got[i]))
			return INFINITY;
		sum += d * d;
	}
	return sqrt(sum) / fmax(scale, 1e-30);
}

/* Notes an error; the text says of what, and is kept for the largest. */
void
record(outcome *o, measure m, double error, const char *fmt,...)
{
	va_list		args;

	if (isnan(error))
		error = INFINITY;
	if (o->seen[m] && error <= o->error[m])
		return;
	o->seen[m] = true;
	o->error[m] = error;
	va_start(args, fmt);
	vsnprintf(o->where[m], sizeof(o->where[m]), fmt, args);
	va_end(args);
}

/* One check for each kind of error that was recorded. */
void
report(subject *s, const char *name, const outcome *o)
{
	for (int m = 0; m < MEASURES; m++)
	{
		bool		loose = m == FORWARD || m == STATISTICS || (m == NEAR_JUMP && s->rounds);
		double		slack = o->slack > 0 && loose ? o->slack : 1;

		if (!o->seen[m])
			continue;
		check(o->error[m] <= s->limit[m] * slack, "%s, %s %s, %s: %.2g of %.2g (%s)",
			  name, s->device_name, s->mode, measure_names[m],
			  o->error[m], s->limit[m] * slack, o->where[m]);
		s->worst[m] = fmax(s->worst[m], o->error[m] / slack);
	}
}

void
report_worst(const subject *s)
{
	for (int m = 0; m < MEASURES; m++)
		note("worst on %s %s: %-22s %9.2g of %.2g", s->device_name, s->mode,
			 measure_names[m], s->worst[m], s->limit[m]);
}

bool
check(bool condition, const char *fmt,...)
{
	char		text[512];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return ok(condition, "%s", text);
}

void
note(const char *fmt,...)
{
	char		text[512];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	diag("%s", text);
}

int
finish(void)
{
	return done();
}

/* Ends the program, as TAP wants it, where a call failed that cannot. */
void
must(vc_status status, const vc_error *error, const char *what)
{
	if (status == VC_OK)
		return;
	check(false, "%s: status %d, %s", what, status, error->message);
	printf("Bail out!  %s failed\n", what);
	exit(1);
}

vc_plan *
make_plan(const subject *s, const vc_network *network, vc_purpose purpose, int max_batch)
{
	vc_plan_options options = {.purpose = purpose,.precision = s->precision,
	.algorithm = s->algorithm,.max_batch = max_batch};
	vc_plan    *plan = NULL;
	vc_error	error = {0};

	must(s->api->plan(s->device, network, &options, &plan, &error), &error, "plan");
	return plan;
}

void
set_parameters(const subject *s, vc_plan *plan, const vc_network *network,
			   float *const *parameters)
{
	vc_error	error = {0};

	for (int i = 0; i < network->parameter_count; i++)
		if (parameters[i] != NULL)
			must(s->api->set_parameter(plan, i, parameters[i], &error), &error, "set_parameter");
}

/* A copy of a parameter, to be freed. */
float *
get_parameter(const subject *s, vc_plan *plan, const vc_network *network, int index)
{
	float	   *data = malloc(sizeof(float) * network->parameters[index].count);
	vc_error	error = {0};

	must(s->api->get_parameter(plan, index, data, &error), &error, "get_parameter");
	return data;
}

/* Takes a step; returns the loss.  logits may be NULL. */
float
step_of(const subject *s, vc_plan *plan, const uint8_t *images, const vc_targets *targets,
		int count, const vc_step *step, float *logits)
{
	float		loss = NAN;
	vc_error	error = {0};

	must(s->api->train_step(plan, images, targets, count, step, &loss, logits, &error),
		 &error, "train_step");
	return loss;
}

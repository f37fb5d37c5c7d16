/*
 * conformance_oracle.c
 *		The oracle's own gradients, against central finite differences.
 *
 * Both are in double.  A difference whose two sides lie on different sides of
 * a relu's or a maximum's jump is wrong by itself, so each is taken with
 * several widths and the best one counts: a wrong gradient fails with all.
 */
#include <math.h>
#include <stdlib.h>

#include "test/unit/conformance.h"
#include "test/unit/oracle.h"
#include "engine/support/random.h"
#include "test/unit/small_networks.h"

#define GRADIENT_LIMIT 1e-6

/* A network's plan and batch. */
typedef struct subject_matter
{
	const vc_network *network;
	vc_plan    *plan;
	int			batch;
	uint8_t    *images;
	vc_targets *targets;
} subject_matter;

static double
loss_of(const subject_matter *s)
{
	double		loss = NAN;
	vc_error	error = {0};

	must(vc_oracle_loss(s->plan, s->images, s->targets, s->batch, &idle_step, &loss, &error),
		 &error, "the oracle's loss");
	return loss;
}

/* The loss's slope along one element of a parameter. */
static double
slope(const subject_matter *s, int index, int64_t element, double width)
{
	double	   *value = &vc_oracle_values(s->plan, index)[element];
	double		kept = *value;
	double		above,
				below;

	*value = kept + width;
	above = loss_of(s);
	*value = kept - width;
	below = loss_of(s);
	*value = kept;
	return (above - below) / (2 * width);
}

/* The largest gradient's place, or a random one after the first try. */
static int64_t
pick(const double *gradient, int64_t count, int attempt, int index)
{
	int64_t		best = 0;

	if (attempt > 0)
		return (int64_t) (vc_random_bits(index, 5, attempt) % count);
	for (int64_t i = 1; i < count; i++)
		if (fabs(gradient[i]) > fabs(gradient[best]))
			best = i;
	return best;
}

/* The worst error in one parameter, as a share of its largest gradient. */
static double
parameter_error(const subject_matter *s, int index, double least)
{
	static const double widths[] = {1e-5, 3e-6, 1e-6, 3e-7};
	const double *gradient = vc_oracle_gradient(s->plan, index);
	int64_t		count = s->network->parameters[index].count;
	double		scale = fmax(least, fabs(gradient[pick(gradient, count, 0, index)]));
	double		worst = 0;

	for (int attempt = 0; attempt < 3; attempt++)
	{
		int64_t		element = pick(gradient, count, attempt, index);
		double		best = INFINITY;

		for (int k = 0; k < 4 && best > GRADIENT_LIMIT / 2; k++)
			best = fmin(best, fabs(slope(s, index, element, widths[k]) -
								   gradient[element]) / scale);
		worst = fmax(worst, best);
	}
	return worst;
}

static double
largest_gradient(const subject_matter *s)
{
	double		largest = 0;

	for (int i = 0; i < s->network->parameter_count; i++)
		if (vc_parameter_trainable(&s->network->parameters[i]))
			for (int64_t k = 0; k < s->network->parameters[i].count; k++)
				largest = fmax(largest, fabs(vc_oracle_gradient(s->plan, i)[k]));
	return largest;
}

static void
check_network(const vc_network *network, int batch, target_kind kind)
{
	subject_matter s = {network, make_plan(&reference, network, VC_TRAINING, batch), batch,
		random_images(batch, network->image_size, 31),
	random_targets(batch, network->classes, kind, 32)};
	float	  **parameters = random_parameters(network, 33);
	double		worst = 0;
	int			where = 0;
	double		least;

	set_parameters(&reference, s.plan, network, parameters);
	step_of(&reference, s.plan, s.images, s.targets, batch, &idle_step, NULL);
	least = 1e-3 * largest_gradient(&s);
	for (int i = 0; i < network->parameter_count; i++)
		if (vc_parameter_trainable(&network->parameters[i]))
		{
			double		error = parameter_error(&s, i, least);

			if (error > worst)
				where = i;
			worst = fmax(worst, error);
		}
	check(worst <= GRADIENT_LIMIT, "the oracle's gradients of %s: %.2g of %.2g (%s)",
		  network->architecture, worst, GRADIENT_LIMIT, network->parameters[where].name);
	reference.api->plan_free(s.plan);
	free_parameters(network, parameters);
	free(s.images);
	free(s.targets);
}

void
check_oracle_gradients(void)
{
	vc_network *network;

	for (int i = 0; (network = small_network(i)) != NULL; i++)
	{
		check_network(network, 3, i % TARGET_KINDS);
		vc_network_free(network);
	}
	network = whole_network("resnet20", VC_HEAD_CONCAT, 8, 4, 0.5f);
	check_network(network, 5, LABELS);
	vc_network_free(network);
}

/*
 * divergence.c
 *		Ends a training whose numbers have diverged.
 */
#include "extension/support/pgcompat.h"

#include <math.h>

#include "extension/support/error.h"
#include "extension/training/training.h"

#include "engine/weights/finite.h"

/* Throws because numbers have diverged; nothing of the epoch is kept. */
static void
throw_diverged(Training *t, const char *what)
{
	bool		probe = t->options->method == METHOD_PROBE;

	t->resumable = false;		/* a resumed training would diverge again */
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("training of model \"%s\" version %d diverged in %s epoch %d: %s",
					t->model->name, t->model->version, t->recipe.phase[t->phase].name, t->epoch, what),
			 probe ? errhint("Raise weight_decay, which was %g, or start from another pretrained model.",
							 t->options->recipe.weight_decay) :
			 errhint("Lower learning_rate, which was %g, and train anew.", t->options->recipe.learning_rate)));
}

void
training_check_finite(Training *t, double loss)
{
	if (!isfinite(loss))
		throw_diverged(t, "the loss is not a number");
}

void
training_check_weights(Training *t)
{
	const vc_network *network = t->model->network;
	vc_error	error;

	for (int i = 0; i < network->parameter_count; i++)
	{
		const vc_parameter *parameter = &network->parameters[i];
		float	   *data;

		if (!vc_parameter_stored(parameter))
			continue;
		data = palloc(sizeof(float) * parameter->count);
		check_status(t->device.api->get_parameter(t->plan, i, data, &error), &error);
		if (vc_parameter_check(parameter, parameter->name, data, &error) != VC_OK)
			throw_diverged(t, error.message);
		pfree(data);
	}
}

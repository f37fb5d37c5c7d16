/*
 * adam.c
 *		Adam with decoupled weight decay, one pass over each parameter.
 */
#include <math.h>

#include "cpu/cpu.h"

/* Changes every parameter that trains by the gradients of the last backward. */
void
vc_cpu_adam(vc_plan *plan, const vc_step *step)
{
	double		first = 1.0 - pow(step->momentum, (double) step->step);
	double		second = 1.0 - pow(step->square_momentum, (double) step->step);

	for (int i = 0; i < plan->network->parameter_count; i++)
	{
		const vc_parameter *p = &plan->network->parameters[i];
		vc_cpu_parameter *mine = &plan->parameters[i];
		float		rate = step->rate[p->group];
		vc_cpu_adam_rates rates = {
			.keep = p->role == VC_WEIGHT ? 1.0f - rate * step->weight_decay : 1.0f,
			.rate = (float) (rate / first),
			.correction = (float) (1.0 / sqrt(second)),
			.beta1 = step->momentum,.beta2 = step->square_momentum,
			.epsilon = step->epsilon
		};
		int64_t		chunks = (mine->floats + VC_CPU_CHUNK - 1) / VC_CPU_CHUNK;

		if (!vc_flow_trains(plan->network, i, step->frozen_groups))
			continue;
#pragma omp parallel for if (chunks > 1)
		for (int64_t c = 0; c < chunks; c++)
		{
			int64_t		at = c * VC_CPU_CHUNK;
			int64_t		count = vc_cpu_chunk_length(c, mine->floats);

			plan->device->kernels->adam(mine->data + at, mine->gradient + at, mine->m + at,
										mine->v + at, count, &rates);
		}
	}
}

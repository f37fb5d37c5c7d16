/*
 * request.c
 *		The input of a call, sent to the device in one block.
 */
#include <math.h>

#include "cuda/cuda.h"

/*
 * Divides a request from an address on; sets the sizes too.  First comes what
 * every call sends, then what only members need.
 */
void
vc_cuda_request_layout(vc_plan *plan, char *base, vc_cuda_request *r)
{
	size_t		batch = vc_round_up((size_t) plan->options.max_batch, 16);
	size_t		classes = (size_t) plan->network->classes;
	char	   *at = base;

	r->state = (vc_cuda_state *) at;
	at += vc_round_up(sizeof(vc_cuda_state), 64);
	r->rows = (int64_t *) at;
	at += sizeof(int64_t) * batch;
	r->shares = (float *) at;
	at += sizeof(float) * batch;
	r->labels = (int32_t *) at;
	at += sizeof(int32_t) * batch;
	plan->request_bytes = (size_t) (at - base);
	r->class_weights = (float *) at;
	at += sizeof(float) * vc_round_up(classes, 16);
	r->members = (uint8_t *) at;
	at += batch * classes;
	plan->whole_request_bytes = (size_t) (at - base);
}

/* Brings a call's images to the device, unless they are there or under way. */
static vc_status
bring_images(vc_plan *plan, const uint8_t *images, int count, vc_error *error)
{
	size_t		size = (size_t) plan->network->image_size;

	if (images != plan->ahead || count != plan->ahead_count ||
		plan->ahead_number <= plan->device->upload.lost)
		return vc_cuda_upload_now(plan->device, plan->images[plan->brought], images,
								  size * size * 3 * (size_t) count, error);
	plan->brought = 1 - plan->brought;
	plan->ahead = NULL;
	return vc_cuda_upload_end(plan->device, error);
}

/* Notes which images the call reads, and sends them if they come from the host. */
vc_status
vc_cuda_request_images(vc_plan *plan, const uint8_t *images, int count, vc_error *error)
{
	const vc_images *selected = plan->selected;

	vc_status	status;

	plan->selected = NULL;
	if (images == NULL && selected == NULL)
		return vc_fail(error, VC_INVALID_ARGUMENT, "no images were given or selected");
	if (images == NULL && plan->selected_count != count)
		return vc_fail(error, VC_INVALID_ARGUMENT, "%d images were selected, not %d",
					   plan->selected_count, count);
	if (images == NULL)
	{
		plan->host.state->images = selected->data;
		return VC_OK;
	}
	for (int i = 0; i < count; i++)
		plan->host.rows[i] = i;
	status = bring_images(plan, images, count, error);
	plan->host.state->images = plan->images[plan->brought];
	return status;
}

/* Computes each image's weight in the mean. */
static void
fill_shares(const vc_targets *t, int count, int classes, float *shares)
{
	double		total = 0;

	for (int i = 0; i < count; i++)
		total += t->labels == NULL ? classes :
			t->class_weights == NULL ? 1 : t->class_weights[t->labels[i]];
	for (int i = 0; i < count; i++)
		shares[i] = (float) ((t->labels == NULL || t->class_weights == NULL ? 1 :
							  t->class_weights[t->labels[i]]) / total);
}

/* Fills in the numbers and the targets of a training step. */
void
vc_cuda_request_step(vc_plan *plan, const vc_targets *targets, int count, const vc_step *step)
{
	vc_cuda_state *s = plan->host.state;
	size_t		classes = (size_t) plan->network->classes;
	double		first = 1.0 - pow(step->momentum, (double) step->step);

	s->seed = step->seed;
	s->step = step->step;
	for (int g = 0; g < VC_GROUPS; g++)
	{
		s->rate[g] = (float) (step->rate[g] / first);
		s->keep[g] = 1.0f - step->rate[g] * step->weight_decay;
	}
	s->beta1 = step->momentum;
	s->beta2 = step->square_momentum;
	s->correction = (float) (1.0 / sqrt(1.0 - pow(step->square_momentum, (double) step->step)));
	s->epsilon = step->epsilon;
	s->frozen_groups = step->frozen_groups;
	fill_shares(targets, count, (int) classes, plan->host.shares);
	if (targets->labels != NULL)
	{
		memcpy(plan->host.labels, targets->labels, sizeof(int32_t) * (size_t) count);
		return;
	}
	memcpy(plan->host.members, targets->members, classes * (size_t) count);
	if (targets->class_weights != NULL)
		memcpy(plan->host.class_weights, targets->class_weights, sizeof(float) * classes);
}

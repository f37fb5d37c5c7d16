/*
 * share.c
 *		What plans of one network share through a store: packed weights,
 *		folded biases and scales, and which algorithms were faster.
 *
 * A key holds all that determines the bytes: the step, oneDNN's description
 * of the layout, oneDNN's version, and for int8 the scales around the step.
 */
#include <string.h>

#include "cpu/convolution.h"

#define VERSION 1				/* of the stored bytes; raise it when they change */

typedef enum kind
{
	WEIGHTS,
	BIAS,
	CHOICE
} kind;

/* Zeroed first: it is hashed and compared as bytes. */
typedef struct store_key
{
	int			version;
	int			kind;
	int			library[3];
	int			step;
	float		scales[2];
	char		what[1024];
} store_key;

static void
begin_key(store_key *key, kind kind)
{
	const dnnl_version_t *library = dnnl_version();

	memset(key, 0, sizeof(*key));
	key->version = VERSION;
	key->kind = kind;
	key->library[0] = library->major;
	key->library[1] = library->minor;
	key->library[2] = library->patch;
}

/* Makes the key of a step's weights in a layout or, if md is NULL, of its bias and scales. */
static bool
step_key(const vc_plan *plan, const vc_plan_step *step, vc_md md, store_key *key)
{
	const vc_cpu_convolution *c = step->state;
	bool		int8 = vc_cpu_is_int8(c->shape.source);

	begin_key(key, md != NULL ? WEIGHTS : BIAS);
	key->step = step->index;
	if (int8)
	{
		key->scales[0] = plan->flow.values[step->input].scale;
		key->scales[1] = plan->flow.values[step->output].scale;
	}
	if (md == NULL)
		key->what[0] = (char) int8;
	return md == NULL || vc_md_bytes(md, key->what, sizeof(key->what));
}

/* Finds a step's weights that another plan packed in a layout, or NULL. */
const float *
vc_cpu_shared_weights(const vc_plan *plan, const vc_plan_step *step, vc_md md)
{
	store_key	key;

	if (plan->options.store == NULL || !step_key(plan, step, md, &key))
		return NULL;
	return vc_store_find(plan->options.store, &key, sizeof(key), vc_md_size(md));
}

/*
 * Shares packed weights; returns where the shared ones lie, or NULL if they
 * cannot be shared.
 */
const float *
vc_cpu_share_weights(const vc_plan *plan, const vc_plan_step *step, vc_md md, const float *data)
{
	store_key	key;

	if (plan->options.store == NULL || !step_key(plan, step, md, &key))
		return NULL;
	return vc_store_keep(plan->options.store, &key, sizeof(key), data, vc_md_size(md));
}

/* Fills the step's bias and scales from another plan's; returns false if there are none. */
bool
vc_cpu_shared_bias(const vc_plan *plan, const vc_plan_step *step)
{
	const vc_cpu_convolution *c = step->state;
	size_t		bytes = vc_cpu_folded_bytes(c);
	const void *kept = NULL;
	store_key	key;

	if (plan->options.store != NULL && step_key(plan, step, NULL, &key))
		kept = vc_store_find(plan->options.store, &key, sizeof(key), bytes);
	if (kept != NULL)
		memcpy(c->folded, kept, bytes);
	return kept != NULL;
}

void
vc_cpu_share_bias(const vc_plan *plan, const vc_plan_step *step)
{
	const vc_cpu_convolution *c = step->state;
	store_key	key;

	if (plan->options.store != NULL && step_key(plan, step, NULL, &key))
		vc_store_keep(plan->options.store, &key, sizeof(key), c->folded, vc_cpu_folded_bytes(c));
}

/* Makes the key of a choice between algorithms. */
static void
choice_key(const void *trial, size_t bytes, store_key *key)
{
	begin_key(key, CHOICE);
	memcpy(key->what, trial, bytes);
}

/*
 * Finds what another plan chose for a trial, which `bytes` describe; returns
 * false if there is nothing.
 */
bool
vc_cpu_shared_choice(const vc_plan *plan, const void *trial, size_t bytes, bool *winograd)
{
	const char *kept;
	store_key	key;

	if (plan->options.store == NULL)
		return false;
	choice_key(trial, bytes, &key);
	if ((kept = vc_store_find(plan->options.store, &key, sizeof(key), 1)) == NULL)
		return false;
	*winograd = kept[0] != 0;
	return true;
}

void
vc_cpu_share_choice(const vc_plan *plan, const void *trial, size_t bytes, bool winograd)
{
	store_key	key;
	char		choice = winograd;

	if (plan->options.store == NULL)
		return;
	choice_key(trial, bytes, &key);
	vc_store_keep(plan->options.store, &key, sizeof(key), &choice, 1);
}

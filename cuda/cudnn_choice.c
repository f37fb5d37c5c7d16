/*
 * cudnn_choice.c
 *		Which of cuDNN's engines solves a problem.
 *
 * cuDNN's heuristics order the configurations of engines.  Those are left out
 * whose results would differ from run to run or whose sums are not float32,
 * and for float32 without rounding those that use the tensor cores.  Of the
 * rest the first is taken, or the fastest of the first few.
 */
#include <math.h>

#include "cuda/cudnn_private.h"

#define CONFIGURATIONS	16		/* asked for, a mode of the heuristics */
#define CANDIDATES		5		/* measured */
#define REPEATS			3
#define WORKSPACE_LIMIT	((size_t) 256 * 1024 * 1024)

/* Plans to choose from. */
typedef struct candidates
{
	cudnnBackendDescriptor_t plan[CANDIDATES];
	size_t		workspace[CANDIDATES];
	int			count;
	int			wanted;
} candidates;

/* Bytes of a plan's workspace. */
size_t
vc_cudnn_workspace(cudnnBackendDescriptor_t plan)
{
	int64_t		bytes = 0;
	int64_t		count = 0;

	if (cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
								 CUDNN_TYPE_INT64, 1, &count, &bytes) != CUDNN_STATUS_SUCCESS)
		return SIZE_MAX;
	return (size_t) bytes;
}

/* What an engine's results are like; false where that cannot be learnt. */
static bool
engine_notes(cudnnBackendDescriptor_t configuration, cudnnBackendNumericalNote_t *notes,
			 int64_t *count)
{
	cudnnBackendDescriptor_t engine = NULL;
	int64_t		got = 0;
	bool		known = false;

	*count = 0;
	if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine) !=
		CUDNN_STATUS_SUCCESS)
		return false;
	if (cudnnBackendGetAttribute(configuration, CUDNN_ATTR_ENGINECFG_ENGINE,
								 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &got, &engine) ==
		CUDNN_STATUS_SUCCESS)
		known = cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
										 CUDNN_TYPE_NUMERICAL_NOTE,
										 CUDNN_NUMERICAL_NOTE_TYPE_COUNT, count, notes) ==
			CUDNN_STATUS_SUCCESS;
	vc_cudnn_destroy(engine);
	return known;
}

/* Whether a problem may be solved in an engine's way. */
static bool
may_use(cudnnBackendDescriptor_t configuration, const vc_cuda_problem *p, bool any_order)
{
	cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
	int64_t		count;

	if (!engine_notes(configuration, notes, &count))
		return false;
	for (int64_t i = 0; i < count && i < CUDNN_NUMERICAL_NOTE_TYPE_COUNT; i++)
		switch (notes[i])
		{
			case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
				if (!any_order)
					return false;
				break;
			case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
				return false;
			case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
			case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
				if (p->type == VC_CUDA_FLOAT && !p->rounds)
					return false;
				break;
			case CUDNN_NUMERICAL_NOTE_FFT:
			case CUDNN_NUMERICAL_NOTE_WINOGRAD:
			case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
			case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
			case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13:
				if (!p->measured)
					return false;
				break;
			default:
				break;
		}
	return true;
}

/* Sets what a plan is made for. */
static cudnnStatus_t
set_target(const vc_cuda_library *library, cudnnBackendDescriptor_t plan)
{
	if (library->handle != NULL)
		return cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
										CUDNN_TYPE_HANDLE, 1, &library->handle);
	return cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP,
									CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &library->properties);
}

/* Makes a configuration's plan a candidate, where that can be. */
static void
add_candidate(const vc_cuda_library *library, cudnnBackendDescriptor_t configuration, candidates *c)
{
	cudnnBackendDescriptor_t plan = NULL;
	size_t		workspace;

	if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &plan) !=
		CUDNN_STATUS_SUCCESS)
		return;
	if (set_target(library, plan) == CUDNN_STATUS_SUCCESS &&
		cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
								 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &configuration) ==
		CUDNN_STATUS_SUCCESS &&
		cudnnBackendFinalize(plan) == CUDNN_STATUS_SUCCESS &&
		(workspace = vc_cudnn_workspace(plan)) <= WORKSPACE_LIMIT)
	{
		c->plan[c->count] = plan;
		c->workspace[c->count++] = workspace;
		return;
	}
	vc_cudnn_destroy(plan);
}

/* Asks finalized heuristics for their configurations. */
static void
add_results(const vc_cuda_library *library, cudnnBackendDescriptor_t heuristics, const vc_cuda_problem *p,
			bool any_order, candidates *c)
{
	cudnnBackendDescriptor_t found[CONFIGURATIONS] = {NULL};
	int64_t		count = 0;
	int			made = 0;

	while (made < CONFIGURATIONS &&
		   cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &found[made]) ==
		   CUDNN_STATUS_SUCCESS)
		made++;
	if (cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
								 CUDNN_TYPE_BACKEND_DESCRIPTOR, made, &count, found) !=
		CUDNN_STATUS_SUCCESS)
		count = 0;
	for (int64_t i = 0; i < count && i < made && c->count < c->wanted; i++)
		if (may_use(found[i], p, any_order))
			add_candidate(library, found[i], c);
	while (made > 0)
		vc_cudnn_destroy(found[--made]);
}

/* Candidates from one mode of the heuristics. */
static void
add_mode(const vc_cuda_library *library, cudnnBackendDescriptor_t graph, cudnnBackendHeurMode_t mode,
		 const vc_cuda_problem *p, bool any_order, candidates *c)
{
	cudnnBackendDescriptor_t heuristics = NULL;

	if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &heuristics) !=
		CUDNN_STATUS_SUCCESS)
		return;
	if (cudnnBackendSetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
								 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph) ==
		CUDNN_STATUS_SUCCESS &&
		cudnnBackendSetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1,
								 &mode) == CUDNN_STATUS_SUCCESS &&
		(library->properties == NULL ||
		 cudnnBackendSetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
								  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &library->properties) ==
		 CUDNN_STATUS_SUCCESS) &&
		cudnnBackendFinalize(heuristics) == CUDNN_STATUS_SUCCESS)
		add_results(library, heuristics, p, any_order, c);
	vc_cudnn_destroy(heuristics);
}

/* Reproducible engines first; others only where there is no such one. */
static void
find_candidates(const vc_cuda_library *library, cudnnBackendDescriptor_t graph, const vc_cuda_problem *p,
				candidates *c)
{
	c->wanted = p->measured ? CANDIDATES : 1;
	for (int any_order = 0; any_order < 2 && c->count == 0; any_order++)
	{
		add_mode(library, graph, CUDNN_HEUR_MODE_A, p, any_order, c);
		if (c->count == 0)
			add_mode(library, graph, CUDNN_HEUR_MODE_FALLBACK, p, any_order, c);
	}
}

/* Milliseconds of one run; INFINITY where it fails. */
static double
measure(vc_cuda_library *library, const vc_cuda_problem *p, cudnnBackendDescriptor_t plan,
		const vc_cuda_operands *operands, const cudaEvent_t event[2])
{
	float		best = INFINITY;

	for (int i = 0; i <= REPEATS; i++)
	{
		float		time = INFINITY;

		if (cudaEventRecord(event[0], library->stream) != cudaSuccess ||
			vc_cudnn_execute(library->handle, plan, p, operands) != CUDNN_STATUS_SUCCESS ||
			cudaEventRecord(event[1], library->stream) != cudaSuccess ||
			cudaEventSynchronize(event[1]) != cudaSuccess ||
			cudaEventElapsedTime(&time, event[0], event[1]) != cudaSuccess)
			return INFINITY;
		if (i > 0 && time < best)	/* the first one loads code */
			best = time;
	}
	return best;
}

/* The fastest candidate, tried on a workspace of its own; -1: all failed. */
static int
fastest(vc_cuda_library *library, const vc_cuda_problem *p, const vc_cuda_operands *operands,
		const candidates *c, const cudaEvent_t event[2])
{
	vc_cuda_operands o = *operands;
	double		best = INFINITY;
	size_t		most = 256;
	int			winner = -1;

	for (int i = 0; i < c->count; i++)
		most = c->workspace[i] > most ? c->workspace[i] : most;
	if (cudaMalloc(&o.workspace, most) != cudaSuccess)
	{
		cudaGetLastError();
		return 0;				/* no room to measure: the heuristics' first */
	}
	for (int i = 0; i < c->count; i++)
	{
		double		time = measure(library, p, c->plan[i], &o, event);

		if (time < best)
		{
			best = time;
			winner = i;
		}
	}
	cudaFree(o.workspace);
	return winner;
}

static int
choose_candidate(vc_cuda_library *library, const vc_cuda_problem *p,
				 const vc_cuda_operands *operands, const candidates *c)
{
	cudaEvent_t event[2] = {NULL, NULL};
	int			winner = 0;

	if (c->count > 1 && library->handle != NULL && cudaEventCreate(&event[0]) == cudaSuccess &&
		cudaEventCreate(&event[1]) == cudaSuccess)
		winner = fastest(library, p, operands, c, event);
	for (int i = 0; i < 2; i++)
		if (event[i] != NULL)
			cudaEventDestroy(event[i]);
	return winner;
}

vc_status
vc_cudnn_choose(vc_cuda_library *library, const vc_cuda_problem *problem,
				const vc_cuda_operands *operands, cudnnBackendDescriptor_t *plan,
				vc_error *error)
{
	cudnnBackendDescriptor_t graph = NULL;
	candidates	c = {.count = 0};
	cudnnStatus_t status = vc_cudnn_graph(library, problem, &graph);
	int			winner;

	*plan = NULL;
	if (status == CUDNN_STATUS_SUCCESS)
		find_candidates(library, graph, problem, &c);
	else if (!problem->fused)
		return vc_cudnn_failed(error, status, "describing a convolution");
	winner = choose_candidate(library, problem, operands, &c);
	for (int i = 0; i < c.count; i++)
		if (i == winner)
			*plan = c.plan[i];
		else
			vc_cudnn_destroy(c.plan[i]);
	vc_cudnn_destroy(graph);
	return VC_OK;
}

/*
 * graph.c
 *		Whole calls captured as CUDA graphs and replayed.
 *
 * The first call of a kind (batch size, training, frozen groups, targets)
 * runs directly, the second is captured, and later ones replay it.  Calls of
 * one kind differ only in the request, which a graph's first node copies from
 * a fixed place.  A new graph replaces the least recently used one.  If
 * capturing fails, calls of that kind go on running directly.  The failure is
 * logged once, and capturing is not tried again.
 */
#include "cuda/cuda.h"

/* Finds the entry of a kind of call; *fresh says that it is new. */
static vc_cuda_graph *
find_graph(vc_plan *plan, const vc_run *run, bool *fresh)
{
	vc_cuda_graph *oldest = &plan->graphs[0];

	for (int i = 0; i < VC_CUDA_GRAPHS; i++)
	{
		vc_cuda_graph *g = &plan->graphs[i];

		if (g->last_use > 0 && memcmp(&g->run, run, sizeof(*run)) == 0)
		{
			g->last_use = ++plan->calls;
			*fresh = false;
			return g;
		}
		if (g->last_use < oldest->last_use)
			oldest = g;
	}
	if (oldest->graph != NULL)
		cudaGraphExecDestroy(oldest->graph);
	*oldest = (vc_cuda_graph) {.run = *run,.last_use = ++plan->calls};
	*fresh = true;
	return oldest;
}

/* Records a call; *graph is NULL if that fails. */
static vc_status
record_call(vc_plan *plan, const vc_run *run, cudaGraph_t *graph, vc_error *error)
{
	cudaStream_t stream = plan->device->stream;
	cudaError_t status = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
	vc_status	enqueued;

	if (status != cudaSuccess)
		return vc_cuda_failed(error, status, "beginning a graph");
	enqueued = vc_cuda_enqueue(plan, run, error);
	status = cudaStreamEndCapture(stream, graph);
	if (enqueued == VC_OK && status != cudaSuccess)
		return vc_cuda_failed(error, status, "ending a graph");
	return enqueued;
}

/* Captures a call. */
static void
capture_call(vc_plan *plan, vc_cuda_graph *g)
{
	cudaGraph_t graph = NULL;
	vc_error	error = {0};
	vc_status	status = record_call(plan, &g->run, &graph, &error);

	if (status == VC_OK)
	{
		cudaError_t made = cudaGraphInstantiate(&g->graph, graph, 0);

		if (made != cudaSuccess)
			status = vc_cuda_failed(&error, made, "making a graph");
	}
	if (graph != NULL)
		cudaGraphDestroy(graph);
	if (status == VC_OK)
		return;
	g->graph = NULL;
	g->failed = true;
	cudaGetLastError();			/* the call itself has not failed */
	if (!plan->graphs_told)
		vc_cuda_note("calls run more slowly, without a CUDA graph: %s", error.message);
	plan->graphs_told = true;
}

/*
 * Captures a call that was made before.  First makes its engines ready: they
 * may be those of a call of another kind.
 */
static vc_status
prepare_graph(vc_plan *plan, vc_cuda_graph *g, vc_error *error)
{
	vc_run run = g->run;
	vc_status	status = vc_cuda_ready(plan, &run, error);

	if (status == VC_OK && g->last_use > 0)	/* unless a larger workspace has dropped it */
		capture_call(plan, g);
	return status;
}

/* Replays a call if there is a graph; *done says whether there was. */
vc_status
vc_cuda_graph_run(vc_plan *plan, const vc_run *run, bool *done, vc_error *error)
{
	bool		fresh;
	vc_cuda_graph *g;
	cudaError_t status;

	*done = false;
	if (!vc_cuda_switch("VISCLF_CUDA_GRAPHS", true))
		return VC_OK;
	g = find_graph(plan, run, &fresh);
	if (!fresh && g->graph == NULL && !g->failed)
	{
		vc_status	prepared = prepare_graph(plan, g, error);

		if (prepared != VC_OK)
			return prepared;
	}
	if (g->graph == NULL)
		return VC_OK;
	*done = true;
	status = cudaGraphLaunch(g->graph, plan->device->stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "replaying a graph");
}

/* Drops all graphs, for example when the memory that they use has moved. */
void
vc_cuda_graphs_drop(vc_plan *plan)
{
	for (int i = 0; i < VC_CUDA_GRAPHS; i++)
		if (plan->graphs[i].graph != NULL)
			cudaGraphExecDestroy(plan->graphs[i].graph);
	memset(plan->graphs, 0, sizeof(plan->graphs));
}

/*
 * graph.c
 *		Whole calls captured as CUDA graphs and replayed.
 *
 * A call of a kind (batch size, training, frozen groups, targets) runs as it
 * is the first time, is captured the second and replayed from then on.  What
 * differs between calls of one kind is in the request, which a graph's first
 * node copies from a fixed place.  The least recently used graph gives way.
 * Where capturing fails, calls of that kind go on running as they are.
 */
#include "cuda/cuda.h"

/* The place of a kind of call; *fresh where it was not there. */
static vc_cuda_graph *
find(vc_plan *plan, const vc_cuda_run *run, bool *fresh)
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

/* Captures a call; NULL where it cannot be. */
static cudaGraphExec_t
capture(vc_plan *plan, const vc_cuda_run *run)
{
	cudaStream_t stream = plan->device->stream;
	cudaGraph_t graph = NULL;
	cudaGraphExec_t executable = NULL;
	vc_status	status;

	if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess)
		return NULL;
	status = vc_cuda_enqueue(plan, run, NULL);
	if (cudaStreamEndCapture(stream, &graph) != cudaSuccess)
		status = VC_DEVICE_ERROR;
	if (status != VC_OK || cudaGraphInstantiate(&executable, graph, 0) != cudaSuccess)
		executable = NULL;
	if (graph != NULL)
		cudaGraphDestroy(graph);
	if (executable == NULL)
		cudaGetLastError();		/* it is no error of the call's */
	return executable;
}

/* Replays a call where that can be; *done says whether it was. */
vc_status
vc_cuda_graph_run(vc_plan *plan, const vc_cuda_run *run, bool *done, vc_error *error)
{
	bool		fresh;
	vc_cuda_graph *g = find(plan, run, &fresh);
	cudaError_t status;

	if (!fresh && g->graph == NULL && vc_cuda_is_ready(plan, run))
		g->graph = capture(plan, run);
	*done = g->graph != NULL;
	if (!*done)
		return VC_OK;
	status = cudaGraphLaunch(g->graph, plan->device->stream);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(error, status, "replaying a graph");
}

/* Forgets all, as when what they point to has moved. */
void
vc_cuda_graphs_drop(vc_plan *plan)
{
	for (int i = 0; i < VC_CUDA_GRAPHS; i++)
		if (plan->graphs[i].graph != NULL)
			cudaGraphExecDestroy(plan->graphs[i].graph);
	memset(plan->graphs, 0, sizeof(plan->graphs));
}

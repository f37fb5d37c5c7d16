/*
 * cudnn_choice.c
 *		Chooses which of cuDNN's engines solves a problem.
 *
 * cuDNN's heuristics order the configurations of engines.  This file leaves
 * out engines whose results differ from run to run or whose sums are not
 * float32, and for float32 without rounding also those that use tensor
 * cores.  In the other precisions engines without tensor cores come last,
 * after those that want a large workspace, because they are many times
 * slower.  Of the rest it takes the first, or the fastest of the first few.
 *
 * Some engines are compiled when their plan is finalized, which takes about a
 * second; a problem tries few of them.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "cuda/cudnn_private.h"

#define CONFIGURATIONS	16		/* that each mode of the heuristics is asked for */
#define MODES			2
#define CANDIDATES		5		/* measured */
#define FUSED			2		/* of a fused problem */
#define COMPILATIONS	2		/* at most, until one succeeds */
#define REPEATS			3
#define WORKSPACE_LIMIT	((size_t) 1024 * 1024 * 1024)

/* What engines may do; the first rule that an engine meets applies. */
typedef struct rule
{
	bool		any_order;		/* of sums: results may differ from run to run */
	bool		any_cores;		/* no tensor cores where there could be some */
	size_t		workspace;		/* at most */
} rule;

static const rule rules[] = {
	{false, false, WORKSPACE_LIMIT},
	{false, false, SIZE_MAX - 1},
	{false, true, WORKSPACE_LIMIT},
	{false, true, SIZE_MAX - 1},
	{true, true, SIZE_MAX - 1},
};

static const cudnnBackendHeurMode_t modes[MODES] = {
	CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK
};

/* The answer of a mode of the heuristics, kept because asking takes long. */
typedef struct answer
{
	bool		asked;
	int			made;			/* descriptors */
	int64_t		count;			/* of them that hold a configuration */
	cudnnBackendDescriptor_t configurations[CONFIGURATIONS];
} answer;

/* Properties of a configuration's engine. */
typedef struct engine_facts
{
	int64_t		number;
	bool		compiled;		/* when its plan is finalized */
	int64_t		note_count;
	cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
} engine_facts;

typedef struct candidate
{
	cudnnBackendDescriptor_t plan;
	size_t		workspace;
	int64_t		engine;
	bool		compiled;
	bool		slow;			/* no tensor cores where there could be some */
	double		seconds;		/* to finalize */
	double		milliseconds;	/* to run; 0: not measured */
} candidate;

/* A search for the plan of a problem. */
typedef struct search
{
	vc_cuda_library *library;
	const vc_cuda_problem *problem;
	const vc_cuda_operands *operands;
	const vc_cuda_interrupt *interrupt;
	cudnnBackendDescriptor_t graph;
	answer		answers[MODES];
	candidate	candidates[CANDIDATES];
	int			count;
	int			wanted;
	int			compilations;
	bool		has_compiled;
	bool		stopped;		/* `why` says what ended the search */
	vc_error	why;			/* the last failure */
} search;

/* Reads an engine's properties; returns false if it cannot. */
static bool
learn_facts(cudnnBackendDescriptor_t configuration, engine_facts *facts)
{
	cudnnBackendBehaviorNote_t behavior[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
	cudnnBackendDescriptor_t engine = NULL;
	int64_t		got = 0;
	bool		known;

	memset(facts, 0, sizeof(*facts));
	if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine) !=
		CUDNN_STATUS_SUCCESS)
		return false;
	known = cudnnBackendGetAttribute(configuration, CUDNN_ATTR_ENGINECFG_ENGINE,
									 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &got, &engine) ==
		CUDNN_STATUS_SUCCESS &&
		cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
								 CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT,
								 &facts->note_count, facts->notes) == CUDNN_STATUS_SUCCESS;
	cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &got,
							 &facts->number);
	got = 0;
	cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
							 CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, &got, behavior);
	for (int64_t i = 0; i < got && i < CUDNN_BEHAVIOR_NOTE_TYPE_COUNT; i++)
		facts->compiled |= behavior[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
	vc_cudnn_destroy(engine);
	return known;
}

/* True if an engine with these properties may solve a problem. */
static bool
may_use(const engine_facts *facts, const vc_cuda_problem *p, const rule *r)
{
	bool		exact = p->type == VC_CUDA_FLOAT && !p->rounds;
	bool		cores = false;

	for (int64_t i = 0; i < facts->note_count && i < CUDNN_NUMERICAL_NOTE_TYPE_COUNT; i++)
		switch (facts->notes[i])
		{
			case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
				if (!r->any_order)
					return false;
				break;
			case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
				return false;
			case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
				if (exact)
					return false;
				break;
			case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
				if (exact)
					return false;
				cores = true;
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
	return exact || cores || r->any_cores;
}

/* Sets the device that a plan is made for. */
static cudnnStatus_t
set_target(const vc_cuda_library *library, cudnnBackendDescriptor_t plan)
{
	if (library->handle != NULL)
		return cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
										CUDNN_TYPE_HANDLE, 1, &library->handle);
	return cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP,
									CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &library->properties);
}

static double
monotonic_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Makes a configuration's plan; if it cannot, returns NULL and fills s->why. */
static cudnnBackendDescriptor_t
make_plan(search *s, cudnnBackendDescriptor_t configuration)
{
	cudnnBackendDescriptor_t plan = NULL;
	cudnnStatus_t status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
														&plan);

	if (status == CUDNN_STATUS_SUCCESS)
		status = set_target(s->library, plan);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
										  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &configuration);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendFinalize(plan);
	if (status == CUDNN_STATUS_SUCCESS)
		return plan;
	vc_cudnn_failed(&s->why, status, "making an engine's plan");
	vc_cudnn_destroy(plan);
	return NULL;
}

/* Makes a configuration's plan and adds it to the candidates if it may be one. */
static void
add_candidate(search *s, cudnnBackendDescriptor_t configuration, const engine_facts *facts,
			  const rule *r)
{
	candidate  *c = &s->candidates[s->count];
	double		start = monotonic_seconds();

	s->library->plans_made++;
	s->library->plans_compiled += facts->compiled;
	s->compilations += facts->compiled;
	*c = (candidate) {.plan = make_plan(s, configuration),.engine = facts->number,
	.compiled = facts->compiled,.slow = r->any_cores};
	if (c->plan == NULL)
		return;
	c->seconds = monotonic_seconds() - start;
	c->workspace = vc_cudnn_workspace(c->plan);
	if (c->workspace > r->workspace)
	{
		vc_fail(&s->why, VC_UNSUPPORTED, "engine %lld wants %zu MiB of workspace",
				(long long) c->engine, c->workspace >> 20);
		vc_cudnn_destroy(c->plan);
		return;
	}
	s->has_compiled |= facts->compiled;
	s->count++;
}

/* Asks whether to stop, before what may take a second. */
static bool
search_interrupted(search *s)
{
	if (!s->stopped && s->interrupt != NULL)
		s->stopped = s->interrupt->poll(s->interrupt->argument, &s->why) != VC_OK;
	return s->stopped;
}

/* Adds the configurations of an answer that the rule allows. */
static void
add_candidates(search *s, const answer *a, const rule *r)
{
	for (int64_t i = 0; i < a->count && s->count < s->wanted; i++)
	{
		engine_facts facts;

		if (!learn_facts(a->configurations[i], &facts) || !may_use(&facts, s->problem, r) ||
			(facts.compiled && (s->has_compiled || s->compilations >= COMPILATIONS)))
			continue;
		if (search_interrupted(s))
			return;
		add_candidate(s, a->configurations[i], &facts, r);
	}
}

/* Reads the configurations from finalized heuristics. */
static void
read_answer(cudnnBackendDescriptor_t heuristics, answer *a)
{
	while (a->made < CONFIGURATIONS &&
		   cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
										&a->configurations[a->made]) == CUDNN_STATUS_SUCCESS)
		a->made++;
	if (cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
								 CUDNN_TYPE_BACKEND_DESCRIPTOR, a->made, &a->count,
								 a->configurations) != CUDNN_STATUS_SUCCESS)
		a->count = 0;
	if (a->count > a->made)
		a->count = a->made;
}

/* Asks a mode of the heuristics, unless it was asked. */
static void
ask_heuristics(search *s, int mode)
{
	cudnnBackendDescriptor_t *properties = &s->library->properties;
	cudnnBackendDescriptor_t heuristics = NULL;
	cudnnStatus_t status;

	if (s->answers[mode].asked)
		return;
	s->answers[mode].asked = true;
	status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &heuristics);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendSetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
										  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &s->graph);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendSetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE,
										  CUDNN_TYPE_HEUR_MODE, 1, &modes[mode]);
	if (status == CUDNN_STATUS_SUCCESS && *properties != NULL)
		status = cudnnBackendSetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
										  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, properties);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendFinalize(heuristics);
	if (status == CUDNN_STATUS_SUCCESS)
		read_answer(heuristics, &s->answers[mode]);
	else
		vc_cudnn_failed(&s->why, status, "asking for engines");
	vc_cudnn_destroy(heuristics);
}

/* Finds candidates by the first rule that gives any. */
static void
find_candidates(search *s)
{
	s->wanted = !s->problem->measured ? 1 : s->problem->fused ? FUSED : CANDIDATES;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		for (int mode = 0; mode < MODES && s->count == 0 && !search_interrupted(s); mode++)
		{
			ask_heuristics(s, mode);
			add_candidates(s, &s->answers[mode], &rules[i]);
		}
	for (int mode = 0; mode < MODES; mode++)
		while (s->answers[mode].made > 0)
			vc_cudnn_destroy(s->answers[mode].configurations[--s->answers[mode].made]);
}

/* Times one run between two events.  A plan's first run loads code. */
static vc_status
time_run(search *s, const candidate *c, const vc_cuda_operands *operands,
		 const cudaEvent_t event[2], float *time)
{
	cudaStream_t stream = s->library->stream;
	cudaError_t status = cudaEventRecord(event[0], stream);
	cudnnStatus_t executed = CUDNN_STATUS_SUCCESS;

	if (status == cudaSuccess)
		executed = vc_cudnn_execute(s->library->handle, c->plan, s->problem, operands);
	if (executed != CUDNN_STATUS_SUCCESS)
		return vc_cudnn_failed(&s->why, executed, "trying an engine");
	if (status == cudaSuccess)
		status = cudaEventRecord(event[1], stream);
	if (status == cudaSuccess)
		status = cudaEventSynchronize(event[1]);
	if (status == cudaSuccess)
		status = cudaEventElapsedTime(time, event[0], event[1]);
	return status == cudaSuccess ? VC_OK : vc_cuda_failed(&s->why, status, "trying an engine");
}

/* Measures a candidate; INFINITY if it fails. */
static void
measure_candidate(search *s, candidate *c, const vc_cuda_operands *operands, const cudaEvent_t event[2])
{
	c->milliseconds = INFINITY;
	for (int i = 0; i <= REPEATS; i++)
	{
		float		time = INFINITY;

		if (time_run(s, c, operands, event, &time) != VC_OK)
		{
			c->milliseconds = INFINITY;

			/* after a fault in a kernel nothing works any more */
			s->stopped = cudaStreamSynchronize(s->library->stream) != cudaSuccess;
			cudaGetLastError();
			return;
		}
		if (i > 0 && time < c->milliseconds)
			c->milliseconds = time;
	}
}

/* Finds the fastest candidate, with a workspace of its own; -1 if all fail. */
static int
fastest_candidate(search *s, const cudaEvent_t event[2])
{
	vc_cuda_operands o = *s->operands;
	size_t		most = 256;
	int			winner = -1;

	for (int i = 0; i < s->count; i++)
		most = s->candidates[i].workspace > most ? s->candidates[i].workspace : most;
	if (cudaMalloc(&o.workspace, most) != cudaSuccess)
	{
		cudaGetLastError();
		return 0;				/* no memory to measure: take the heuristics' first */
	}
	for (int i = 0; i < s->count && !search_interrupted(s); i++)
	{
		candidate  *c = &s->candidates[i];

		measure_candidate(s, c, &o, event);
		if (isfinite(c->milliseconds) &&
			(winner < 0 || c->milliseconds < s->candidates[winner].milliseconds))
			winner = i;
	}
	cudaFree(o.workspace);
	return winner;
}

static int
choose_candidate(search *s)
{
	cudaEvent_t event[2] = {NULL, NULL};
	int			winner = s->count > 0 ? 0 : -1;

	if (s->count > 1 && s->library->handle != NULL && cudaEventCreate(&event[0]) == cudaSuccess &&
		cudaEventCreate(&event[1]) == cudaSuccess)
		winner = fastest_candidate(s, event);
	for (int i = 0; i < 2; i++)
		if (event[i] != NULL)
			cudaEventDestroy(event[i]);
	return s->stopped ? -1 : winner;
}

/* Logs what was tried. */
static void
note_candidates(const search *s, int winner)
{
	char		name[160];

	vc_cudnn_problem_name(s->problem, name, sizeof(name));
	vc_cuda_note("%s%s: %s", name, s->problem->fused ? ", fused" : "",
				 winner >= 0 ? "" : s->why.message[0] != '\0' ? s->why.message : "no engine");
	for (int i = 0; i < s->count; i++)
	{
		const candidate *c = &s->candidates[i];

		vc_cuda_note("  %c engine %lld%s, %.1f MiB of workspace, finalized in %.3f s, runs in %.3f ms",
					 i == winner ? '*' : ' ', (long long) c->engine,
					 c->compiled ? ", compiled" : "", (double) c->workspace / 1048576,
					 c->seconds, c->milliseconds);
	}
}

/* Reports that an unfused problem has no plan, or what ended the search. */
static vc_status
no_plan(const search *s, vc_error *error)
{
	char		name[160];

	if (s->stopped)
	{
		if (error != NULL)
			*error = s->why;
		return s->why.code;
	}
	if (s->problem->fused)
		return VC_OK;
	vc_cudnn_problem_name(s->problem, name, sizeof(name));
	return vc_fail(error, VC_UNSUPPORTED, "cuDNN has no engine for %s%s%.300s", name,
				   s->why.message[0] != '\0' ? "; the last one tried: " : "", s->why.message);
}

vc_status
vc_cudnn_choose(vc_cuda_library *library, const vc_cuda_problem *problem,
				const vc_cuda_operands *operands, const vc_cuda_interrupt *interrupt,
				cudnnBackendDescriptor_t *plan, vc_error *error)
{
	search		s = {.library = library,.problem = problem,.operands = operands,
	.interrupt = interrupt};
	cudnnStatus_t status = vc_cudnn_graph(library, problem, &s.graph);
	int			winner;

	*plan = NULL;
	if (status == CUDNN_STATUS_SUCCESS)
		find_candidates(&s);
	else
		vc_cudnn_failed(&s.why, status, "describing a convolution");
	winner = choose_candidate(&s);
	library->plans_slow += winner >= 0 && s.candidates[winner].slow &&
		(problem->type != VC_CUDA_FLOAT || problem->rounds);
	if (vc_cuda_verbose())
		note_candidates(&s, winner);
	for (int i = 0; i < s.count; i++)
		if (i == winner)
			*plan = s.candidates[i].plan;
		else
			vc_cudnn_destroy(s.candidates[i].plan);
	vc_cudnn_destroy(s.graph);
	return winner >= 0 ? VC_OK : no_plan(&s, error);
}

/*
 * cudnn_convolution.c
 *		Implements convolution.h with cuDNN.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda/cudnn_private.h"

vc_status
vc_cuda_library_open(cudaStream_t stream, vc_cuda_library **result, vc_error *error)
{
	vc_cuda_library *library = calloc(1, sizeof(*library));
	cudnnStatus_t status;

	if (library == NULL)
		return vc_no_memory(error, sizeof(*library));
	if (vc_cudnn_load(error) != VC_OK)
	{
		free(library);
		return VC_UNSUPPORTED;
	}
	library->stream = stream;
	status = cudnnCreate(&library->handle);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnSetStream(library->handle, stream);
	if (status != CUDNN_STATUS_SUCCESS)
	{
		vc_cudnn_failed(error, status, "opening the library");
		vc_cuda_library_close(library);
		return error != NULL ? error->code : VC_DEVICE_ERROR;
	}
	*result = library;
	return VC_OK;
}

void
vc_cuda_library_close(vc_cuda_library *library)
{
	if (library == NULL)
		return;
	while (library->engines != NULL)
	{
		vc_cuda_engine *engine = library->engines;

		library->engines = engine->next;
		vc_cudnn_destroy(engine->plan);
		free(engine);
	}
	if (library->handle != NULL)
		cudnnDestroy(library->handle);
	free(library);
}

/* Finds or makes the engine of a problem.  Its plan is NULL if cuDNN has none. */
static vc_status
get_engine(vc_cuda_library *library, const vc_cuda_problem *problem,
		   const vc_cuda_operands *operands, const vc_cuda_interrupt *interrupt,
		   vc_cuda_engine **engine, vc_error *error)
{
	vc_cuda_engine *e;
	vc_status	status;

	for (e = library->engines; e != NULL; e = e->next)
		if (memcmp(&e->problem, problem, sizeof(*problem)) == 0)
		{
			*engine = e;
			return VC_OK;
		}
	if ((e = calloc(1, sizeof(*e))) == NULL)
		return vc_no_memory(error, sizeof(*e));
	e->problem = *problem;
	status = vc_cudnn_choose(library, problem, operands, interrupt, &e->plan, error);
	if (status != VC_OK)
	{
		free(e);
		return status;
	}
	if (e->plan != NULL)
		e->workspace = vc_cudnn_workspace(e->plan);
	e->next = library->engines;
	library->engines = e;
	*engine = e;
	return VC_OK;
}

vc_status
vc_cuda_engine_find(vc_cuda_library *library, const vc_cuda_problem *problem,
					const vc_cuda_operands *operands, const vc_cuda_interrupt *interrupt,
					vc_cuda_engine **engine, vc_error *error)
{
	vc_status	status = get_engine(library, problem, operands, interrupt, engine, error);

	if (status == VC_OK && (*engine)->plan == NULL)
		*engine = NULL;
	return status;
}

size_t
vc_cuda_engine_workspace(const vc_cuda_engine *engine)
{
	return engine->workspace;
}

vc_status
vc_cuda_engine_run(vc_cuda_library *library, const vc_cuda_engine *engine,
				   const vc_cuda_operands *operands, vc_error *error)
{
	cudnnStatus_t status = vc_cudnn_execute(library->handle, engine->plan, &engine->problem,
											operands);

	return status == CUDNN_STATUS_SUCCESS ? VC_OK : vc_cudnn_failed(error, status, "convolution");
}

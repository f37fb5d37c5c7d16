/*
 * cudnn_convolution.c
 *		convolution.h with cuDNN.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/cudnn_private.h"

vc_status
vc_cudnn_failed(vc_error *error, cudnnStatus_t status, const char *what)
{
	char		detail[160] = "";

	cudnnGetLastErrorString(detail, sizeof(detail));
	if (status == CUDNN_STATUS_ALLOC_FAILED)
		return vc_fail(error, VC_OUT_OF_MEMORY, "out of memory in cuDNN: %s", what);
	return vc_fail(error, VC_DEVICE_ERROR, "cuDNN failed with %s: %s%s%s",
				   cudnnGetErrorString(status), what, detail[0] != '\0' ? "; " : "", detail);
}

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

/* Finds or makes the engine of a problem, without a plan for one that has none. */
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

static const char *
direction_name(int direction)
{
	return direction == VC_CUDA_FORWARD ? "forward" :
		direction == VC_CUDA_BACKWARD_DATA ? "gradient of the input" : "gradient of the weights";
}

void
vc_cudnn_problem_name(const vc_cuda_problem *p, char *name, size_t size)
{
	snprintf(name, size, "a convolution of %d x %d x %d to %d by %d x %d, stride %d (%s, %d images)",
			 p->channels, p->height, p->width, p->out_channels, p->kernel, p->kernel,
			 p->stride, direction_name(p->direction), p->count);
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

cudnnStatus_t
vc_cudnn_execute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
				 const vc_cuda_problem *p, const vc_cuda_operands *o)
{
	int64_t		ids[5] = {VC_CUDNN_X, VC_CUDNN_W, VC_CUDNN_Y, VC_CUDNN_BIAS, VC_CUDNN_OTHER};
	void	   *pointers[5] = {o->x, o->w, o->y, (void *) o->bias, (void *) o->other};
	int64_t		count = p->fused ? (p->adds ? 5 : 4) : 3;
	cudnnBackendDescriptor_t pack = NULL;
	cudnnStatus_t status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);

	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
										  CUDNN_TYPE_INT64, count, ids);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
										  CUDNN_TYPE_VOID_PTR, count, pointers);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
										  CUDNN_TYPE_VOID_PTR, 1, &o->workspace);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendFinalize(pack);
	if (status == CUDNN_STATUS_SUCCESS)
		status = cudnnBackendExecute(handle, plan, pack);
	vc_cudnn_destroy(pack);
	return status;
}

vc_status
vc_cuda_engine_run(vc_cuda_library *library, const vc_cuda_engine *engine,
				   const vc_cuda_operands *operands, vc_error *error)
{
	cudnnStatus_t status = vc_cudnn_execute(library->handle, engine->plan, &engine->problem,
											operands);

	return status == CUDNN_STATUS_SUCCESS ? VC_OK : vc_cudnn_failed(error, status, "convolution");
}

/*
 * cuda_runtime_api.h
 *		The part of the CUDA runtime that visclf uses, without a GPU.
 *
 * The tests compile cuda/ against this folder instead of CUDA's own headers.
 * Device memory is host memory, poisoned when it is allocated.  Work on a
 * stream is kept in a queue and done only when somebody waits for it, as late
 * as CUDA may do it, so that a copy out of memory that has changed meanwhile
 * shows.  Capturing keeps the work, and a graph does it again.
 */
#ifndef EMULATE_CUDA_RUNTIME_API_H
#define EMULATE_CUDA_RUNTIME_API_H

#include <stddef.h>

#ifdef __cplusplus
extern "C"
{
#endif

typedef enum cudaError
{
	cudaSuccess = 0,
	cudaErrorInvalidValue = 1,
	cudaErrorMemoryAllocation = 2,
	cudaErrorInsufficientDriver = 35,
	cudaErrorNoDevice = 100,
	cudaErrorNotReady = 600,
	cudaErrorUnknown = 999
} cudaError_t;

typedef struct emulate_stream *cudaStream_t;
typedef struct emulate_event *cudaEvent_t;
typedef struct emulate_graph *cudaGraph_t;
typedef struct emulate_graph *cudaGraphExec_t;

struct cudaDeviceProp
{
	char		name[256];
	struct
	{
		char		bytes[16];
	}			uuid;
	size_t		totalGlobalMem;
	int			multiProcessorCount;
	int			major;
	int			minor;
};

enum cudaDeviceAttr
{
	cudaDevAttrComputeMode = 20
};

enum cudaComputeMode
{
	cudaComputeModeDefault = 0,
	cudaComputeModeProhibited = 2
};

enum cudaMemcpyKind
{
	cudaMemcpyHostToDevice,
	cudaMemcpyDeviceToHost,
	cudaMemcpyDeviceToDevice
};

enum cudaStreamCaptureMode
{
	cudaStreamCaptureModeThreadLocal
};

#define cudaStreamNonBlocking	1
#define cudaEventDisableTiming	2

extern cudaError_t cudaGetDeviceCount(int *count);
extern cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device);
extern cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device);
extern cudaError_t cudaDriverGetVersion(int *version);
extern cudaError_t cudaRuntimeGetVersion(int *version);
extern cudaError_t cudaSetDevice(int device);
extern cudaError_t cudaMemGetInfo(size_t *available, size_t *total);
extern cudaError_t cudaGetLastError(void);
extern const char *cudaGetErrorName(cudaError_t error);
extern const char *cudaGetErrorString(cudaError_t error);

extern cudaError_t cudaMalloc(void **memory, size_t bytes);
extern cudaError_t cudaFree(void *memory);
extern cudaError_t cudaMallocHost(void **memory, size_t bytes);
extern cudaError_t cudaFreeHost(void *memory);
extern cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
								   enum cudaMemcpyKind kind, cudaStream_t stream);
extern cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream);

extern cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags);
extern cudaError_t cudaStreamDestroy(cudaStream_t stream);
extern cudaError_t cudaStreamSynchronize(cudaStream_t stream);
extern cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
extern cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags);
extern cudaError_t cudaEventDestroy(cudaEvent_t event);
extern cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
extern cudaError_t cudaEventQuery(cudaEvent_t event);
extern cudaError_t cudaEventSynchronize(cudaEvent_t event);

extern cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode);
extern cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph);
extern cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph,
										unsigned long long flags);
extern cudaError_t cudaGraphDestroy(cudaGraph_t graph);
extern cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);
extern cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);

/* The file that is loaded as NVML; its functions are the emulator's. */
#define VC_CUDA_NVML_LIBRARY	emulate_nvml_library()
extern const char *emulate_nvml_library(void);

/*
 * For tests.  The device: its compute capability times 10, its bytes, and
 * whether there is one (else the error of cudaGetDeviceCount); its compute
 * mode, whether there is NVML, and how often a context was asked for.  Bytes
 * allocated and not freed, device and pinned, and graphs, streams and events
 * that are there.  The n-th call that may fail from now on fails; 0: none.
 */
extern void emulate_device(int capability, size_t bytes, cudaError_t count_error, int driver);
extern void emulate_compute_mode(int mode);
extern void emulate_nvml(int there);
extern int	emulate_contexts(void);
extern size_t emulate_allocated(void);
extern int	emulate_objects(void);
extern int	emulate_graph_launches(void);
extern void emulate_fail(int call);

/* Whether the call being made is to fail; counts it. */
extern int	emulate_fails(void);

#ifdef __cplusplus
}
#endif

#endif							/* EMULATE_CUDA_RUNTIME_API_H */

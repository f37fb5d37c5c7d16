/*
 * runtime.cpp
 *		Streams, events, memory and graphs without a GPU.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deque>
#include <map>
#include <vector>

#include "cuda_runtime.h"

struct emulate_graph
{
	std::vector<std::function<void()>> work;
};

struct emulate_stream
{
	std::deque<std::function<void()>> queue;
	long		submitted;
	long		done;
	emulate_graph *capture;		/* NULL: not capturing */
};

struct emulate_event
{
	emulate_stream *stream;		/* NULL: never recorded */
	long		position;
	bool		asked;			/* the first question is always too early */
};

/* EMULATED_GPU_MIB of the environment, or 8 GiB. */
static size_t
memory_bytes(void)
{
	const char *mib = getenv("EMULATED_GPU_MIB");

	return mib != NULL ? (size_t) atoi(mib) << 20 : (size_t) 8 << 30;
}

static struct
{
	int			capability;
	size_t		bytes;
	cudaError_t count_error;
	int			driver;
}			device = {90, memory_bytes(), cudaSuccess, 13000};

static int	compute_mode = cudaComputeModeDefault;
static int	nvml_there = 1;
static int	contexts;
static std::map<void *, size_t> allocations;
static size_t allocated;
static int objects;
static int graph_launches;
static int fail_in;
static cudaError_t last_error;

void
emulate_device(int capability, size_t bytes, cudaError_t count_error, int driver)
{
	device = {capability, bytes, count_error, driver};
}

void
emulate_compute_mode(int mode)
{
	compute_mode = mode;
}

void
emulate_nvml(int there)
{
	nvml_there = there;
}

int
emulate_contexts(void)
{
	return contexts;
}

size_t
emulate_allocated(void)
{
	return allocated;
}

int
emulate_objects(void)
{
	return objects;
}

int
emulate_graph_launches(void)
{
	return graph_launches;
}

void
emulate_fail(int call)
{
	fail_in = call;
}

int
emulate_fails(void)
{
	return fail_in > 0 && --fail_in == 0;
}

static cudaError_t
result(cudaError_t error)
{
	if (error != cudaSuccess)
		last_error = error;
	return error;
}

/* cudaSuccess, or that this call was told to fail. */
static cudaError_t
may_fail(cudaError_t error)
{
	return emulate_fails() ? result(error) : cudaSuccess;
}

cudaError_t
cudaGetDeviceCount(int *count)
{
	*count = device.count_error == cudaSuccess ? 1 : 0;
	return result(device.count_error);
}

cudaError_t
cudaGetDeviceProperties(struct cudaDeviceProp *properties, int)
{
	memset(properties, 0, sizeof(*properties));
	strcpy(properties->name, "emulated GPU");
	for (int i = 0; i < 16; i++)
		properties->uuid.bytes[i] = (char) (0xF0 + i);
	properties->totalGlobalMem = device.bytes;
	properties->multiProcessorCount = 3;
	properties->major = device.capability / 10;
	properties->minor = device.capability % 10;
	return may_fail(cudaErrorUnknown);
}

cudaError_t
cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr, int)
{
	*value = compute_mode;
	return cudaSuccess;
}

cudaError_t
cudaDriverGetVersion(int *version)
{
	*version = device.driver;
	return cudaSuccess;
}

cudaError_t
cudaRuntimeGetVersion(int *version)
{
	*version = 13000;
	return cudaSuccess;
}

cudaError_t
cudaSetDevice(int index)
{
	contexts++;
	return result(index == 0 ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t
cudaMemGetInfo(size_t *available, size_t *total)
{
	contexts++;
	*total = device.bytes;
	*available = device.bytes > allocated ? device.bytes - allocated : 0;
	return cudaSuccess;
}

/* NVML: this library is loaded as it, once more. */
const char *
emulate_nvml_library(void)
{
	Dl_info		info;

	return nvml_there && dladdr((void *) emulate_nvml_library, &info) != 0 ? info.dli_fname
		: "there is no NVML";
}

extern "C" int
nvmlInit_v2(void)
{
	objects++;
	return 0;
}

extern "C" int
nvmlShutdown(void)
{
	objects--;
	return 0;
}

extern "C" int
nvmlDeviceGetHandleByUUID(const char *uuid, void **card)
{
	*card = &device;
	return strcmp(uuid, "GPU-f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff") == 0 ? 0 : 6;
}

extern "C" int
nvmlDeviceGetMemoryInfo(void *card, unsigned long long info[3])
{
	if (card != &device)
		return 2;
	info[0] = device.bytes;
	info[1] = device.bytes > allocated ? device.bytes - allocated : 0;
	info[2] = info[0] - info[1];
	return 0;
}

cudaError_t
cudaGetLastError(void)
{
	cudaError_t error = last_error;

	last_error = cudaSuccess;
	return error;
}

const char *
cudaGetErrorName(cudaError_t)
{
	return "cudaErrorEmulated";
}

const char *
cudaGetErrorString(cudaError_t)
{
	return "emulated failure";
}

/* Memory whose floats are not numbers, in any precision. */
static cudaError_t
allocate(void **memory, size_t bytes)
{
	if (emulate_fails() || bytes > device.bytes - allocated)
		return result(cudaErrorMemoryAllocation);
	*memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
	if (*memory == NULL)
		return result(cudaErrorMemoryAllocation);
	memset(*memory, 0xFF, bytes);
	allocations[*memory] = bytes;
	allocated += bytes;
	return cudaSuccess;
}

cudaError_t
cudaMalloc(void **memory, size_t bytes)
{
	return allocate(memory, bytes);
}

cudaError_t
cudaMallocHost(void **memory, size_t bytes)
{
	return allocate(memory, bytes);
}

cudaError_t
cudaFree(void *memory)
{
	if (memory == NULL)
		return cudaSuccess;
	if (allocations.count(memory) == 0)
		abort();
	allocated -= allocations[memory];
	allocations.erase(memory);
	free(memory);
	return cudaSuccess;
}

cudaError_t
cudaFreeHost(void *memory)
{
	return cudaFree(memory);
}

void
emulate_submit(cudaStream_t stream, std::function<void()> work)
{
	if (stream->capture != NULL)
	{
		stream->capture->work.push_back(work);
		return;
	}
	stream->queue.push_back(work);
	stream->submitted++;
}

static void
run_until(cudaStream_t stream, long position)
{
	if (stream->capture != NULL)
		abort();				/* CUDA forbids it: the capture would be lost */
	while (stream->done < position)
	{
		std::function<void()> work = stream->queue.front();

		stream->queue.pop_front();
		work();
		stream->done++;
	}
}

cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind, cudaStream_t stream)
{
	if (emulate_fails())
		return result(cudaErrorUnknown);
	emulate_submit(stream, [=]() { memcpy(to, from, bytes); });
	return cudaSuccess;
}

cudaError_t
cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
	if (emulate_fails())
		return result(cudaErrorUnknown);
	emulate_submit(stream, [=]() { memset(to, value, bytes); });
	return cudaSuccess;
}

cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
	if (emulate_fails())
		return result(cudaErrorUnknown);
	*stream = new emulate_stream();
	objects++;
	return cudaSuccess;
}

cudaError_t
cudaStreamDestroy(cudaStream_t stream)
{
	delete stream;
	objects--;
	if (objects > 0 || allocated == 0)
		return cudaSuccess;

	/* a device closed before its plans */
	fprintf(stderr, "emulated GPU: %zu bytes are there and no stream\n", allocated);
	abort();
}

cudaError_t
cudaStreamSynchronize(cudaStream_t stream)
{
	run_until(stream, stream->submitted);
	return may_fail(cudaErrorUnknown);
}

cudaError_t
cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
	if (emulate_fails())
		return result(cudaErrorUnknown);
	*event = new emulate_event();
	objects++;
	return cudaSuccess;
}

cudaError_t
cudaEventDestroy(cudaEvent_t event)
{
	delete event;
	objects--;
	return cudaSuccess;
}

cudaError_t
cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
	if (emulate_fails())
		return result(cudaErrorUnknown);
	event->stream = stream;
	event->position = stream->submitted;
	event->asked = false;
	return cudaSuccess;
}

/* The other stream's work is done when this stream comes here. */
cudaError_t
cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
	emulate_stream *other = event->stream;
	long		position = event->position;

	if (emulate_fails())
		return result(cudaErrorUnknown);
	if (other != NULL && other != stream)
		emulate_submit(stream, [=]() { run_until(other, position); });
	return cudaSuccess;
}

cudaError_t
cudaEventQuery(cudaEvent_t event)
{
	if (event->stream == NULL)
		return cudaSuccess;
	if (!event->asked)
	{
		event->asked = true;
		return result(cudaErrorNotReady);
	}
	return cudaEventSynchronize(event);
}

cudaError_t
cudaEventSynchronize(cudaEvent_t event)
{
	if (event->stream != NULL)
		run_until(event->stream, event->position);
	return may_fail(cudaErrorUnknown);
}

cudaError_t
cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode)
{
	if (emulate_fails())
		return result(cudaErrorUnknown);
	stream->capture = new emulate_graph();
	objects++;
	return cudaSuccess;
}

cudaError_t
cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
	*graph = stream->capture;
	stream->capture = NULL;
	return may_fail(cudaErrorUnknown);
}

cudaError_t
cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long)
{
	if (emulate_fails())
		return result(cudaErrorUnknown);
	*executable = new emulate_graph(*graph);
	objects++;
	return cudaSuccess;
}

cudaError_t
cudaGraphDestroy(cudaGraph_t graph)
{
	delete graph;
	objects--;
	return cudaSuccess;
}

cudaError_t
cudaGraphExecDestroy(cudaGraphExec_t executable)
{
	return cudaGraphDestroy(executable);
}

cudaError_t
cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream)
{
	if (emulate_fails())
		return result(cudaErrorUnknown);
	graph_launches++;
	for (const std::function<void()> &work : executable->work)
		emulate_submit(stream, work);
	return cudaSuccess;
}

/*
 * dnnl.c
 *		Calls of oneDNN that several files make.
 */
#include <sys/mman.h>

#include "cpu/cpu.h"

/*
 * Bytes: more than the machine code of the first matrix product, and the 64 MB
 * of addresses that a thread's first malloc takes, maybe at the same time.
 */
#define RESERVE	((size_t) 96 * 1024 * 1024)
#define STACK	((size_t) 512 * 1024)

/* Reports which call of oneDNN failed, and how. */
vc_status
vc_cpu_dnnl_failed(vc_error *error, dnnl_status_t status, const char *what)
{
	if (status == dnnl_out_of_memory)
		return vc_fail(error, VC_OUT_OF_MEMORY, "out of memory in oneDNN: %s", what);
	return vc_fail(error, VC_DEVICE_ERROR, "oneDNN failed with status %d: %s",
				   (int) status, what);
}

/* Reports that a memory descriptor could not be made. */
vc_status
vc_cpu_md_failed(vc_error *error)
{
	return vc_cpu_dnnl_failed(error, dnnl_out_of_memory, "a memory descriptor");
}

/* True where the instruction set `want` may be used. */
bool
vc_cpu_has_isa(dnnl_cpu_isa_t want)
{
	return ((unsigned) dnnl_get_effective_cpu_isa() & (unsigned) want) == (unsigned) want;
}

/*
 * Checks that oneDNN will have memory to work in: fails unless RESERVE bytes
 * can be mapped, and unmaps them at once. oneDNN itself crashes if it cannot
 * map memory for its machine code, or if malloc fails in its containers.
 */
dnnl_status_t
vc_cpu_room(void)
{
	void	   *reserve = mmap(NULL, RESERVE, PROT_READ | PROT_WRITE,
							   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (reserve == MAP_FAILED)
		return dnnl_out_of_memory;
	munmap(reserve, RESERVE);
	return dnnl_success;
}

/*
 * Grows the caller's stack to the depth that oneDNN needs.  Call it after
 * vc_cpu_room: a stack that cannot grow is a crash.
 */
void __attribute__((noinline))
vc_cpu_touch_stack(void)
{
	volatile char stack[STACK] __attribute__((unused));

	for (size_t i = 0; i < STACK; i += 4096)
		stack[i] = 0;
}

/* dnnl_primitive_create, if there is memory for it. */
dnnl_status_t
vc_cpu_new_primitive(dnnl_primitive_t *primitive, const_dnnl_primitive_desc_t desc)
{
	dnnl_status_t status = vc_cpu_room();

	return status == dnnl_success ? dnnl_primitive_create(primitive, desc) : status;
}

/* Copies between two layouts of one tensor. */
vc_status
vc_cpu_reorder(vc_plan *plan, vc_md from, const void *source, vc_md to,
			   void *destination, vc_error *error)
{
	dnnl_engine_t engine = plan->device->engine;
	dnnl_primitive_desc_t desc = NULL;
	dnnl_primitive_t primitive = NULL;
	dnnl_memory_t a = NULL;
	dnnl_memory_t b = NULL;
	dnnl_status_t status;

	status = dnnl_reorder_primitive_desc_create(&desc, from, engine, to, engine, NULL);
	if (status == dnnl_success &&
		(status = vc_cpu_new_primitive(&primitive, desc)) == dnnl_success &&
		(status = dnnl_memory_create(&a, from, engine, (void *) source)) == dnnl_success &&
		(status = dnnl_memory_create(&b, to, engine, destination)) == dnnl_success)
	{
		dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, b}};

		status = dnnl_primitive_execute(primitive, plan->device->stream, 2, args);
		if (status == dnnl_success)
			status = dnnl_stream_wait(plan->device->stream);
	}
	dnnl_memory_destroy(a);
	dnnl_memory_destroy(b);
	dnnl_primitive_destroy(primitive);
	dnnl_primitive_desc_destroy(desc);
	if (status != dnnl_success)
		return vc_cpu_dnnl_failed(error, status, "reordering a parameter");
	return VC_OK;
}

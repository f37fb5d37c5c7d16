/*
 * block.cpp
 *		Runs the threads of a kernel's blocks, one after the other.
 *
 * A thread that comes to __syncthreads waits in a fiber of its own while the
 * others run; when all have come, they go on.  A kernel without barriers needs
 * one fiber for all its threads.  Every other launch takes blocks and threads
 * in reverse order: a missing barrier, or a result that depends on the order,
 * then differs from run to run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <vector>

#include "cuda_runtime.h"

#define STACK_BYTES (256 * 1024)

dim3		threadIdx, blockIdx, blockDim, gridDim;

struct fiber
{
	ucontext_t	context;
	void	   *stack;
	dim3		thread;
	bool		waits;
};

/* Kept to the end of the process. */
static std::vector<fiber *> &fibers = *new std::vector<fiber *>;
static fiber *current;
static ucontext_t scheduler;
static const std::function<void()> *body;
static unsigned next_thread;
static unsigned thread_count;
static bool backwards;

static void
set_thread(unsigned number)
{
	if (backwards)
		number = thread_count - 1 - number;
	threadIdx = dim3(number % blockDim.x, number / blockDim.x);
}

/* A fiber's life: thread after thread, until one of them has to wait. */
static void
live()
{
	while (next_thread < thread_count)
	{
		set_thread(next_thread++);
		current->thread = threadIdx;
		(*body)();
	}
	current->waits = false;
	swapcontext(&current->context, &scheduler);
}

static fiber *
get_fiber(size_t i)
{
	while (fibers.size() <= i)
	{
		fiber	   *f = new fiber();

		f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
		if (f->stack == MAP_FAILED)
			abort();
		fibers.push_back(f);
	}
	return fibers[i];
}

static void
run_fiber(fiber *f)
{
	current = f;
	threadIdx = f->thread;
	swapcontext(&scheduler, &f->context);
}

static void
start_fiber(fiber *f)
{
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK_BYTES;
	f->context.uc_link = NULL;
	makecontext(&f->context, live, 0);
	run_fiber(f);
}

void
__syncthreads()
{
	current->waits = true;
	swapcontext(&current->context, &scheduler);
}

/* How many threads wait; either none does or all. */
static size_t
count_waiting(size_t started)
{
	size_t		waiting = 0;

	for (size_t i = 0; i < started; i++)
		waiting += fibers[i]->waits;
	if (waiting == 0 || waiting == thread_count)
		return waiting;
	fprintf(stderr, "emulated kernel: %zu of %u threads came to a barrier\n",
			waiting, thread_count);
	abort();
}

/* All threads of a block to their end. */
static void
run_block()
{
	size_t		started = 0;

	next_thread = 0;
	while (next_thread < thread_count)
		start_fiber(get_fiber(started++));
	while (count_waiting(started) > 0)
		for (size_t i = 0; i < started; i++)
			run_fiber(fibers[i]);
}

void
emulate_grid(dim3 grid, dim3 block, const std::function<void()> &thread)
{
	unsigned	blocks = grid.x * grid.y;

	gridDim = grid;
	blockDim = block;
	thread_count = block.x * block.y;
	body = &thread;
	backwards = !backwards;
	for (unsigned i = 0; i < blocks; i++)
	{
		unsigned	number = backwards ? blocks - 1 - i : i;

		blockIdx = dim3(number % grid.x, number / grid.x);
		run_block();
	}
}

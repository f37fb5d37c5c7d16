/*
 * memory_use.h
 *		What a test program has of memory.
 */
#ifndef VISCLF_MEMORY_USE_H
#define VISCLF_MEMORY_USE_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/* Bytes that malloc has given. */
static inline size_t
allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* The process's address space, bytes. */
static inline size_t
address_space(void)
{
	FILE	   *file = fopen("/proc/self/statm", "r");
	long		pages = 0;

	if (file == NULL || fscanf(file, "%ld", &pages) != 1)
		perror("/proc/self/statm");
	if (file != NULL)
		fclose(file);
	return (size_t) pages * (size_t) sysconf(_SC_PAGESIZE);
}

#endif							/* VISCLF_MEMORY_USE_H */

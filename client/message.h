/*
 * message.h
 *		What visclf-load says on stderr, and how it gives up.
 */
#ifndef VISCLF_CLIENT_MESSAGE_H
#define VISCLF_CLIENT_MESSAGE_H

#include <stddef.h>

#include "engine/support/status.h"

/* What the process returns. */
#define EXIT_LOADED		0		/* all that was found is in the table */
#define EXIT_FAILED		1		/* an error; batches that were committed stay */
#define EXIT_LEFT_OUT	2		/* done, but some files could not be loaded */

/* Ends the program with a message and, where hint is not NULL, what to do. */
extern void fatal(const char *hint, const char *fmt,...) VC_PRINTF(2, 3) __attribute__((noreturn));

/* The same with what the engine or a reader said. */
extern void fatal_error(const vc_error *error) __attribute__((noreturn));

/* A line on stderr that begins with the program's name. */
extern void say(const char *fmt,...) VC_PRINTF(1, 2);

/* malloc, realloc and strdup, or the end of the program. */
extern void *allocate(size_t bytes);
extern void *reallocate(void *old, size_t bytes);
extern char *copy_string(const char *string);

/* A string that the format makes; free() it. */
extern char *print(const char *fmt,...) VC_PRINTF(1, 2);

/* The first string with the second at its end, both of which are freed; free() it. */
extern char *append_string(char *first, char *second);

#endif							/* VISCLF_CLIENT_MESSAGE_H */

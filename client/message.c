/*
 * message.c
 *		What visclf-load says on stderr, and how it gives up.
 */
#define _GNU_SOURCE
#include "client/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
fatal(const char *hint, const char *fmt,...)
{
	va_list		args;

	fputs("visclf-load: error: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	if (hint != NULL && hint[0] != '\0')
		fprintf(stderr, "visclf-load: hint: %s\n", hint);
	exit(EXIT_FAILED);
}

void
fatal_error(const vc_error *error)
{
	fatal(error->hint, "%s", error->message);
}

void
say(const char *fmt,...)
{
	va_list		args;

	fputs("visclf-load: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

void *
reallocate(void *old, size_t bytes)
{
	void	   *p = realloc(old, bytes > 0 ? bytes : 1);

	if (p == NULL)
		fatal(NULL, "out of memory: %zu bytes could not be allocated", bytes);
	return p;
}

void *
allocate(size_t bytes)
{
	return reallocate(NULL, bytes);
}

char *
copy_string(const char *string)
{
	size_t		bytes = strlen(string) + 1;

	return memcpy(allocate(bytes), string, bytes);
}

char *
print(const char *fmt,...)
{
	va_list		args;
	char	   *result;
	int			bytes;

	va_start(args, fmt);
	bytes = vasprintf(&result, fmt, args);
	va_end(args);
	if (bytes < 0)
		fatal(NULL, "out of memory");
	return result;
}

char *
append_string(char *first, char *second)
{
	char	   *both = print("%s%s", first, second);

	free(first);
	free(second);
	return both;
}

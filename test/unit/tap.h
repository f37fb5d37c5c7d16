/*
 * tap.h
 *		The least that a test program needs to speak TAP to prove.
 *
 * ok(condition, "what holds") prints a line; diag() explains; skip() says
 * what was not tested and why; return done() from main.
 */
#ifndef VISCLF_TAP_H
#define VISCLF_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int	tap_count = 0;
static int	tap_failed = 0;

static inline bool __attribute__((format(printf, 2, 3)))
ok(bool condition, const char *fmt,...)
{
	va_list		args;

	tap_count++;
	if (!condition)
		tap_failed++;
	printf("%s %d - ", condition ? "ok" : "not ok", tap_count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	return condition;
}

static inline void __attribute__((format(printf, 1, 2)))
diag(const char *fmt,...)
{
	va_list		args;

	printf("# ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

static inline void
skip(const char *what, const char *why)
{
	tap_count++;
	printf("ok %d - %s # SKIP %s\n", tap_count, what, why);
}

static inline int
done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif							/* VISCLF_TAP_H */

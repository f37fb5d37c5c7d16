/*
 * progress.c
 *		How far the loading is.
 *
 * A terminal has one line that changes, a file a line every ten seconds.
 */
#include "client/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

double
clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

const char *
bytes_text(int64_t bytes, char text[32])
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double		value = (double) bytes;
	int			unit = 0;

	while (value >= 1000 && unit < 4)
	{
		value /= 1000;
		unit++;
	}
	snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
	return text;
}

const char *
time_text(double seconds, char text[32])
{
	long		whole = seconds < 1e9 ? (long) (seconds + 0.5) : 1000000000;

	if (whole >= 3600)
		snprintf(text, 32, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
	else
		snprintf(text, 32, "%ld:%02ld", whole / 60, whole % 60);
	return text;
}

void
progress_begin(progress *p, int64_t files, int64_t bytes, bool quiet)
{
	*p = (progress) {.quiet = quiet, .terminal = isatty(STDERR_FILENO), .files = files, .bytes = bytes};
	p->begun = p->predicted = clock_now();
}

void
progress_add(progress *p, int64_t bytes)
{
	double		now = clock_now();
	double		passed = now - p->begun;
	char		read[32],
				left[32];

	p->files_done++;
	p->bytes_read += bytes;
	if (p->quiet || now - p->predicted < (p->terminal ? 0.2 : 10))
		return;
	p->predicted = now;
	fprintf(stderr, "%s%lld of %lld files, %s, %.0f files a second, %s left%s", p->terminal ? "\r\033[K" : "visclf-load: ",
			(long long) p->files_done, (long long) p->files, bytes_text(p->bytes_read, read), p->files_done / passed,
			time_text(p->bytes_read > 0 ? passed * (double) (p->bytes - p->bytes_read) / (double) p->bytes_read : 0, left),
			p->terminal ? "" : "\n");
	fflush(stderr);
}

void
progress_pause(progress *p)
{
	if (p->terminal && !p->quiet)
		fputs("\r\033[K", stderr);
}

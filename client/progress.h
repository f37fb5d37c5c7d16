/*
 * progress.h
 *		How far the loading is.
 */
#ifndef VISCLF_CLIENT_PROGRESS_H
#define VISCLF_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress
{
	bool		quiet;
	bool		terminal;
	double		begun;			/* seconds */
	double		predicted;
	int64_t		files;			/* to load */
	int64_t		bytes;
	int64_t		files_done;
	int64_t		bytes_read;
} progress;

/* Seconds of a clock that only goes forward. */
extern double clock_now(void);

extern void progress_begin(progress *p, int64_t files, int64_t bytes, bool quiet);

/* Counts a file, and says so from time to time. */
extern void progress_add(progress *p, int64_t bytes);

/* Clears the line before something else is said. */
extern void progress_pause(progress *p);

/* Bytes in words, and seconds as 1:02:03; into `text`. */
extern const char *bytes_text(int64_t bytes, char text[32]);
extern const char *time_text(double seconds, char text[32]);

#endif							/* VISCLF_CLIENT_PROGRESS_H */

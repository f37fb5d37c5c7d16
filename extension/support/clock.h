/*
 * clock.h
 *		Measuring and printing durations.
 */
#ifndef VISCLF_CLOCK_H
#define VISCLF_CLOCK_H

#include "extension/support/pgcompat.h"

#include "portability/instr_time.h"

/* Returns the seconds since a time that INSTR_TIME_SET_CURRENT took. */
extern double seconds_since(instr_time start);

/*
 * Formats seconds as minutes and seconds, as fastai does; from 60 minutes on
 * with hours. Palloc'd.
 */
extern char *clock_time(double seconds);

#endif							/* VISCLF_CLOCK_H */

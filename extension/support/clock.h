/*
 * clock.h
 *		How long things take, and how a time is printed.
 */
#ifndef VISCLF_CLOCK_H
#define VISCLF_CLOCK_H

#include "extension/support/pgcompat.h"

#include "portability/instr_time.h"

/* Seconds since a time that INSTR_TIME_SET_CURRENT took. */
extern double seconds_since(instr_time start);

/* Minutes and seconds, as fastai prints times; hours from 60 minutes on.  Palloc'd. */
extern char *clock_time(double seconds);

#endif							/* VISCLF_CLOCK_H */

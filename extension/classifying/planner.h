/*
 * planner.h
 *		Corrects PostgreSQL's planner for queries that classify.
 */
#ifndef VISCLF_PLANNER_H
#define VISCLF_PLANNER_H

#include "extension/support/pgcompat.h"

/* Sets the planner's hooks, once in a process. */
extern void planner_init(void);

#endif							/* VISCLF_PLANNER_H */

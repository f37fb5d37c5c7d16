/*
 * pgcompat.h
 *		Every check of PostgreSQL's version, in one place.
 */
#ifndef VISCLF_PGCOMPAT_H
#define VISCLF_PGCOMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "visclf needs PostgreSQL 15 or newer"
#endif

#endif							/* VISCLF_PGCOMPAT_H */

/*
 * pgcompat.h
 *		Every check of PostgreSQL's version, in one place.
 */
#ifndef VISCLF_PGCOMPAT_H
#define VISCLF_PGCOMPAT_H

#include "postgres.h"

#include "storage/buffile.h"

#if PG_VERSION_NUM < 150000
#error "visclf needs PostgreSQL 15 or newer"
#endif

/* BufFileRead returned a short count until 16; since then there is ReadExact. */
#if PG_VERSION_NUM < 160000
static inline void
BufFileReadExact(BufFile *file, void *data, size_t size)
{
	if (BufFileRead(file, data, size) != size)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read the temporary file of training images")));
}
#endif

#endif							/* VISCLF_PGCOMPAT_H */

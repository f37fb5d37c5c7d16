/*
 * visclf.c
 *		Loading the library: defines settings and sets PostgreSQL's hooks.
 *
 * It starts no thread and opens no device, so that the library may be
 * preloaded into the postmaster.
 */
#include "extension/support/pgcompat.h"

#include "fmgr.h"

#include "extension/classifying/planner.h"
#include "extension/models/reassign.h"
#include "extension/support/settings.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	define_settings();
	planner_init();
	reassign_init();
}

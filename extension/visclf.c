/*
 * visclf.c
 *		What happens when the library is loaded: settings are defined and
 *		PostgreSQL's hooks set.
 *
 * No thread is started and no device touched here, so that the library may
 * also be preloaded into the postmaster.
 */
#include "pgcompat.h"

#include "fmgr.h"

#include "planner.h"
#include "reassign.h"
#include "settings.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	define_settings();
	planner_init();
	reassign_init();
}

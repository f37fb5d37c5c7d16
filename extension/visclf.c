/*
 * visclf.c
 *		What happens when the library is loaded: settings are defined and
 *		PostgreSQL's hooks set.
 *
 * No thread is started and no device touched here, so that the library may
 * also be preloaded into the postmaster.
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

/*
 * planner.c
 *		Corrects PostgreSQL's planner for queries that classify.
 *
 * The planner decides about parallel workers by a table's pages without its
 * TOAST table, and so takes a table of images for tiny. It also assumes that a
 * function in FROM is called once, although LATERAL calls it for each row.
 * Hooks correct both for functions that name visclf.planner_support as their
 * support function. That also loads this library before the first of them is
 * planned.
 */
#include "extension/classifying/planner.h"

#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "utils/lsyscache.h"

#include "extension/devices/devices.h"
#include "extension/support/settings.h"

PG_FUNCTION_INFO_V1(visclf_planner_support);

/* Number of images that justify a worker; starting one takes the time of a few. */
#define IMAGES_OF_WORKER 50

static relation_hook_type next_relation_hook;
static set_rel_pathlist_hook_type next_pathlist_hook;

/* Answers no request: the declared costs of the functions are right. */
Datum
visclf_planner_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

/* Returns true if a function runs a network on an image. */
static bool
runs_network(Oid function)
{
	Oid			support = get_func_support(function);
	FmgrInfo	info;

	if (!OidIsValid(support))
		return false;
	fmgr_info(support, &info);
	return info.fn_addr == visclf_planner_support;
}

static bool
is_network_call(Node *node)
{
	return IsA(node, FuncExpr) && runs_network(((FuncExpr *) node)->funcid);
}

/* State of the search for a call. */
typedef struct Search
{
	PlannerInfo *root;
	Relids		relids;			/* one of them must be in the call */
} Search;

static bool
find_call(Node *node, void *argument)
{
	Search	   *search = argument;

	if (node == NULL || IsA(node, Query))	/* a subquery has its own relations */
		return false;
	if (is_network_call(node) && bms_overlap(pull_varnos(search->root, node), search->relids))
		return true;
	return expression_tree_walker(node, find_call, search);
}

/* Returns true if the query runs a network on images of the relation, or of its parent. */
static bool
classifies(PlannerInfo *root, RelOptInfo *rel)
{
	Search		search = {root, bms_add_member(bms_copy(rel->top_parent_relids), rel->relid)};

	return query_tree_walker(root->parse, find_call, &search, 0);
}

/* Asks for workers for a table of images, by its number of rows. */
static void
relation_size(RELATION_HOOK_ARGUMENTS)
{
	int			workers;

	if (next_relation_hook)
		next_relation_hook(RELATION_HOOK_VALUES);
	workers = (int) Min(rel->tuples / IMAGES_OF_WORKER, machine_cores() - 1);
	if (rel->rel_parallel_workers == -1 && workers > 0 && root->glob->parallelModeOK &&
		classifies(root, rel) && device_is_cpu())
		rel->rel_parallel_workers = workers;
}

/* Charges a function in FROM that needs other relations' rows for each call. */
static void
pathlist(PlannerInfo *root, RelOptInfo *rel, Index index, RangeTblEntry *entry)
{
	ListCell   *cell;

	if (next_pathlist_hook)
		next_pathlist_hook(root, rel, index, entry);
	if (entry->rtekind != RTE_FUNCTION || bms_is_empty(rel->lateral_relids) ||
		!is_network_call(((RangeTblFunction *) linitial(entry->functions))->funcexpr))
		return;
	foreach(cell, rel->pathlist)
		((Path *) lfirst(cell))->startup_cost = 0;	/* a rescan saves the startup cost */
}

void
planner_init(void)
{
	next_relation_hook = relation_hook;
	relation_hook = relation_size;
	next_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = pathlist;
}

/*
 * planner.c
 *		What PostgreSQL's planner cannot know of queries that classify.
 *
 * It gives a table parallel workers by its pages without what is in TOAST, and
 * a table of images looks tiny to it.  And it takes a function in FROM to be
 * called once, where LATERAL calls it for each row.  Hooks set both right for
 * the functions that name visclf.planner_support as theirs, which also has this
 * library loaded before the first of them is planned.
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

/* Images that are worth a worker, which takes the time of a few to start. */
#define IMAGES_OF_WORKER 50

static relation_hook_type next_relation_hook;
static set_rel_pathlist_hook_type next_pathlist_hook;

/* Answers no request: the costs that functions are declared with are right. */
Datum
visclf_planner_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

/* True of a function that runs a network on an image. */
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

/* What a call is looked for with. */
typedef struct Search
{
	PlannerInfo *root;
	Relids		relids;			/* one of them must be in the call */
} Search;

static bool
find_call(Node *node, void *argument)
{
	Search	   *search = argument;

	if (node == NULL || IsA(node, Query))	/* a subquery has relations of its own */
		return false;
	if (is_network_call(node) && bms_overlap(pull_varnos(search->root, node), search->relids))
		return true;
	return expression_tree_walker(node, find_call, search);
}

/* True where the query has the network run on images of the relation, or of its parent. */
static bool
classifies(PlannerInfo *root, RelOptInfo *rel)
{
	Search		search = {root, bms_add_member(bms_copy(rel->top_parent_relids), rel->relid)};

	return query_tree_walker(root->parse, find_call, &search, 0);
}

/* Wants workers for a table of images, as many as its rows are worth. */
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

/* A function in FROM that needs other relations' rows costs anew for each. */
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
		((Path *) lfirst(cell))->startup_cost = 0;	/* a rescan saves what is startup */
}

void
planner_init(void)
{
	next_relation_hook = relation_hook;
	relation_hook = relation_size;
	next_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = pathlist;
}

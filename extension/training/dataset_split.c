/*
 * dataset_split.c
 *		Chooses which images are held out of a training, and in which fold.
 *
 * A unit stays together: the images of a group, or the rows of one image. Its
 * draw is a function of the seed and its identity. So neither other units nor
 * the table's order decide where it goes, except as strata require.
 */
#include "extension/support/pgcompat.h"

#include "extension/training/dataset.h"

#include "engine/training/recipe.h"

#define SMALL 10				/* validation images of a class, below which they are dealt out */
#define LEAST 2					/* of them, where there are as many to train on, */
#define SOME 0.25				/* and the share asks for so much of one */

/* A unit; label -1: of no class. */
typedef struct Unit
{
	uint64		group;
	double		draw;			/* 0 to 1 */
	int32		label;			/* the first of its images */
	int64		first;			/* of its rows, in the order by group */
	int64		images;
} Unit;

/* Units, by label and draw. */
typedef struct Units
{
	uint32	   *rows;			/* by group */
	Unit	   *units;
	int64		count;
} Units;

static int32
first_label(const DatasetRow *row)
{
	return row->label_count > 0 ? row->labels[0] : -1;
}

static int
compare_groups(const void *a, const void *b, void *argument)
{
	const DatasetRow *rows = argument;
	const DatasetRow *x = &rows[*(const uint32 *) a];
	const DatasetRow *y = &rows[*(const uint32 *) b];

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return first_label(x) - first_label(y);
}

static int
compare_units(const void *a, const void *b)
{
	const Unit *x = a;
	const Unit *y = b;

	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	if (x->draw != y->draw)
		return x->draw < y->draw ? -1 : 1;
	return x->group < y->group ? -1 : x->group > y->group;
}

/* The units of all rows whose side is not given. */
static Units
find_units(const Dataset *d, uint64 seed)
{
	Units		u = {0};
	int64		count = 0;

	u.rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * Max(d->count, 1));
	u.units = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Unit) * Max(d->count, 1));
	for (int64 i = 0; i < d->count; i++)
		if (d->rows[i].side == SIDE_BY_HASH)
			u.rows[count++] = (uint32) i;
	qsort_arg(u.rows, count, sizeof(uint32), compare_groups, d->rows);
	for (int64 i = 0; i < count; i++)
	{
		const DatasetRow *row = &d->rows[u.rows[i]];

		if (i == 0 || row->group != u.units[u.count - 1].group)
			u.units[u.count++] = (Unit) {row->group, vc_split_draw(row->group, seed), first_label(row), i, 0};
		u.units[u.count - 1].images++;
	}
	qsort(u.units, u.count, sizeof(Unit), compare_units);
	return u;
}

static void
free_units(Units *u)
{
	pfree(u->rows);
	pfree(u->units);
}

static void
put_unit(Dataset *d, const Units *u, const Unit *unit, DatasetSide side, int fold)
{
	for (int64 i = unit->first; i < unit->first + unit->images; i++)
	{
		d->rows[u->rows[i]].side = side;
		d->rows[u->rows[i]].fold = fold;
	}
}

/* Returns how many images of a class to hold out if it has few. */
static int64
wanted(int64 images, double share)
{
	int64		most = images / 2;
	int64		least = images * share >= SOME ? Min(LEAST, most) : 0;

	return Max(least, Min(most, (int64) (images * share + 0.5)));
}

void
dataset_hold_out(Dataset *d, uint64 seed, double share)
{
	Units		u = find_units(d, seed);

	for (int64 first = 0, end; first < u.count; first = end)
	{
		int64		images = 0;
		int64		held = 0;

		for (end = first; end < u.count && u.units[end].label == u.units[first].label; end++)
			images += u.units[end].images;
		for (int64 i = first; i < end; i++)
		{
			const Unit *unit = &u.units[i];
			bool		out = images * share >= SMALL || share >= 0.5 ? unit->draw < share :
				held + unit->images / 2 < wanted(images, share);

			held += out ? unit->images : 0;
			put_unit(d, &u, unit, out ? SIDE_VALID : SIDE_TRAIN, 0);
		}
	}
	free_units(&u);
}

/* Returns the fold with the fewest images of a class; among equals, the fewest of all. */
static int
emptiest(const int64 *of_class, const int64 *of_all, int folds)
{
	int			best = 0;

	for (int f = 1; f < folds; f++)
		if (of_class[f] < of_class[best] || (of_class[f] == of_class[best] && of_all[f] < of_all[best]))
			best = f;
	return best;
}

int64
dataset_deal(Dataset *d, uint64 seed, int folds)
{
	Units		u = find_units(d, seed);
	int64		count = u.count;
	int64	   *of_class = palloc0(sizeof(int64) * folds);
	int64	   *of_all = palloc0(sizeof(int64) * folds);

	for (int64 i = 0; i < u.count; i++)
	{
		int			fold;

		if (i > 0 && u.units[i].label != u.units[i - 1].label)
			memset(of_class, 0, sizeof(int64) * folds);
		fold = emptiest(of_class, of_all, folds);
		of_class[fold] += u.units[i].images;
		of_all[fold] += u.units[i].images;
		put_unit(d, &u, &u.units[i], SIDE_TRAIN, fold + 1);
	}
	pfree(of_class);
	pfree(of_all);
	free_units(&u);
	return count;
}

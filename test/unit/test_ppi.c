/*
 * test_ppi.c
 *		Shares where some labels are known: quantiles, the estimate beside the
 *		formula of PPI++, bounds where much or nothing is known, borrowing,
 *		clusters, weights, differences and plans.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/counting/ppi.h"
#include "engine/support/quantile.h"
#include "test/unit/tap.h"

#define CLASSES 3
#define GROUPS 4
#define MOST_ROWS 4000

/* A corpus: what is known and said of each group, and labelled rows. */
typedef struct corpus
{
	vc_ppi_data data;
	int64_t		known[GROUPS * CLASSES];
	int64_t		predicted[GROUPS * CLASSES];
	vc_ppi_row	rows[MOST_ROWS];
} corpus;

static corpus *
begin(int groups, int classes)
{
	static corpus c;

	memset(&c, 0, sizeof(c));
	c.data = (vc_ppi_data) {groups, classes, c.known, c.predicted, c.rows, 0};
	return &c;
}

static void
add_unknown(corpus *c, int group, int predicted, int images)
{
	c->predicted[group * c->data.classes + predicted] += images;
}

/* Labelled images; weight is how many each stands for. */
static void
add_known(corpus *c, int group, int truth, int predicted, int images, double weight, uint64_t cluster)
{
	c->known[group * c->data.classes + truth] += images;
	c->rows[c->data.row_count++] = (vc_ppi_row) {images, cluster, weight, group, truth, predicted};
}

static vc_ppi *
solve(const corpus *c, double confidence)
{
	vc_ppi_options options = {.confidence = confidence};
	vc_ppi	   *ppi;
	vc_error	error;

	if (vc_ppi_create(&options, &c->data, &ppi, &error) != VC_OK)
	{
		diag("%s", error.message);
		exit(1);
	}
	return ppi;
}

static vc_ppi_share
solve_one(const corpus *c, int group, int class_index)
{
	vc_ppi	   *ppi = solve(c, 0.95);
	vc_ppi_share share = vc_ppi_get(ppi, group, class_index);

	vc_ppi_free(ppi);
	return share;
}

static double
width(vc_ppi_share s)
{
	return s.high - s.low;
}

static void
check_quantiles(void)
{
	/* of tables */
	static const struct {double degrees, value;} t[] = {
		{1, 12.7062047}, {2, 4.3026527}, {3, 3.1824463}, {5, 2.5705818}, {9, 2.2621572}, {30, 2.0422725}, {1000, 1.9623391}
	};
	double		off = 0;

	ok(fabs(vc_normal_quantile(0.975) - 1.959963985) < 1e-8 && fabs(vc_normal_quantile(0.9999) - 3.719016485) < 1e-8, "normal quantiles");
	for (int i = 0; i < 7; i++)
		off = fmax(off, fabs(vc_t_quantile(0.975, t[i].degrees) / t[i].value - 1));
	ok(off < 1e-4, "Student's quantiles: off by %.1e", off);
	off = 0;
	for (double level = 0.005; level < 1; level += 0.09)
	{
		off = fmax(off, fabs(vc_beta_quantile(level, 1, 7) - (1 - pow(1 - level, 1.0 / 7))));
		off = fmax(off, fabs(vc_beta_quantile(level, 300, 1) - pow(level, 1.0 / 300)));
		off = fmax(off, fabs(vc_beta_quantile(level, 0.5, 0.5) - pow(sin(M_PI * level / 2), 2)));
		off = fmax(off, fabs(vc_beta_quantile(level, 0.02, 3) + vc_beta_quantile(1 - level, 3, 0.02) - 1));
	}
	ok(off < 1e-9, "beta quantiles: off by %.1e", off);
}

/* 90 labelled of 1000, 10 of which are told wrong. */
static corpus *
ordinary(void)
{
	corpus	   *c = begin(1, 2);

	add_known(c, 0, 0, 0, 26, 1, 0);
	add_known(c, 0, 0, 1, 6, 1, 0);
	add_known(c, 0, 1, 0, 4, 1, 0);
	add_known(c, 0, 1, 1, 54, 1, 0);
	add_unknown(c, 0, 0, 280);
	add_unknown(c, 0, 1, 630);
	return c;
}

static void
check_formula(void)
{
	vc_ppi_share s = solve_one(ordinary(), 0, 0);
	vc_ppi_share other = solve_one(ordinary(), 0, 1);
	double		lambda = 26.0 / 30 - 6.0 / 60;	/* the slope of y on f */
	double		ppi = lambda * (280 + 30) / 1000 + (32.0 / 90 - lambda * 30 / 90);
	double		deviation = sqrt((1.0 / 3 * 26 * 4 / 900 + 2.0 / 3 * 6 * 54 / 3600) / 90 * 910 / 1000);

	ok(fabs(s.share - ppi) < 1e-12, "the estimate is that of PPI++: %.6f", s.share);
	ok(fabs(s.share + other.share - 1) < 1e-12 && fabs(s.low - (1 - other.high)) < 1e-9, "of two classes each is what the other is not");
	ok(fabs(width(s) / (2 * 1.96 * deviation) - 1) < 0.1, "the interval is as wide as a normal one, about: %.4f, %.4f", width(s), 2 * 1.96 * deviation);
	ok(s.borrowed == 0, "one group borrows nothing");
}

static void
check_ends(void)
{
	corpus	   *c = begin(1, 2);
	vc_ppi_share s;

	add_known(c, 0, 0, 1, 7, 0, 0);
	add_known(c, 0, 1, 1, 13, 0, 0);
	s = solve_one(c, 0, 0);
	ok(s.share == 0.35 && s.low == s.share && s.high == s.share, "where all is known there is no width");

	c = begin(1, 2);
	add_known(c, 0, 1, 1, 60, 1, 0);
	add_unknown(c, 0, 1, 600);
	s = solve_one(c, 0, 0);
	ok(s.share == 0 && s.low == 0 && s.high > 0.02 && s.high < 0.06, "none found of 60 labelled: 0 to %.3f", s.high);

	/* what is said to be of the class, and no such image is labelled */
	add_unknown(c, 0, 0, 40);
	s = solve_one(c, 0, 0);
	ok(s.share == 0 && s.high > 0.02 && s.high < 0.06, "a side without labels is not believed: 0 to %.3f", s.high);

	c = begin(1, 2);
	add_known(c, 0, 0, 0, 1, 1, 0);
	add_unknown(c, 0, 0, 500);
	s = solve_one(c, 0, 0);
	ok(s.low < 0.2 && s.high == 1, "one label says little: %.2f to %.2f", s.low, s.high);
	c = begin(1, 2);
	add_known(c, 0, 0, 0, 40, 1, 0);
	add_known(c, 0, 1, 1, 40, 1, 0);
	add_unknown(c, 0, 0, 1);
	s = solve_one(c, 0, 0);
	ok(s.low >= 40.0 / 81 - 1e-12 && s.high <= 41.0 / 81 + 1e-12, "what is known bounds what may be");
}

static void
check_clusters(void)
{
	corpus	   *c = begin(1, 2);
	vc_ppi_share single;
	vc_ppi_share joint;

	for (int i = 0; i < 400; i++)
		add_known(c, 0, i / 10 % 4 == 0, 1, 1, 1, 0);
	add_unknown(c, 0, 1, 100000);
	single = solve_one(c, 0, 0);
	for (int i = 0; i < 400; i++)
		c->rows[i].cluster = 1 + i / 10;
	joint = solve_one(c, 0, 0);
	ok(fabs(width(joint) / width(single) / sqrt(10) - 1) < 0.1, "labels that come ten alike count once: %.3f, %.3f", width(single), width(joint));
	for (int i = 0; i < 400; i++)
		c->rows[i].cluster = 1 + i % 10 + i / 100 * 10;	/* as mixed as can be */
	joint = solve_one(c, 0, 0);
	ok(width(joint) >= width(single) && width(joint) < 1.1 * width(single), "clusters that are all the same take nothing away: %.3f", width(joint));
}

static void
check_weights(void)
{
	corpus	   *c = begin(1, 2);
	vc_ppi_share s;

	/* a stratum read whole, mostly of the class, and a tenth of another, a fifth of the class */
	add_known(c, 0, 0, 0, 180, 0, 0);
	add_known(c, 0, 1, 0, 20, 0, 0);
	add_known(c, 0, 0, 0, 20, 9, 0);
	add_known(c, 0, 1, 0, 80, 9, 0);
	add_unknown(c, 0, 0, 900);
	s = solve_one(c, 0, 0);
	ok(fabs(s.share - (180 + 0.2 * 1000) / 1200) < 1e-12, "labels count by their weights: %.4f", s.share);
	ok(fabs(width(s) / (2 * 1.96 * 0.4 / 10 * sqrt(0.9) * 1000 / 1200) - 1) < 0.1, "what was read whole adds no doubt: %.4f wide", width(s));
}

static void
check_classes(void)
{
	corpus	   *c = begin(1, CLASSES);
	vc_ppi	   *ppi;
	double		sum = 0;
	bool		inside = true;

	add_known(c, 0, 0, 0, 11, 1, 0);
	add_known(c, 0, 1, 0, 3, 1, 0);
	add_known(c, 0, 1, 1, 40, 1, 0);
	add_known(c, 0, 2, 1, 2, 1, 0);
	add_known(c, 0, 2, 2, 4, 1, 0);
	for (int k = 0; k < CLASSES; k++)
		add_unknown(c, 0, k, 100 + 50 * k);
	ppi = solve(c, 0.95);
	for (int k = 0; k < CLASSES; k++)
	{
		vc_ppi_share s = vc_ppi_get(ppi, 0, k);

		sum += s.share;
		inside = inside && 0 < s.low && s.low < s.share && s.share < s.high && s.high < 1;
	}
	ok(fabs(sum - 1) < 1e-12 && inside, "shares of three classes add up to 1, inside their intervals");
	vc_ppi_free(ppi);
}

/* Three groups of 400 that are labelled, the third with few, and a fourth that is not. */
static corpus *
grouped(int differ)
{
	corpus	   *c = begin(GROUPS, 2);
	static const int labels[GROUPS] = {100, 100, 5, 0};

	for (int g = 0; g < GROUPS; g++)
	{
		int			wrong = labels[g] / 10 + (g == 0 ? -differ : g == 1 ? differ : 0);

		add_unknown(c, g, 0, (400 - labels[g]) / 4);
		add_unknown(c, g, 1, 400 - labels[g] - (400 - labels[g]) / 4);
		if (labels[g] == 0)
			continue;
		add_known(c, g, 0, 0, labels[g] / 4 + 1, 1, 0);
		add_known(c, g, 1, 0, 1, 1, 0);
		add_known(c, g, 0, 1, wrong, 1, 0);
		add_known(c, g, 1, 1, labels[g] * 3 / 4 - 1 - wrong, 1, 0);
	}
	return c;
}

static void
check_borrowing(void)
{
	vc_ppi	   *alike = solve(grouped(0), 0.95);
	vc_ppi_share few = vc_ppi_get(alike, 2, 0);
	vc_ppi_share none = vc_ppi_get(alike, 3, 0);
	vc_ppi_share many = vc_ppi_get(alike, 0, 0);
	vc_ppi_share differ = solve_one(grouped(9), 3, 0);
	vc_ppi_share own = solve_one(grouped(9), 0, 0);

	ok(none.borrowed == 1 && few.borrowed > 0.5 && few.borrowed < 1, "a group without labels borrows all, with 5 %.2f", few.borrowed);
	ok(many.borrowed < few.borrowed && own.borrowed < many.borrowed, "with 100 less, and the less the more groups differ: %.2f, %.2f", many.borrowed, own.borrowed);
	ok(width(none) > width(few) && width(few) > width(many), "and is less sure: %.3f, %.3f, %.3f", width(none), width(few), width(many));
	ok(width(differ) > 1.2 * width(none), "the less sure the more groups differ: %.3f", width(differ));
	vc_ppi_free(alike);
}

/* Two groups without labels; errors are known of images of neither: 9 of 10 are right. */
static corpus *
strange(void)
{
	corpus	   *c = begin(2, 2);

	c->rows[0] = (vc_ppi_row) {90, 0, 1, -1, 0, 0};
	c->rows[1] = (vc_ppi_row) {10, 0, 1, -1, 1, 0};
	c->rows[2] = (vc_ppi_row) {10, 0, 1, -1, 0, 1};
	c->rows[3] = (vc_ppi_row) {90, 0, 1, -1, 1, 1};
	c->data.row_count = 4;
	for (int g = 0; g < 2; g++)
	{
		add_unknown(c, g, 0, 200 + 200 * g);
		add_unknown(c, g, 1, 800 - 200 * g);
	}
	return c;
}

static double
range(vc_ppi_contrast c)
{
	return c.high - c.low;
}

static void
check_strangers(void)
{
	vc_ppi	   *ppi = solve(strange(), 0.95);
	vc_ppi_share a = vc_ppi_get(ppi, 0, 0);
	vc_ppi_share b = vc_ppi_get(ppi, 1, 0);
	vc_ppi_contrast difference = vc_ppi_compare(ppi, 0, (double[]) {-1, 1});

	ok(fabs(a.share - 0.26) < 0.005 && a.borrowed == 1 && width(a) < 0.12, "errors of no group are taken to be the same in all: %.3f, %.3f wide", a.share, width(a));
	ok(fabs(difference.value - (b.share - a.share)) < 1e-9 && range(difference) < 0.8 * hypot(width(a), width(b)),
	   "and do not count twice in a difference: %.3f, not %.3f", range(difference), hypot(width(a), width(b)));
	vc_ppi_free(ppi);
}

static void
check_contrasts(void)
{
	vc_ppi	   *ppi = solve(grouped(0), 0.95);
	vc_ppi_contrast forth = vc_ppi_compare(ppi, 0, (double[]) {-1, 1, 0, 0});
	vc_ppi_contrast back = vc_ppi_compare(ppi, 0, (double[]) {1, -1, 0, 0});
	vc_ppi_contrast alone = vc_ppi_compare(ppi, 0, (double[]) {1, 0, 0, 0});
	vc_ppi_contrast slope = vc_ppi_compare(ppi, 0, (double[]) {-1.5, -0.5, 0.5, 1.5});
	vc_ppi_share a = vc_ppi_get(ppi, 0, 0);
	vc_ppi_contrast changed;

	vc_ppi_free(ppi);
	ppi = solve(grouped(9), 0.95);
	changed = vc_ppi_compare(ppi, 0, (double[]) {-1, 1, 0, 0});
	ok(fabs(forth.value + back.value) < 1e-9 && fabs(forth.low + back.high) < 1e-9, "a difference and its opposite");
	ok(forth.low < 0 && 0 < forth.high, "groups alike have not changed: %.3f to %.3f", forth.low, forth.high);
	ok(fabs(changed.value - 0.18) < 0.01 && changed.low > 0.1, "others have: %.3f, %.3f to %.3f", changed.value, changed.low, changed.high);
	ok(fabs(alone.value - a.share) < 0.01 && fabs(range(alone) / width(a) - 1) < 0.15, "a sum of one group is about its own");
	ok(slope.low < slope.value && slope.value < slope.high && range(slope) <= 4, "a slope: %.3f to %.3f", slope.low, slope.high);
	vc_ppi_free(ppi);
}

static void
check_plan(void)
{
	corpus	   *c = ordinary();
	vc_ppi	   *ppi = solve(c, 0.95);
	vc_ppi_share now = vc_ppi_get(ppi, 0, 0);
	int64_t		more = vc_ppi_labels_for(ppi, 0, 0, width(now) / 2);
	double		share = more / 90.0;

	ok(vc_ppi_labels_for(ppi, 0, 0, width(now)) == 0, "none for the width there is");
	ok(vc_ppi_labels_for(ppi, 0, 0, 0) == 910, "all for none");
	ok(more > 150 && more < 270, "half the width of 90 labels takes about 180 more, fewer as the corpus ends: %d", (int) more);
	for (int i = 0; i < 4; i++)
	{
		int			images = (int) lround(c->rows[i].images * share);

		c->known[c->rows[i].truth] += images;
		c->predicted[c->rows[i].predicted] -= images;
		c->rows[i].images += images;
	}
	vc_ppi_free(ppi);
	ok(fabs(width(solve_one(c, 0, 0)) / width(now) - 0.5) < 0.02, "and with them it is half as wide: %.3f of it", width(solve_one(c, 0, 0)) / width(now));
}

static bool
is_canceled(void *argument)
{
	return *(bool *) argument;
}

static void
check_refusals(void)
{
	bool		yes = true;
	corpus	   *c = ordinary();
	vc_ppi	   *ppi;
	vc_error	error;

	ok(vc_ppi_create(&(vc_ppi_options) {.confidence = 95}, &c->data, &ppi, &error) == VC_INVALID_ARGUMENT && ppi == NULL, "%s", error.message);
	ok(vc_ppi_create(&(vc_ppi_options) {.confidence = 0.95, .canceled = is_canceled, .argument = &yes}, &c->data, &ppi, &error) == VC_CANCELED, "a cancel ends it");
	c->data.row_count = 0;
	ok(vc_ppi_create(&(vc_ppi_options) {.confidence = 0.95}, &c->data, &ppi, &error) == VC_INVALID_ARGUMENT, "%s", error.message);
	ok(vc_ppi_memory(&(vc_ppi_data) {.groups = 1000, .classes = 1000}) < 120000000, "a million shares take %.0f MB",
	   vc_ppi_memory(&(vc_ppi_data) {.groups = 1000, .classes = 1000}) / 1e6);
}

int
main(void)
{
	check_quantiles();
	check_formula();
	check_ends();
	check_clusters();
	check_weights();
	check_classes();
	check_borrowing();
	check_strangers();
	check_contrasts();
	check_plan();
	check_refusals();
	return done();
}

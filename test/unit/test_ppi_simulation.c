/*
 * test_ppi_simulation.c
 *		Corpora of known shares, some of whose labels are known: do the intervals
 *		hold the truth as often as they say, and how wide are they beside those
 *		from the labels alone and those by acc from a fifth of the labels?
 *
 * Without arguments a few lines of the table on few corpora, which make check
 * runs; `all [corpora [first-line [lines]]]` prints the whole of it as Markdown.
 *
 * A corpus has 3,000 images from 100 years, in pages of 10.  On each page the
 * classifier errs at a rate of its own, where errors are correlated.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/counting/ppi.h"
#include "engine/counting/prevalence.h"
#include "engine/support/random.h"
#include "test/unit/tap.h"

#define IMAGES 3000
#define YEARS 100
#define PAGE 10
#define MOST_CLASSES 5

/* One line of the table. */
typedef struct line
{
	int			groups;			/* 1, 10 decades or 100 years */
	int			labels;
	double		accuracy;
	int			classes;
	bool		uneven;			/* early decades are labelled three times as often as late ones */
	bool		drift;			/* accuracy falls by 0.15 over the years, from `accuracy` */
	double		correlation;	/* of errors within a page; labelled then are whole pages */
} line;

typedef struct image
{
	int			year;
	int			page;
	int			truth;
	int			predicted;
	bool		known;
	double		weight;			/* inverse of its sampling probability */
} image;

/* What came out of one line. */
typedef struct outcome
{
	int64_t		intervals;
	int64_t		covered;
	double		width;
	double		alone;			/* width from the labels alone */
	int64_t		alone_covered;
	double		error;			/* sum of estimate less truth */
	double		acc;			/* width */
	int64_t		acc_covered;
	int64_t		acc_intervals;
	double		borrowed;
	int64_t		changes;		/* differences of the last and the first group, and slopes */
	int64_t		changes_covered;
} outcome;

static uint64_t next_draw = 0;

static double
uniform(void)
{
	return ((double) (vc_random_bits(11, 1, next_draw++) >> 12) + 0.5) / 4503599627370496.0;
}

static double
normal(void)
{
	double		radius = sqrt(-2 * log(uniform()));

	return radius * cos(2 * M_PI * uniform());
}

/* Marsaglia and Tsang's gamma, of any shape. */
static double
gamma_draw(double shape)
{
	double		d = shape + 1 - 1.0 / 3;
	double		c = 1 / sqrt(9 * d);

	for (;;)
	{
		double		x = normal();
		double		v = pow(1 + c * x, 3);

		if (v > 0 && log(uniform()) < 0.5 * x * x + d - d * v + d * log(v))
			return d * v * pow(uniform(), 1 / shape);
	}
}

/* An error rate of a page. */
static double
page_rate(double mean, double correlation)
{
	double		total = (1 - correlation) / correlation;
	double		a;
	double		b;

	if (correlation == 0)
		return mean;
	a = gamma_draw(mean * total);
	b = gamma_draw((1 - mean) * total);
	return a / (a + b);
}

static void
draw_images(const line *l, image *images)
{
	double		rate = 0;

	for (int i = 0; i < IMAGES; i++)
	{
		image	   *m = &images[i];
		double		first;

		m->year = i * YEARS / IMAGES;
		m->page = i / PAGE + 1;
		if (i % PAGE == 0)
			rate = page_rate(1 - l->accuracy + (l->drift ? 0.15 * m->year / YEARS : 0), l->correlation);
		first = 0.15 + 0.25 * m->year / YEARS;	/* the first class becomes more frequent */
		m->truth = uniform() < first ? 0 : 1 + (int) (uniform() * (l->classes - 1));
		m->predicted = m->truth;
		if (uniform() < rate)
			m->predicted = (m->truth + 1 + (int) (uniform() * (l->classes - 1))) % l->classes;
	}
}

/* Has the labels of some images of a half, or of all, known; whole pages where errors are correlated. */
static void
draw_labels_of(const line *l, image *images, int from, int count, int wanted)
{
	int			unit = l->correlation > 0 ? PAGE : 1;
	double		weight = (double) count / wanted;

	for (int i = from; i < from + count; i++)
		images[i] = (image) {images[i].year, images[i].page, images[i].truth, images[i].predicted, false, weight};
	while (wanted > 0)
	{
		int			first = from + (int) (uniform() * (count / unit)) * unit;

		if (images[first].known)
			continue;
		for (int i = first; i < first + unit; i++)
			images[i].known = true;
		wanted -= unit;
	}
}

static void
draw_labels(const line *l, image *images)
{
	int			early = (l->labels * 3 / 4 + PAGE - 1) / PAGE * PAGE;

	if (!l->uneven)
		draw_labels_of(l, images, 0, IMAGES, l->labels);
	else
	{
		draw_labels_of(l, images, 0, IMAGES / 2, early);
		draw_labels_of(l, images, IMAGES / 2, IMAGES / 2, l->labels - early);
	}
}

static int64_t known[YEARS * MOST_CLASSES];
static int64_t predicted[YEARS * MOST_CLASSES];
static vc_ppi_row rows[IMAGES];

/* The images of a group, or of all for -1; without the classifier where blind. */
static vc_ppi_data
gather(const line *l, const image *images, int group, bool blind)
{
	vc_ppi_data d = {.groups = group < 0 ? l->groups : 1, .classes = l->classes, .known = known, .predicted = predicted, .rows = rows};

	memset(known, 0, sizeof(known));
	memset(predicted, 0, sizeof(predicted));
	for (int i = 0; i < IMAGES; i++)
	{
		const image *m = &images[i];
		int			of = m->year * l->groups / YEARS;
		int			place = group < 0 ? of : 0;

		if (group >= 0 && of != group)
			continue;
		(m->known ? known : predicted)[place * l->classes + (m->known ? m->truth : blind ? 0 : m->predicted)]++;
		if (m->known)
			rows[d.row_count++] = (vc_ppi_row) {1, l->correlation > 0 ? (uint64_t) m->page : 0,
				l->uneven ? m->weight - 1 : 1, place, m->truth, blind ? 0 : m->predicted};
	}
	return d;
}

static double
true_share(const line *l, const image *images, int group, int class_index)
{
	int			of_class = 0;
	int			all = 0;

	for (int i = 0; i < IMAGES; i++)
		if (images[i].year * l->groups / YEARS == group)
		{
			all++;
			of_class += images[i].truth == class_index;
		}
	return (double) of_class / all;
}

static void
stop(vc_status status, const vc_error *error)
{
	if (status == VC_OK)
		return;
	diag("%s", error->message);
	exit(1);
}

static void
count_alone(const line *l, const image *images, const double *truth, outcome *o)
{
	for (int g = 0; g < l->groups; g++)
	{
		vc_ppi_data data = gather(l, images, g, true);
		vc_ppi_share s = {.high = 1};
		vc_error	error;
		vc_ppi	   *ppi;

		if (data.row_count > 0)
		{
			stop(vc_ppi_create(&(vc_ppi_options) {.confidence = 0.95}, &data, &ppi, &error), &error);
			s = vc_ppi_get(ppi, 0, 0);
			vc_ppi_free(ppi);
		}
		o->alone += s.high - s.low;
		o->alone_covered += s.low <= truth[g] && truth[g] <= s.high;
	}
}

/* By acc, whose errors are those of every fifth labelled image. */
static void
count_acc(const line *l, const image *images, const double *truth, outcome *o)
{
	static int64_t counts[YEARS + MOST_CLASSES][MOST_CLASSES];
	vc_classified validation[MOST_CLASSES] = {0};
	vc_quantifier_options options = {.method = VC_ACC, .classes = l->classes, .confidence = 0.95, .resamples = 300, .seed = 1};
	vc_quantifier *q;
	vc_error	error;
	int			labelled = 0;

	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < IMAGES; i++)
	{
		counts[MOST_CLASSES + images[i].year * l->groups / YEARS][images[i].predicted]++;
		if (images[i].known && labelled++ % 5 == 0)
		{
			counts[images[i].truth][images[i].predicted]++;
			validation[images[i].truth].count++;
		}
	}
	for (int c = 0; c < l->classes; c++)
		validation[c].predicted = counts[c];
	stop(vc_quantifier_create(&options, validation, &q, &error), &error);
	for (int g = 0; g < l->groups; g++)
	{
		vc_classified group = {.count = IMAGES / l->groups, .predicted = counts[MOST_CLASSES + g]};
		vc_prevalence found[MOST_CLASSES];

		stop(vc_quantify(q, &group, found, &error), &error);
		o->acc += found[0].high - found[0].low;
		o->acc_covered += found[0].low <= truth[g] && truth[g] <= found[0].high;
		o->acc_intervals++;
	}
	vc_quantifier_free(q);
}

/* Whether a difference and a slope are in their intervals. */
static void
count_changes(const line *l, vc_ppi *ppi, const double *truth, outcome *o)
{
	double		coefficients[2][YEARS] = {0};
	double		squares = 0;

	coefficients[0][0] = -1;
	coefficients[0][l->groups - 1] = 1;
	for (int g = 0; g < l->groups; g++)
		squares += pow(g - (l->groups - 1) / 2.0, 2);
	for (int g = 0; g < l->groups; g++)
		coefficients[1][g] = (g - (l->groups - 1) / 2.0) / squares;
	for (int i = 0; i < 2; i++)
	{
		vc_ppi_contrast found = vc_ppi_compare(ppi, 0, coefficients[i]);
		double		is = 0;

		for (int g = 0; g < l->groups; g++)
			is += coefficients[i][g] * truth[g];
		o->changes++;
		o->changes_covered += found.low <= is && is <= found.high;
	}
}

static void
simulate(const line *l, bool beside, outcome *o)
{
	static image images[IMAGES];
	double		truth[YEARS];
	vc_ppi_data data;
	vc_ppi	   *ppi;
	vc_error	error;

	draw_images(l, images);
	draw_labels(l, images);
	data = gather(l, images, -1, false);
	stop(vc_ppi_create(&(vc_ppi_options) {.confidence = 0.95}, &data, &ppi, &error), &error);
	for (int g = 0; g < l->groups; g++)
	{
		vc_ppi_share s = vc_ppi_get(ppi, g, 0);

		truth[g] = true_share(l, images, g, 0);
		o->intervals++;
		o->covered += s.low <= truth[g] && truth[g] <= s.high;
		o->width += s.high - s.low;
		o->error += s.share - truth[g];
		o->borrowed += s.borrowed;
	}
	if (l->groups > 1)
		count_changes(l, ppi, truth, o);
	vc_ppi_free(ppi);
	count_alone(l, images, truth, o);
	if (beside)
		count_acc(l, images, truth, o);
}

static outcome
run(const line *l, int corpora, int beside)
{
	outcome		o = {0};

	for (int i = 0; i < corpora; i++)
		simulate(l, i < beside, &o);
	return o;
}

/* Every line of the table, in its order; false after the last. */
static bool
line_of(int number, line *l)
{
	static const int groups[] = {1, 10, 100};
	static const int labels[] = {100, 500, 2000};
	static const double accuracies[] = {0.75, 0.92, 0.98};
	static const struct {int classes; bool uneven, drift; double correlation;} kinds[] = {
		{2, false, false, 0}, {5, false, false, 0}, {2, true, false, 0}, {2, false, true, 0},
		{2, false, false, 0.1}, {2, false, false, 0.3}, {5, true, true, 0.1}
	};

	if (number >= 3 * 3 * 3 * 7)
		return false;
	*l = (line) {groups[number / 63], labels[number / 3 % 3], accuracies[number % 3], kinds[number / 9 % 7].classes,
		kinds[number / 9 % 7].uneven, kinds[number / 9 % 7].drift, kinds[number / 9 % 7].correlation};
	return true;
}

static void
print_table(int corpora, int first, int lines)
{
	line		l;

	if (first == 0)
		printf("| by | labels | accuracy | classes | labelled | errors | holds the truth | width | labels alone | holds | acc | holds | mean error | borrowed | change |\n"
			   "| --- | --: | --: | --: | --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n");
	for (int i = first; i < first + lines && line_of(i, &l); i++)
	{
		outcome		o = run(&l, corpora, corpora / 10);

		printf("| %s | %d | %.2f | %d | %s%s | %s%.1f | %.1f %% | %.3f | %.3f | %.1f %% | %.3f | %.1f %% | %+.4f | %.2f | %.1f %% |\n",
			   l.groups == 1 ? "all" : l.groups == 10 ? "decade" : "year", l.labels, l.accuracy, l.classes,
			   l.uneven ? "unevenly" : "evenly", l.correlation > 0 ? ", by page" : "", l.drift ? "drift, " : "", l.correlation,
			   100.0 * o.covered / o.intervals, o.width / o.intervals, o.alone / o.intervals, 100.0 * o.alone_covered / o.intervals,
			   o.acc / o.acc_intervals, 100.0 * o.acc_covered / o.acc_intervals, o.error / o.intervals, o.borrowed / o.intervals,
			   l.groups > 1 ? 100.0 * o.changes_covered / o.changes : NAN);
		fflush(stdout);
	}
}

/* Lines that make check runs, and what must hold of each. */
static const struct
{
	const char *name;
	line		line;
	double		least;			/* coverage */
	double		most;
	double		width;			/* beside labels alone */
}			checks[] = {
	{"overall", {1, 500, 0.92, 2, false, false, 0}, 0.92, 0.98, 0.6},
	{"a classifier that guesses", {1, 500, 0.5, 2, false, false, 0}, 0.92, 0.98, 1.02},
	{"60 labels", {1, 60, 0.92, 2, false, false, 0}, 0.92, 0.99, 0.8},
	{"60 labels, 98 % right", {1, 60, 0.98, 2, false, false, 0}, 0.92, 1, 0.6},
	{"five classes", {1, 500, 0.92, 5, false, false, 0}, 0.92, 0.99, 0.6},
	{"by decade", {10, 500, 0.92, 2, false, false, 0}, 0.93, 0.99, 0.65},
	{"by decade, unevenly labelled, errors that drift", {10, 500, 0.95, 2, true, true, 0}, 0.93, 0.99, 0.65},
	{"by decade, whole pages labelled", {10, 500, 0.92, 2, false, false, 0.3}, 0.92, 0.98, 0.65},
	{"by year", {100, 500, 0.92, 2, false, false, 0}, 0.93, 0.99, 0.65}
};

static void
check_line(int number, int corpora)
{
	const line *l = &checks[number].line;
	outcome		o = run(l, l->groups > 10 ? corpora / 10 : corpora, 0);
	double		covered = (double) o.covered / o.intervals;

	ok(covered >= checks[number].least && covered <= checks[number].most,
	   "%s: the 95 %% interval holds the truth in %.1f %%", checks[number].name, 100 * covered);
	ok(o.width <= checks[number].width * o.alone, "and is %.3f wide, from the labels alone %.3f",
	   o.width / o.intervals, o.alone / o.intervals);
	ok(fabs(o.error / o.intervals) < 0.15 * o.width / o.intervals, "with a mean error of %.4f", o.error / o.intervals);
	if (l->groups == 10)
		ok((double) o.changes_covered / o.changes > 0.91, "differences and slopes are in theirs in %.1f %%",
		   100.0 * o.changes_covered / o.changes);
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "all") == 0)
	{
		print_table(argc > 2 ? atoi(argv[2]) : 1000, argc > 3 ? atoi(argv[3]) : 0, argc > 4 ? atoi(argv[4]) : 1000);
		return 0;
	}
	for (int i = 0; i < (int) (sizeof(checks) / sizeof(checks[0])); i++)
		check_line(i, 400);
	return done();
}

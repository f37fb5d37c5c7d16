/*
 * report.h
 *		Shared by the parts of visclf.report.
 *
 * Everything is read first; then the page is written from top to bottom.
 */
#ifndef VISCLF_REPORT_H
#define VISCLF_REPORT_H

#include "extension/support/pgcompat.h"

#include "lib/stringinfo.h"

#include "extension/reporting/pictures.h"
#include "extension/counting/known.h"

/* The images of a year, a place, or both, and estimates of them. */
typedef struct ReportGroup
{
	ImageGroup *images;
	vc_prevalence *found;		/* [class_count]; NULL where no image is classified */
	const KnownTally *tally;	/* of method ppi, and the group's place in it */
	int			place;
} ReportGroup;

typedef struct ReportOptions
{
	char	   *model;
	Predictions predictions;
	Grouping	known;			/* the same relation, with what is known of labels */
	bool		ppi;			/* labels are known, and errors learnt from them */
	char	   *year_column;
	char	   *place_column;	/* NULL: no places */
	PictureSource source;		/* relation InvalidOid: no pictures */
	char	   *confidence_column;
	bool		has_confidence;
	vc_quantification method;
	double		confidence;
	int			resamples;
	int64		seed;
	int			pictures;
	char	   *title;			/* NULL: the model's name */
} ReportOptions;

typedef struct Report
{
	ReportOptions options;
	Quantifier *quantifier;
	int		   *shown;			/* classes to show */
	int			shown_count;

	ReportGroup all;
	ReportGroup no_year;		/* images without a year */
	int		   *years;			/* ascending */
	int			year_count;
	ReportGroup *by_year;		/* [year_count] */

	char	  **places;			/* the largest first; the last may be the rest */
	int			place_count;	/* 0: no places */
	int64		place_names;	/* of all of them, without the one that is NULL */
	int64		folded;			/* places in the rest; 0: there is none */
	ReportGroup *by_place;		/* [place_count] */

	int			period;			/* years of a column of the grid */
	int			period_first;	/* first year of the first column */
	int			period_count;
	ReportGroup *by_period;		/* [period_count], over all places */
	ReportGroup *grid;			/* [place_count][period_count] */

	Pictures   *losses;			/* NULL: none */
	Pictures   *unsure;

	StringInfo	out;			/* the page */
} Report;

/* Returns the number of images whose label is known or predicted. */
static inline int64
report_counted(const ReportGroup *group)
{
	return group->images->classified + group->images->known;
}

/* Returns the doubts about a class of a group, or NULL. */
extern char *report_warning(const Report *report, const ReportGroup *group, int class_index);

/* Reads the predictions into groups and estimates each. SPI must be connected. */
extern void report_read_counts(Report *report);

/* Reads the pictures, if there are any. */
extern void report_read_pictures(Report *report);

/* The parts of the page, from top to bottom. */
extern void report_head(Report *report);
extern void report_summary(Report *report);
extern void report_years(Report *report);
extern void report_places(Report *report);
extern void report_grid(Report *report);
extern void report_caveats(Report *report);
extern void report_pictures(Report *report);
extern void report_model(Report *report);
extern void report_quality(Report *report);	/* within report_model */
extern void report_end(Report *report);

/* Returns the word for a share that is not just counted: "corrected" or "estimated". */
extern const char *report_estimate_word(const Report *report);

/* Begins and ends a table of plain columns; its caption and heads are HTML of our own. */
extern void report_table(StringInfo out, const char *caption, const char *const *heads, int count);
extern void report_table_end(StringInfo out);

/* Appends "12.3 % (10.1 to 14.6 %)" of a class, or a dash. */
extern void report_share(StringInfo out, const ReportGroup *group, int class_index);

/*
 * Append heads and cells of a table's row about one class of a group:
 * estimated, counted, images, doubts.
 */
extern void report_column_heads(const Report *report);
extern void report_cells(const Report *report, const ReportGroup *group, int class_index);

/* Appends the name of a column of the grid: "1850" or "1850-1854". */
extern void report_period(StringInfo out, const Report *report, int column);

#endif							/* VISCLF_REPORT_H */

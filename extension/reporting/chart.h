/*
 * chart.h
 *		Line charts as inline SVG.
 *
 * A chart is drawn in units of its own view box; the page's style sheet sets
 * colours, by class, and the size of the text.
 */
#ifndef VISCLF_CHART_H
#define VISCLF_CHART_H

#include "extension/support/pgcompat.h"

#include "lib/stringinfo.h"

typedef struct Chart
{
	StringInfo	out;
	const char *style;			/* class beside "chart"; NULL: none */
	int			width;			/* of the view box */
	int			height;
	double		x_low;			/* what the left edge of the plot stands for */
	double		x_high;
	double		y_low;
	double		y_high;
	bool		percent;		/* shares go up */
} Chart;

/*
 * Begins a chart; its bounds and sizes are set. Screen readers read title and
 * description (plain text).
 */
extern void chart_begin(Chart *chart, const char *title, const char *description);
extern void chart_end(Chart *chart);

/* Draws axes with about this many steps, each 1, 2 or 5 times a power of ten. */
extern void chart_axes(Chart *chart, int x_steps, int y_steps);

/* Return the position of a value in the view box. */
extern double chart_x(const Chart *chart, double x);
extern double chart_y(const Chart *chart, double y);

/* Draws a line through points. */
extern void chart_line(Chart *chart, const char *style, const double *x, const double *y, int count);

/* Draws the area between two lines over the same x. */
extern void chart_band(Chart *chart, const char *style, const double *x, const double *low,
					   const double *high, int count);

/* Returns the least 1, 2 or 5 times a power of ten that is not below the value. */
extern double chart_round_up(double value);

#endif							/* VISCLF_CHART_H */

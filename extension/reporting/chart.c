/*
 * chart.c
 *		Line charts as inline SVG.
 */
#include "extension/reporting/chart.h"

#include <math.h>

#include "extension/reporting/markup.h"

#define LEFT 64					/* margins of the plot, units */
#define RIGHT 14
#define TOP 14
#define BOTTOM 40

double
chart_round_up(double value)
{
	double		power;

	if (!(value > 0))
		return 1;
	power = pow(10, floor(log10(value) + 1e-9));
	for (int i = 0; i < 3; i++)
	{
		static const int leading[] = {1, 2, 5};

		if (value <= leading[i] * power * (1 + 1e-9))
			return leading[i] * power;
	}
	return 10 * power;
}

double
chart_x(const Chart *c, double x)
{
	double		span = c->x_high > c->x_low ? c->x_high - c->x_low : 1;

	return LEFT + (x - c->x_low) / span * (c->width - LEFT - RIGHT);
}

double
chart_y(const Chart *c, double y)
{
	return c->height - BOTTOM - (y - c->y_low) / (c->y_high - c->y_low) * (c->height - TOP - BOTTOM);
}

void
chart_begin(Chart *c, const char *title, const char *description)
{
	appendStringInfo(c->out, "<div class=\"chart%s%s\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
					 c->style ? " " : "", c->style ? c->style : "", c->width, c->height);
	markup_text(c->out, title);
	appendStringInfoString(c->out, ". ");
	markup_text(c->out, description);
	appendStringInfoString(c->out, "\">\n");
}

void
chart_end(Chart *c)
{
	appendStringInfoString(c->out, "</svg></div>\n");
}

/* Formats a number on an axis by the distance of its ticks. */
static void
append_tick(const Chart *c, double value, double step, bool percent)
{
	int			decimals;

	if (percent)
		value *= 100, step *= 100;
	decimals = step >= 1 ? 0 : (int) ceil(-log10(step) - 1e-9);
	appendStringInfo(c->out, "%.*f%s</text>\n", decimals, value, percent ? "&#160;%" : "");
}

static void
y_axis(const Chart *c, int steps)
{
	double		step = chart_round_up((c->y_high - c->y_low) / steps);
	int			first = (int) ceil(c->y_low / step - 1e-9);

	for (int i = first; i * step <= c->y_high + 1e-9 * step; i++)
	{
		double		at = chart_y(c, i * step);

		appendStringInfo(c->out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, at, c->width - RIGHT);
		appendStringInfo(c->out, "<text class=\"y\" x=\"%d\" y=\"%.1f\">", LEFT - 8, at + 4.5);
		append_tick(c, i * step, step, c->percent);
	}
}

static void
x_axis(const Chart *c, int steps)
{
	double		step = fmax(1, chart_round_up((c->x_high - c->x_low) / steps));
	double		first = ceil(c->x_low / step - 1e-9);

	appendStringInfo(c->out, "<path class=\"axis\" d=\"M%d %dH%d\"/>", LEFT, c->height - BOTTOM, c->width - RIGHT);
	for (int i = 0; (first + i) * step <= c->x_high + 1e-9 * step; i++)
	{
		appendStringInfo(c->out, "<text class=\"x\" x=\"%.1f\" y=\"%d\">",
						 chart_x(c, (first + i) * step), c->height - BOTTOM + 22);
		append_tick(c, (first + i) * step, step, false);
	}
}

void
chart_axes(Chart *c, int x_steps, int y_steps)
{
	y_axis(c, y_steps);
	x_axis(c, x_steps);
}

/* Points of a path, forwards or backwards. */
static void
append_points(const Chart *c, const double *x, const double *y, int count, bool backwards)
{
	for (int i = 0; i < count; i++)
	{
		int			k = backwards ? count - 1 - i : i;

		appendStringInfo(c->out, "%s%.1f %.1f", i > 0 ? " " : "", chart_x(c, x[k]), chart_y(c, y[k]));
	}
}

void
chart_line(Chart *c, const char *style, const double *x, const double *y, int count)
{
	appendStringInfo(c->out, "<polyline class=\"%s\" points=\"", style);
	append_points(c, x, y, count, false);
	appendStringInfoString(c->out, "\"/>\n");
}

void
chart_band(Chart *c, const char *style, const double *x, const double *low, const double *high, int count)
{
	appendStringInfo(c->out, "<polygon class=\"%s\" points=\"", style);
	append_points(c, x, low, count, false);
	appendStringInfoChar(c->out, ' ');
	append_points(c, x, high, count, true);
	appendStringInfoString(c->out, "\"/>\n");
}

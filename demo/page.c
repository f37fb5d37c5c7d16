/*
 * page.c
 *		The drawing surface: antialiased strokes, polygons and hatching.
 */
#include "demo/adverts.h"

#include <math.h>

#include "engine/support/random.h"

#define SUBROWS 4				/* of a row of pixels, in filling */

float
roll(dice *dice)
{
	return vc_random_uniform(dice->seed, dice->stream, dice->index++);
}

float
between(dice *dice, float low, float high)
{
	return low + (high - low) * roll(dice);
}

int
pick(dice *dice, int n)
{
	return (int) (roll(dice) * (float) n);
}

bool
chance(dice *dice, float probability)
{
	return roll(dice) < probability;
}

/* fminf and fmaxf, but inline: they need not care for NaN. */
static inline float
lesser(float a, float b)
{
	return a < b ? a : b;
}

static inline float
greater(float a, float b)
{
	return a > b ? a : b;
}

static inline float
clamp(float x, float low, float high)
{
	return x < low ? low : x > high ? high : x;
}

/* Lays ink, or takes it off, where a shape covers a share of a pixel. */
static inline void
put(const page *page, float *ink, float cover)
{
	if (page->erase)
		*ink = *ink < 1.0f - cover ? *ink : 1.0f - cover;
	else
		*ink = *ink > cover ? *ink : cover;
}

/* Where a point lands on the skewed page. */
static point
skewed(const page *page, point p)
{
	float		cx = 0.5f * (float) page->width;
	float		cy = 0.5f * (float) page->height;
	float		x = p.x - cx;
	float		y = p.y - cy;

	return (point)
	{
		cx + page->cosine * x - page->sine * y,
			cy + page->sine * x + page->cosine * y
	};
}

/*
 * A stroke whose width goes from one value to another.  Strokes thinner than
 * a pixel are drawn a pixel wide and paler.
 */
void
page_stroke(page *page, point from, float from_width,
			point to, float to_width, stroke_end end)
{
	point		a = skewed(page, from);
	point		b = skewed(page, to);
	float		dx = b.x - a.x;
	float		dy = b.y - a.y;
	float		length = sqrtf(dx * dx + dy * dy);
	float		per_length = length > 0 ? 1 / length : 0;
	float		reach = 0.5f * greater(greater(from_width, to_width), 1) + 0.5f;
	float		x0 = greater(lesser(a.x, b.x) - reach, 0);
	float		x1 = lesser(greater(a.x, b.x) + reach, (float) (page->width - 1));
	float		y0 = greater(lesser(a.y, b.y) - reach, 0);
	float		y1 = lesser(greater(a.y, b.y) + reach, (float) (page->height - 1));
	float		ux = length > 0 ? dx * per_length : 1;
	float		uy = length > 0 ? dy * per_length : 0;
	bool		steep = fabsf(uy) > 0.05f;
	float		slope = steep ? ux / uy : 0;
	float		half = steep ? reach / fabsf(uy) : 0;

	for (int y = (int) y0; (float) y <= y1; y++)
	{
		float	   *row = page->ink + (size_t) y * page->width;
		float		py = (float) y - a.y;
		/* only the band about the line can be inked */
		float		middle = a.x + py * slope;
		float		left = steep ? greater(x0, middle - half) : x0;
		float		right = steep ? lesser(x1, middle + half) : x1;

		for (int x = (int) left; (float) x <= right; x++)
		{
			float		px = (float) x - a.x;
			float		along = px * ux + py * uy;
			float		across = fabsf(py * ux - px * uy);
			float		t = clamp(along * per_length, 0, 1);
			float		width = from_width + (to_width - from_width) * t;
			float		radius = 0.5f * greater(width, 1) + 0.5f;
			float		past = along - t * length;
			float		cover;

			if (end == END_BUTT)
				cover = lesser(radius - across,
							   lesser(along, length - along) + 0.5f);
			else
				cover = radius - (past == 0 ? across :
								  sqrtf(past * past + across * across));
			if (cover > 0)
				put(page, &row[x], lesser(cover, 1) * lesser(width, 1));
		}
	}
}

void
page_line(page *page, float x0, float y0, float x1, float y1, float width)
{
	page_stroke(page, (point) {x0, y0}, width, (point) {x1, y1}, width,
				END_BUTT);
}

void
page_box(page *page, float x0, float y0, float x1, float y1)
{
	point		corners[4] = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};

	page_fill(page, corners, 4);
}

/* The sorted places where the horizontal line at y crosses a polygon. */
static int
crossings(const point *points, int n, float y, float *out)
{
	int			count = 0;

	for (int i = 0, j = n - 1; i < n; j = i++)
	{
		float		x;
		int			k;

		if ((points[i].y <= y) == (points[j].y <= y))
			continue;
		x = points[i].x + (y - points[i].y) / (points[j].y - points[i].y) *
			(points[j].x - points[i].x);
		for (k = count++; k > 0 && out[k - 1] > x; k--)
			out[k] = out[k - 1];
		out[k] = x;
	}
	return count;
}

static void
vertical_extent(const point *points, int n, float *top, float *bottom)
{
	*top = INFINITY;
	*bottom = -INFINITY;
	for (int i = 0; i < n; i++)
	{
		*top = lesser(*top, points[i].y);
		*bottom = greater(*bottom, points[i].y);
	}
}

/* Adds the share of each pixel of a row that lies in [left, right]. */
static void
add_span(float *cover, int width, float left, float right)
{
	left = clamp(left + 0.5f, 0, (float) width);
	right = clamp(right + 0.5f, 0, (float) width);
	for (int x = (int) left; x < width && (float) x < right; x++)
		cover[x] += (lesser(right, (float) (x + 1)) - greater(left, (float) x)) *
			(1.0f / SUBROWS);
}

/* Fills a polygon of at most MAX_POINTS corners, even-odd. */
void
page_fill(page *page, const point *points, int n)
{
	point		corners[MAX_POINTS];
	float		cross[MAX_POINTS];
	float		cover[1024];
	float		top;
	float		bottom;
	float		left = INFINITY;
	float		right = -INFINITY;
	int			x0;
	int			x1;
	int			last;

	for (int i = 0; i < n; i++)
	{
		corners[i] = skewed(page, points[i]);
		left = lesser(left, corners[i].x);
		right = greater(right, corners[i].x);
	}
	vertical_extent(corners, n, &top, &bottom);
	last = (int) lesser(ceilf(bottom), (float) (page->height - 1));
	x0 = (int) clamp(floorf(left), 0, (float) page->width);
	x1 = (int) clamp(ceilf(right) + 1, 0, (float) page->width);

	for (int y = (int) greater(floorf(top), 0); y <= last; y++)
	{
		float	   *row = page->ink + (size_t) y * page->width;

		for (int x = x0; x < x1; x++)
			cover[x] = 0;
		for (int s = 0; s < SUBROWS; s++)
		{
			float		at = (float) y - 0.5f + ((float) s + 0.5f) / SUBROWS;
			int			count = crossings(corners, n, at, cross);

			for (int i = 0; i + 1 < count; i += 2)
				add_span(cover, x1, cross[i], cross[i + 1]);
		}
		for (int x = x0; x < x1; x++)
		{
			if (cover[x] > 0)
				put(page, &row[x], lesser(cover[x], 1));
		}
	}
}

/*
 * Hatches a polygon with lines at an angle (radians), swelling from the light
 * width to the dark one across it and tapering at their ends, as a graver
 * leaves them.
 */
void
page_hatch(page *page, const point *points, int n, float angle,
		   float spacing, float light, float dark, dice *dice)
{
	point		turned[MAX_POINTS];
	float		cross[MAX_POINTS];
	float		c = cosf(angle);
	float		s = sinf(angle);
	float		top;
	float		bottom;

	for (int i = 0; i < n; i++)
		turned[i] = (point)
	{
		c * points[i].x + s * points[i].y, c * points[i].y - s * points[i].x
	};
	vertical_extent(turned, n, &top, &bottom);

	for (float v = top + spacing * roll(dice); v < bottom; v += spacing)
	{
		float		share = (v - top) / (bottom - top);
		float		width = light + (dark - light) * share;
		int			count = crossings(turned, n, v, cross);

		for (int i = 0; i + 1 < count; i += 2)
		{
			float		lean = between(dice, -0.12f, 0.12f) * spacing;
			float		start = cross[i] + between(dice, 0, 0.5f) * spacing;
			float		middle = cross[i] + (cross[i + 1] - cross[i]) *
				between(dice, 0.35f, 0.65f);
			point		ends[3] = {
				{c * start - s * v, s * start + c * v},
				{c * middle - s * (v + lean), s * middle + c * (v + lean)},
				{c * cross[i + 1] - s * v, s * cross[i + 1] + c * v}
			};

			page_stroke(page, ends[0], 0.6f * width, ends[1], width,
						END_ROUND);
			page_stroke(page, ends[1], width, ends[2], 1.1f * width,
						END_ROUND);
		}
	}
}

static point
mix(point a, point b, float t)
{
	return (point)
	{
		a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t
	};
}

/*
 * The quadratic B-spline of control points, as a polyline of at most
 * MAX_POINTS points; an open one starts and ends on its outer points.  Gives
 * the number of points.
 */
int
spline(const point *control, int n, bool closed, int steps, point *out)
{
	int			count = 0;
	int			first = closed ? 0 : 1;
	int			last = closed ? n - 1 : n - 2;

	for (int i = first; i <= last; i++)
	{
		point		before = control[(i + n - 1) % n];
		point		after = control[(i + 1) % n];
		point		a = mix(before, control[i], 0.5f);
		point		b = mix(control[i], after, 0.5f);

		if (!closed && i == first)
			a = before;
		if (!closed && i == last)
			b = after;
		for (int k = 0; k < steps && count < MAX_POINTS - 1; k++)
		{
			float		t = (float) k / (float) steps;

			out[count++] = mix(mix(a, control[i], t), mix(control[i], b, t), t);
		}
		if (!closed && i == last)
			out[count++] = b;
	}
	return count;
}

/*
 * engraving.c
 *		Cuts a motif as a wood engraver does: outlines of varying width, tone
 *		by hatching and cross-hatching.  Each cut of a motif is another block:
 *		its points, tones, spacing and surroundings vary.
 */
#include "demo/adverts.h"

#include <math.h>
#include <stdlib.h>

#define PI		3.14159265f

/* One picture in the making. */
typedef struct cut
{
	page	   *page;
	dice	   *dice;
	float		x;
	float		y;
	float		width;
	float		height;
	bool		mirrored;
	float		wobble;			/* of the points, in hundredths of the box */
	float		contour;		/* width of outlines, pixels */
	float		spacing;		/* of hatching, pixels */
	float		tone;			/* scales the parts' tones */
	float		turn;			/* added to the hatching's angles, radians */
} cut;

/* From hundredths of the box to the page. */
static point
place(const cut *cut, float x, float y)
{
	if (cut->mirrored)
		x = 99 - x;
	return (point)
	{
		cut->x + cut->width * x / 99, cut->y + cut->height * y / 99
	};
}

static float
wobbled(const cut *cut, float value)
{
	return value + cut->wobble * between(cut->dice, -1, 1);
}

/* Reads "xxyy xxyy ..." into points of the page; gives their number. */
static int
read_points(const cut *cut, const char *text, point *out)
{
	int			n = 0;

	for (; *text; text += text[4] ? 5 : 4)
	{
		float		x = (float) ((text[0] - '0') * 10 + text[1] - '0');
		float		y = (float) ((text[2] - '0') * 10 + text[3] - '0');

		x = wobbled(cut, x);
		y = wobbled(cut, y);
		out[n++] = place(cut, x, y);
	}
	return n;
}

/* An outline whose width swells and thins as the graver turns. */
static void
contour(const cut *cut, const point *points, int n, bool closed, float width)
{
	float		phase = roll(cut->dice) * 6;
	float		before = width;

	for (int i = 0; i + 1 < n + closed; i++)
	{
		float		after = width *
			(1 + 0.35f * sinf(phase + 0.9f * (float) (i + 1)));

		page_stroke(cut->page, points[i], before,
					points[(i + 1) % n], after, END_ROUND);
		before = after;
	}
}

/* Hatches a shape to its tone; dark ones are hatched twice. */
static void
shade(const cut *cut, const point *points, int n, int tone, int degrees)
{
	float		angle = (float) degrees * PI / 180 + cut->turn;
	float		dark = fminf((float) tone / 9 * cut->tone, 1);
	float		width = cut->spacing * (0.12f + 0.62f * dark);

	if (tone == 0)
		return;
	if (cut->mirrored)
		angle = PI - angle;
	page_hatch(cut->page, points, n, angle, cut->spacing, 0.55f * width,
			   width, cut->dice);
	if (dark > 0.5f)
		page_hatch(cut->page, points, n, angle + 1.1f, cut->spacing * 1.15f,
				   0.3f * width, 0.7f * width, cut->dice);
}

static void
shape(const cut *cut, const part *part, const point *points, int n)
{
	if (part->kind != 'h')
	{
		cut->page->erase = true;
		page_fill(cut->page, points, n);
		cut->page->erase = false;
	}
	shade(cut, points, n, part->tone, part->angle);
	if (part->kind != 'h')
		contour(cut, points, n, true, cut->contour);
}

/* A circle whose radius is given in hundredths of the smaller side. */
static int
circle(const cut *cut, const char *text, point *out, point *centre)
{
	point		points[2];
	float		radius = (float) ((text[5] - '0') * 10 + text[6] - '0') / 99 *
		fminf(cut->width, cut->height);
	int			n = 24;

	read_points(cut, text, points);
	*centre = points[0];
	for (int i = 0; i < n; i++)
		out[i] = (point)
	{
		centre->x + radius * cosf(2 * PI * (float) i / (float) n),
			centre->y + radius * sinf(2 * PI * (float) i / (float) n)
	};
	return n;
}

static void
wheel(const cut *cut, const part *part)
{
	point		rim[MAX_POINTS];
	point		centre;
	int			n = circle(cut, part->points, rim, &centre);

	contour(cut, rim, n, true, 1.7f * cut->contour);
	for (int i = 0; i < n; i += 3)
		page_stroke(cut->page, centre, 0.9f * cut->contour, rim[i],
					0.7f * cut->contour, END_ROUND);
	page_stroke(cut->page, centre, 3 * cut->contour, centre,
				3 * cut->contour, END_ROUND);
}

static void
draw_part(const cut *cut, const part *part)
{
	point		control[MAX_POINTS];
	point		outline[MAX_POINTS];
	point		centre;
	bool		closed = part->kind == 's' || part->kind == 'e';
	int			steps = cut->width > 60 ? 5 : 3;
	int			n;

	if (part->kind == 'w')
	{
		wheel(cut, part);
		return;
	}
	if (part->kind == 'o')
	{
		n = circle(cut, part->points, outline, &centre);
		shape(cut, part, outline, n);
		return;
	}
	n = read_points(cut, part->points, control);
	switch (part->kind)
	{
		case 'l':
			contour(cut, control, n, false,
					cut->contour * (part->tone ? 2 : 1));
			break;
		case 'c':
			n = spline(control, n, false, steps, outline);
			contour(cut, outline, n, false,
					cut->contour * (part->tone ? 2 : 1));
			break;
		case 'k':
			page_fill(cut->page, control, n);
			break;
		case 's':
		case 'e':
			n = spline(control, n, closed, steps, outline);
			if (part->kind == 's')
				shape(cut, part, outline, n);
			else
				page_fill(cut->page, outline, n);
			break;
		default:				/* p, h */
			shape(cut, part, control, n);
			break;
	}
}

/* The sky or ground a cut is set against; most have none. */
static void
surroundings(const cut *cut)
{
	float		grow = 0.06f * fminf(cut->width, cut->height);
	float		x0 = cut->x - grow;
	float		y0 = cut->y - grow;
	float		x1 = cut->x + cut->width + grow;
	float		y1 = cut->y + cut->height + grow;
	point		corners[4] = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};
	point		oval[MAX_POINTS];
	int			kind = pick(cut->dice, 10);
	int			tone = 1 + pick(cut->dice, 4);

	if (kind < 2)				/* a framed scene */
	{
		shade(cut, corners, 4, tone, 0);
		contour(cut, corners, 4, true, 1.3f * cut->contour);
	}
	else if (kind == 2)			/* framed, no sky */
		contour(cut, corners, 4, true, 1.8f * cut->contour);
	else if (kind == 3)			/* a vignette */
		shade(cut, oval, spline(corners, 4, true, 8, oval), tone, 0);
	else if (kind == 4)			/* an oval medallion */
	{
		int			n = spline(corners, 4, true, 8, oval);

		shade(cut, oval, n, tone, 30);
		contour(cut, oval, n, true, 1.5f * cut->contour);
	}
}

/* Draws a cut of a motif into a box of the page. */
void
draw_engraving(page *page, dice *dice, const motif *motif, float x, float y,
			   float width, float height)
{
	float		side = sqrtf(width * height);
	float		margin = 0.06f * fminf(width, height);
	cut			cut = {
		.page = page,
		.dice = dice,
		.x = x + margin,
		.y = y + margin,
		.width = width - 2 * margin,
		.height = height - 2 * margin
	};

	cut.mirrored = chance(dice, 0.5f);
	cut.wobble = between(dice, 0.2f, 1.4f);
	cut.contour = between(dice, 0.8f, 1.3f) * (0.6f + side / 170);
	cut.spacing = between(dice, 2.2f, 3.4f) * (0.8f + side / 400);
	cut.tone = between(dice, 0.55f, 1.25f);
	cut.turn = between(dice, -0.3f, 0.3f);
	surroundings(&cut);
	for (int i = 0; i < motif->n_parts; i++)
		draw_part(&cut, &motif->parts[i]);
}

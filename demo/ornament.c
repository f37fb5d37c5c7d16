/*
 * ornament.c
 *		What a printer sets about the type: rules, dividers, borders, fleurons
 *		and pointing hands.  None of them makes an advert illustrated.
 */
#include "demo/adverts.h"

#include <math.h>

#define PI		3.14159265f

static void
dot(page *page, float x, float y, float size)
{
	page_stroke(page, (point) {x, y}, size, (point) {x, y}, size, END_ROUND);
}

/* A leaf from a stem: a pointed oval. */
static void
leaf(page *page, float x, float y, float length, float angle, float fat)
{
	float		c = cosf(angle) * length;
	float		s = sinf(angle) * length;
	point		control[6] = {
		{x, y}, {x + 0.3f * c - fat * s, y + 0.3f * s + fat * c},
		{x + 0.8f * c - fat * s, y + 0.8f * s + fat * c},
		{x + c, y + s}, {x + 0.8f * c + fat * s, y + 0.8f * s - fat * c},
		{x + 0.3f * c + fat * s, y + 0.3f * s - fat * c}
	};
	point		outline[MAX_POINTS];

	page_fill(page, outline, spline(control, 6, true, 3, outline));
}

static void
star(page *page, float x, float y, float size, int arms, float depth)
{
	point		corners[32];

	for (int i = 0; i < 2 * arms; i++)
	{
		float		radius = 0.5f * size * (i % 2 ? depth : 1);
		float		angle = PI * ((float) i / (float) arms - 0.5f);

		corners[i] = (point)
		{
			x + radius * cosf(angle), y + radius * sinf(angle)
		};
	}
	page_fill(page, corners, 2 * arms);
}

/* A scroll: a spiral that thickens as it unwinds. */
static void
scroll(page *page, float x, float y, float size, float turn)
{
	point		before = {x, y};

	for (int i = 1; i <= 14; i++)
	{
		float		angle = turn * (float) i * 0.55f;
		float		radius = size * 0.5f * (float) i / 14;
		point		at = {x + radius * cosf(angle), y + radius * sinf(angle)};

		page_stroke(page, before, 0.02f * size * (float) i / 4, at,
					0.02f * size * (float) (i + 1) / 4, END_ROUND);
		before = at;
	}
}

/* One of several printer's flowers, size pixels across. */
void
draw_fleuron(page *page, dice *dice, float x, float y, float size)
{
	switch (pick(dice, 6))
	{
		case 0:					/* a sprig */
			for (int i = 0; i < 5; i++)
				leaf(page, x, y + 0.3f * size, 0.75f * size,
					 PI * (-0.9f + 0.2f * (float) i), 0.13f);
			break;
		case 1:
			star(page, x, y, size, 5, 0.4f);
			break;
		case 2:					/* a cross of leaves */
			for (int i = 0; i < 4; i++)
				leaf(page, x, y, 0.5f * size, 0.5f * PI * (float) i, 0.35f);
			break;
		case 3:					/* two scrolls */
			scroll(page, x - 0.3f * size, y, 0.6f * size, 1);
			scroll(page, x + 0.3f * size, y, 0.6f * size, -1);
			break;
		case 4:					/* a sunburst */
			star(page, x, y, size, 12, 0.5f);
			break;
		default:				/* a lozenge with dots */
			star(page, x, y, 0.8f * size, 2, 1);
			for (int i = 0; i < 4; i++)
				dot(page, x + 0.45f * size * (i < 2 ? -1.0f : 1.0f),
					y + 0.4f * size * (i % 2 ? -1.0f : 1.0f), 0.15f * size);
			break;
	}
}

/* A pointing hand, three times as long as it is high. */
void
draw_manicule(page *page, float x, float y, float size, bool left)
{
	float		s = left ? -size : size;
	point		cuff[4] = {
		{x - 1.3f * s, y - 0.4f * size}, {x - 0.8f * s, y - 0.35f * size},
		{x - 0.8f * s, y + 0.4f * size}, {x - 1.3f * s, y + 0.45f * size}
	};
	point		control[7] = {
		{x - 0.8f * s, y - 0.3f * size}, {x - 0.2f * s, y - 0.55f * size},
		{x + 0.3f * s, y - 0.3f * size}, {x + 0.25f * s, y + 0.2f * size},
		{x, y + 0.5f * size}, {x - 0.5f * s, y + 0.5f * size},
		{x - 0.8f * s, y + 0.3f * size}
	};
	point		hand[MAX_POINTS];
	int			n = spline(control, 7, true, 3, hand);
	float		width = fmaxf(0.08f * size, 0.9f);

	page_fill(page, cuff, 4);
	for (int i = 0; i < n; i++)
		page_stroke(page, hand[i], width, hand[(i + 1) % n], width, END_ROUND);
	page_line(page, x, y - 0.35f * size, x + 1.3f * s, y - 0.3f * size, width);
	page_line(page, x + 0.2f * s, y - 0.1f * size, x + 1.3f * s,
			  y - 0.15f * size, width);
	page_line(page, x + 1.3f * s, y - 0.3f * size, x + 1.3f * s,
			  y - 0.15f * size, width);
	for (int i = 0; i < 3; i++)
		page_line(page, x - 0.1f * s, y + (0.05f + 0.15f * (float) i) * size,
				  x + 0.2f * s, y + (0.05f + 0.15f * (float) i) * size, width);
}

/* A rule that swells to its middle. */
static void
swelled_rule(page *page, float x0, float x1, float y, float size)
{
	float		middle = 0.5f * (x0 + x1);

	page_stroke(page, (point) {x0, y}, 0.6f, (point) {middle, y},
				0.25f * size, END_BUTT);
	page_stroke(page, (point) {middle, y}, 0.25f * size, (point) {x1, y},
				0.6f, END_BUTT);
}

static void
wave(page *page, float x0, float x1, float y, float size)
{
	float		step = 0.35f * size;
	float		width = fmaxf(0.12f * size, 0.9f);
	float		x = x0;

	for (int i = 0; x + step < x1; i++, x += step)
		page_stroke(page,
					(point) {x, y + (i % 2 ? 0.2f : -0.2f) * size}, width,
					(point) {x + step, y + (i % 2 ? -0.2f : 0.2f) * size},
					width, END_ROUND);
}

/* A divider across [x0, x1], centred on y, within size pixels of height. */
void
draw_divider(page *page, dice *dice, float x0, float x1, float y, float size)
{
	float		middle = 0.5f * (x0 + x1);
	float		span = (x1 - x0) * between(dice, 0.12f, 0.5f);
	float		width = between(dice, 0.8f, 2.4f);
	int			kind = pick(dice, 9);

	switch (kind)
	{
		case 0:					/* a full rule */
		case 1:
			page_line(page, x0, y, x1, y, width);
			break;
		case 2:					/* a dash */
		case 3:
			page_line(page, middle - span, y, middle + span, y, width);
			break;
		case 4:
			page_line(page, x0, y - 0.2f * size, x1, y - 0.2f * size, width);
			page_line(page, x0, y + 0.2f * size, x1, y + 0.2f * size, 0.9f);
			break;
		case 5:
			swelled_rule(page, middle - span, middle + span, y, size);
			break;
		case 6:
			wave(page, middle - span, middle + span, y, size);
			break;
		case 7:					/* dash, flower, dash */
			page_line(page, middle - span, y, middle - size, y, width);
			page_line(page, middle + size, y, middle + span, y, width);
			draw_fleuron(page, dice, middle, y, 1.2f * size);
			break;
		default:				/* a row of flowers */
			{
				struct dice repeat = *dice;

				for (float x = middle - span; x < middle + span;
					 x += 1.4f * size)
				{
					*dice = repeat;
					draw_fleuron(page, dice, x, y, 0.9f * size);
				}
			}
			break;
	}
}

/* The four sides of a box as rules. */
static void
box_rules(page *page, float x0, float y0, float x1, float y1, float width)
{
	float		over = 0.5f * width;

	page_line(page, x0 - over, y0, x1 + over, y0, width);
	page_line(page, x0 - over, y1, x1 + over, y1, width);
	page_line(page, x0, y0 - over, x0, y1 + over, width);
	page_line(page, x1, y0 - over, x1, y1 + over, width);
}

/* A border of flowers, dots or lozenges. */
static void
flower_border(page *page, dice *dice, float x0, float y0, float x1, float y1,
			  float size)
{
	int			across = (int) ((x1 - x0) / (1.15f * size));
	int			down = (int) ((y1 - y0) / (1.15f * size));
	struct dice repeat = *dice;
	bool		dots = chance(&repeat, 0.4f);

	for (int i = 0; i < 2 * (across + down); i++)
	{
		int			k = i < 2 * across ? i / 2 : (i - 2 * across) / 2;
		float		x = i < 2 * across ?
			x0 + (x1 - x0) * (float) k / (float) across : i % 2 ? x0 : x1;
		float		y = i < 2 * across ? (i % 2 ? y0 : y1) :
			y0 + (y1 - y0) * (float) k / (float) down;

		*dice = repeat;
		if (dots)
			dot(page, x, y, 0.6f * size);
		else
			draw_fleuron(page, dice, x, y, size);
	}
}

/* A border about an advert; thickness is what it takes from each side. */
void
draw_border(page *page, dice *dice, float x0, float y0, float x1, float y1,
			float *thickness)
{
	float		size = between(dice, 5, 11);
	float		width = between(dice, 0.9f, 3);

	switch (pick(dice, 6))
	{
		case 0:
		case 1:					/* a single rule, sometimes a heavy one */
			width = chance(dice, 0.25f) ? 2.5f * width : width;
			box_rules(page, x0, y0, x1, y1, width);
			*thickness = width;
			break;
		case 2:
		case 3:					/* double: thick and thin */
			box_rules(page, x0, y0, x1, y1, width);
			box_rules(page, x0 + width + 2, y0 + width + 2, x1 - width - 2,
					  y1 - width - 2, 0.9f);
			*thickness = width + 4;
			break;
		case 4:
			flower_border(page, dice, x0 + 0.5f * size, y0 + 0.5f * size,
						  x1 - 0.5f * size, y1 - 0.5f * size, size);
			*thickness = 1.1f * size;
			break;
		default:				/* flowers between rules */
			box_rules(page, x0, y0, x1, y1, 0.9f);
			flower_border(page, dice, x0 + 0.7f * size, y0 + 0.7f * size,
						  x1 - 0.7f * size, y1 - 0.7f * size, 0.8f * size);
			box_rules(page, x0 + 1.4f * size, y0 + 1.4f * size,
					  x1 - 1.4f * size, y1 - 1.4f * size, 0.9f);
			*thickness = 1.6f * size;
			break;
	}
}

/*
 * setting.c
 *		Sets lines of type and ornaments down a column, about its cut.
 */
#include "demo/adverts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_LINE	256			/* characters of a line of text */

/*
 * Finds room for a line of a height: moves down past a cut that leaves none
 * beside it.  False at the end of the column, or where that is too narrow.
 */
static bool
find_room(column *column, float height, float least, float *x0, float *x1)
{
	const box  *cut = &column->cut;

	for (;;)
	{
		float		left = column->area.x0;
		float		right = column->area.x1;

		if (column->y + height > column->area.y1)
			return false;
		if (cut->x1 > cut->x0 && column->y + height > cut->y0 &&
			column->y < cut->y1)
		{
			if (cut->x0 - left > right - cut->x1)
				right = cut->x0;
			else
				left = cut->x1;
			if (right - left < least)
			{
				column->y = cut->y1;
				continue;
			}
		}
		if (right - left < least)
			return false;
		*x0 = left;
		*x1 = right;
		return true;
	}
}

/* Sets the words of a line from x0 to x1, spread to fill it. */
static void
set_justified(column *column, char *words, float x0, float x1, float baseline)
{
	float		size = column->size;
	float		used = 0;
	int			gaps = -1;
	char	   *rest;
	char		copy[MAX_LINE];
	float		gap;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
	{
		used += type_width(column->body, size, w);
		gaps++;
	}
	gap = gaps > 0 ? (x1 - x0 - used) / (float) gaps : 0;
	gap = fminf(gap, 2.2f * size);	/* a ragged line before a gaping one */
	for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
	{
		type_draw(column->page, column->body, size, x0, baseline, w);
		x0 += type_width(column->body, size, w) + gap;
	}
}

/* Gathers words up to a width. */
static void
gather(column *column, float width, char *line)
{
	size_t		length = 0;
	float		set = 0;
	float		space = type_width(column->body, column->size, " ");

	line[0] = '\0';
	for (;;)
	{
		const char *word = body_word(column->dice);
		float		more = type_width(column->body, column->size, word);

		if (set + more > width || length + strlen(word) + 2 > MAX_LINE)
			return;
		length += (size_t) snprintf(line + length, MAX_LINE - length, "%s%s",
									length ? " " : "", word);
		set += more + space;
	}
}

void
set_paragraph(column *column, int lines)
{
	float		height = column->lead * column->size;
	bool		centred = chance(column->dice, 0.12f);
	char		line[MAX_LINE];
	float		x0;
	float		x1;

	for (int i = 0; i < lines; i++)
	{
		float		baseline;

		if (!find_room(column, height, 6 * column->size, &x0, &x1))
			return;
		baseline = column->y + 1.15f * column->size;
		if (i == 0 && chance(column->dice, 0.06f))
		{
			draw_manicule(column->page, x0 + 1.6f * column->size,
						  baseline - 0.4f * column->size, 1.1f * column->size,
						  false);
			x0 += 3.4f * column->size;
		}
		else if (i == 0)
			x0 += 1.5f * column->size;
		gather(column, (x1 - x0) * (i == lines - 1 || centred ?
									between(column->dice, 0.4f, 1) : 1), line);
		if (centred)
			type_draw(column->page, column->body, column->size,
					  0.5f * (x0 + x1 - type_width(column->body, column->size,
												   line)), baseline, line);
		else if (i == lines - 1)
			type_draw(column->page, column->body, column->size, x0, baseline,
					  line);
		else
			set_justified(column, line, x0, x1, baseline);
		column->y += height;
	}
}

/* The size, at most the one asked for, at which text is no wider than this. */
static float
fitting_size(const face *face, float size, float width, const char *text)
{
	return fminf(size, size * width / type_width(face, size, text));
}

static void
set_centred(column *column, const face *face, float size, float x0, float x1,
			float baseline, const char *text)
{
	float		width = type_width(face, size, text);

	type_draw(column->page, face, size, 0.5f * (x0 + x1 - width), baseline,
			  text);
}

/* A line of display type, sometimes in white on a black bar. */
void
set_headline(column *column, float scale)
{
	dice	   *dice = column->dice;
	const face *face = &faces[2 + pick(dice, FACES - 2)];
	const char *text = display_word(dice);
	float		size = column->size * column->display * scale;
	bool		bar = chance(dice, 0.07f);
	float		x0;
	float		x1;

	size = fminf(size, 0.3f * (column->area.y1 - column->area.y0));
	size = fmaxf(size, column->size);
	if (!find_room(column, 1.5f * size, 9 * column->size, &x0, &x1))
		return;
	size = fitting_size(face, size, (bar ? 0.9f : 0.96f) * (x1 - x0), text);
	if (bar)
	{
		page_box(column->page, x0, column->y, x1, column->y + 1.5f * size);
		column->page->erase = true;
	}
	set_centred(column, face, size, x0, x1, column->y + 1.25f * size, text);
	column->page->erase = false;
	column->y += (bar ? 1.7f : 1.5f) * size + 2;
}

/* Goods and prices with leaders between. */
void
set_list(column *column, int lines)
{
	float		size = column->size;
	float		x0;
	float		x1;
	char		price[32];

	for (int i = 0; i < lines; i++)
	{
		const char *word = body_word(column->dice);
		float		baseline;
		float		x;
		int			dollars;

		if (!find_room(column, column->lead * size, 14 * size, &x0, &x1))
			return;
		baseline = column->y + 1.15f * size;
		dollars = 1 + pick(column->dice, 19);
		snprintf(price, sizeof(price), "$%d.%02d", dollars,
				 5 * pick(column->dice, 20));
		type_draw(column->page, column->body, size, x0, baseline, word);
		x = x1 - type_width(column->body, size, price);
		type_draw(column->page, column->body, size, x, baseline, price);
		for (x -= size; x > x0 + type_width(column->body, size, word) + size;
			 x -= 1.1f * size)
			type_draw(column->page, column->body, size, x, baseline, ".");
		column->y += column->lead * size;
	}
}

/* A paragraph that starts with a letter several lines high. */
void
set_initial(column *column)
{
	dice	   *dice = column->dice;
	int			lines = 2 + pick(dice, 4);
	float		height = column->lead * column->size * (float) lines;
	float		size = height - 0.8f * column->size;
	const face *face = &faces[3 + pick(dice, 3)];
	char		letter[2] = {(char) ('A' + pick(dice, 26)), '\0'};
	float		width = type_width(face, size, letter);
	float		x0;
	float		x1;
	float		left = column->area.x0;

	if (!find_room(column, height, width + 9 * column->size, &x0, &x1) ||
		x0 > left)
		return;
	type_draw(column->page, face, size, x0, column->y + size, letter);
	column->area.x0 += width + 2;
	set_paragraph(column, lines);
	column->area.x0 = left;
}

void
set_divider(column *column)
{
	float		size = between(column->dice, 6, 12);
	float		x0;
	float		x1;

	if (!find_room(column, 1.6f * size, 4 * size, &x0, &x1))
		return;
	draw_divider(column->page, column->dice, x0, x1, column->y + 0.8f * size,
				 size);
	column->y += 1.6f * size;
}

/* One to three printer's flowers, as big as display type. */
void
set_ornament(column *column)
{
	float		size = column->size * between(column->dice, 2, 5);
	int			n = 1 + 2 * pick(column->dice, 2);
	struct dice repeat;
	float		x0;
	float		x1;

	if (!find_room(column, 1.3f * size, 2.2f * size * (float) n, &x0, &x1))
		return;
	repeat = *column->dice;
	for (int i = 0; i < n; i++)
	{
		*column->dice = repeat;
		draw_fleuron(column->page, column->dice, 0.5f * (x0 + x1) +
					 1.8f * size * (float) (i - n / 2),
					 column->y + 0.65f * size, size);
	}
	column->y += 1.3f * size;
}

/* A name between two hands, or at the right. */
void
set_signature(column *column)
{
	dice	   *dice = column->dice;
	const face *face = &faces[3 + pick(dice, 6)];
	const char *name = display_word(dice);
	float		size = column->size * between(dice, 1, 1.6f);
	float		width = type_width(face, size, name);
	bool		hands = chance(dice, 0.3f);
	float		x0;
	float		x1;
	float		y;

	if (!find_room(column, 1.6f * size, width + 8 * size, &x0, &x1))
		return;
	y = column->y + 0.8f * size;
	if (hands)
	{
		draw_manicule(column->page, x0 + 1.8f * size, y, 1.2f * size, false);
		draw_manicule(column->page, x1 - 1.8f * size, y, 1.2f * size, true);
		set_centred(column, face, size, x0, x1, y + 0.5f * size, name);
	}
	else
		type_draw(column->page, face, size, x1 - width, y + 0.5f * size, name);
	column->y += 1.6f * size;
}

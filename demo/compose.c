/*
 * compose.c
 *		Lays an advert out: the edges a crop takes along, a border, a cut where
 *		it has one, and what fills the column about that.
 */
#include "demo/adverts.h"

#include <math.h>

/* Chooses where the cut goes: beside text, or alone across the column. */
static void
place_cut(column *column, const motif *motif)
{
	dice	   *dice = column->dice;
	const box  *area = &column->area;
	float		width = area->x1 - area->x0;
	float		height = area->y1 - area->y0;
	float		share = 0.07f * powf(8.5f, roll(dice));	/* of the area */
	float		aspect = motif->aspect * between(dice, 0.85f, 1.2f);
	float		h = sqrtf(share * width * height / aspect);
	float		across = roll(dice);
	float		down = chance(dice, 0.35f) ? 0 : roll(dice);
	float		x;
	float		y;

	h = fmaxf(h, 40);
	h = fminf(h, fminf(0.92f * height, 0.98f * width / aspect));
	across = across < 0.35f ? 0 : across < 0.6f ? 1 : 0.5f;
	x = area->x0 + across * (width - h * aspect);
	y = area->y0 + down * (height - h);
	column->cut = (box)
	{
		x - 4, y - 3, x + h * aspect + 4, y + h + 3
	};
	draw_engraving(column->page, dice, motif, x, y, h * aspect, h);
}

/* Fills the column to its end. */
static void
set_column(column *column)
{
	dice	   *dice = column->dice;
	int			headlines = pick(dice, 4);
	float		lists = between(dice, 0, 0.25f);
	float		display = between(dice, 0.05f, 0.5f);

	for (int i = 0; i < headlines; i++)
		set_headline(column, between(dice, 0.6f, 1.3f));
	for (int i = 0; i < 60 && column->y + 12 < column->area.y1; i++)
	{
		float		kind = roll(dice);

		if (kind < display)
			set_headline(column, between(dice, 0.3f, 0.8f));
		else if (kind < display + lists)
			set_list(column, 2 + pick(dice, 6));
		else if (kind > 0.94f)
			set_ornament(column);
		else if (kind > 0.90f)
			set_initial(column);
		else if (kind > 0.85f)
			set_signature(column);
		else if (kind > 0.75f)
			set_divider(column);
		else
			set_paragraph(column, 2 + pick(dice, 8));
	}
}

/* The column rules and the next adverts' edges that a crop takes along. */
static void
draw_neighbours(page *page, dice *dice, const box *area)
{
	column		above = {
		.page = page, .dice = dice, .y = area->y0 - 30,
		.area = {area->x0, area->y0 - 30, area->x1, area->y0 - 4},
		.size = between(dice, 5, 8), .lead = 1.75f, .body = &faces[0]
	};

	if (chance(dice, 0.75f))
	{
		page_line(page, area->x0 - 4, -20, area->x0 - 4,
				  (float) page->height + 20, 1.2f);
		page_line(page, area->x1 + 4, -20, area->x1 + 4,
				  (float) page->height + 20, 1.2f);
	}
	set_paragraph(&above, 2);
	page_line(page, area->x0, area->y0 - 2, area->x1, area->y0 - 2, 1);
	page_line(page, area->x0, area->y1 + 2, area->x1, area->y1 + 2, 1);
	above.area.y0 = above.y = area->y1 + 4;
	above.area.y1 = area->y1 + 60;
	set_paragraph(&above, 2);
}

/* Draws an advert onto an empty page. */
void
compose_advert(page *page, dice *dice, bool illustrated)
{
	float		padding = between(dice, 3, 12);
	float		thickness = 0;
	column		column = {.page = page, .dice = dice};
	box			area;

	area.x0 = between(dice, -3, 14);
	area.y0 = between(dice, -3, 18);
	area.x1 = (float) page->width - between(dice, -3, 14);
	area.y1 = (float) page->height - between(dice, -3, 18);
	column.size = between(dice, 5, 10);
	column.lead = between(dice, 1.6f, 2.1f);
	column.display = between(dice, 1.5f, 7);
	column.body = &faces[pick(dice, BODY_FACES)];
	draw_neighbours(page, dice, &area);
	if (chance(dice, 0.35f))
		draw_border(page, dice, area.x0 + 2, area.y0 + 2, area.x1 - 2,
					area.y1 - 2, &thickness);
	padding += thickness + 2;
	column.area = (box)
	{
		area.x0 + padding, area.y0 + padding,
			area.x1 - padding, area.y1 - padding
	};
	column.y = column.area.y0;
	if (illustrated)
		place_cut(&column, &motifs[pick(dice, n_motifs)]);
	set_column(&column);
}

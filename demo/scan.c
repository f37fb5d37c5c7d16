/*
 * scan.c
 *		From ink on a page to the JPEG an archive has: ink spread, uneven
 *		impression, aged paper, show-through, specks, scanner blur and noise.
 */
#include "demo/adverts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "engine/support/random.h"

/* A smooth random field: values at the knots of a grid, bilinear between. */
#define FIELD_SIDE	12

typedef struct field
{
	float		knots[FIELD_SIDE][FIELD_SIDE];
	float		per_x;			/* knots a pixel */
	float		per_y;
} field;

static void
make_field(field *field, dice *dice, const page *page, float cell)
{
	float		most = FIELD_SIDE - 1.01f;
	float		across = (float) page->width / cell;
	float		down = (float) page->height / cell;

	for (int i = 0; i < FIELD_SIDE * FIELD_SIDE; i++)
		field->knots[i / FIELD_SIDE][i % FIELD_SIDE] = between(dice, -1, 1);
	field->per_x = (across < most ? across : most) / (float) page->width;
	field->per_y = (down < most ? down : most) / (float) page->height;
}

/* The field along a row of the page. */
static void
field_row(const field *field, int y, int width, float *out)
{
	float		fy = (float) y * field->per_y;
	int			iy = (int) fy;
	float		knots[FIELD_SIDE];

	fy -= (float) iy;
	for (int i = 0; i < FIELD_SIDE; i++)
		knots[i] = field->knots[iy][i] +
			(field->knots[iy + 1][i] - field->knots[iy][i]) * fy;
	for (int x = 0; x < width; x++)
	{
		float		fx = (float) x * field->per_x;
		int			ix = (int) fx;

		out[x] = knots[ix] + (knots[ix + 1] - knots[ix]) * (fx - (float) ix);
	}
}

/* Blurs with [k, 1 - 2k, k] along rows, then along columns; scratch: 2 rows. */
static void
blur(float *map, int width, int height, float k, float *scratch)
{
	float	   *before = scratch;
	float	   *own = scratch + width;
	float		middle = 1 - 2 * k;

	for (int y = 0; y < height; y++)
	{
		float	   *row = map + (size_t) y * width;

		memcpy(own, row, (size_t) width * sizeof(float));
		for (int x = 1; x < width - 1; x++)
			row[x] = middle * own[x] + k * (own[x - 1] + own[x + 1]);
	}
	memcpy(before, map, (size_t) width * sizeof(float));
	for (int y = 1; y < height - 1; y++)
	{
		float	   *row = map + (size_t) y * width;

		memcpy(own, row, (size_t) width * sizeof(float));
		for (int x = 0; x < width; x++)
			row[x] = middle * own[x] + k * (before[x] + row[width + x]);
		memcpy(before, own, (size_t) width * sizeof(float));
	}
}

/* [0, 1), mostly small. */
static float
skewed_roll(dice *dice)
{
	float		first = roll(dice);

	return first * roll(dice);
}

static point
random_point(const page *page, dice *dice)
{
	point		at;

	at.x = (float) page->width * roll(dice);
	at.y = (float) page->height * roll(dice);
	return at;
}

/* Specks of ink, bare spots, and now and then a scratch or a fold. */
static void
draw_damage(page *page, dice *dice)
{
	float		width = (float) page->width;
	float		height = (float) page->height;
	int			specks = (int) (width * height / 10000 * 8 * skewed_roll(dice));

	for (int i = 0; i < specks; i++)
	{
		point		at = random_point(page, dice);
		float		size = 0.4f + 1.2f / (0.4f + 3 * roll(dice));

		page->erase = chance(dice, 0.4f);
		page_stroke(page, at, size, at, size, END_ROUND);
	}
	for (int i = pick(dice, 3) - 1; i > 0; i--)
	{
		point		from = random_point(page, dice);
		point		to = from;

		to.x += width * between(dice, -0.5f, 0.5f);
		to.y += height * between(dice, -0.5f, 0.5f);
		page->erase = chance(dice, 0.7f);
		page_stroke(page, from, 0.3f, to, between(dice, 0.5f, 1.6f),
					END_ROUND);
	}
	page->erase = false;
}

/* The other side's lines of print, as they darken this one. */
static void
draw_back(page *back, dice *dice)
{
	float		pitch = between(dice, 9, 18);

	for (float y = 4; y < (float) back->height; y += pitch)
	{
		float		size = pitch * (chance(dice, 0.1f) ? 0.9f :
									between(dice, 0.3f, 0.45f));
		float		margin = chance(dice, 0.3f) ? 0.4f * roll(dice) : 0.02f;
		float		left = margin * (float) back->width;
		float		right = (float) back->width - left;

		for (float x = left; x < right; x += 0.45f * size)
		{
			float		up = chance(dice, 0.3f) ? 0.8f : 0.5f;

			if (chance(dice, 0.18f))
				continue;
			page_line(back, x, y - up * size, x, y + 0.5f * size,
					  (0.15f + 0.2f * roll(dice)) * size);
		}
	}
}

/* How one sheet took the ink and came through the scanner. */
typedef struct press
{
	float		gain;			/* contrast of the impression */
	float		level;			/* > 0: more ink */
	float		uneven;			/* of the level, over the sheet */
	float		paper;			/* grey of the paper, 0 to 255 */
	float		ink;			/* grey of the ink */
	float		stain;			/* of the paper's grey */
	float		through;		/* of the back's ink */
	float		noise;
} press;

static press
choose_press(dice *dice)
{
	press		press;

	press.gain = between(dice, 1.1f, 2);
	press.level = between(dice, -0.16f, 0.22f);
	press.uneven = 0.25f * skewed_roll(dice);
	press.paper = between(dice, 165, 245);
	press.ink = between(dice, 15, 80);
	press.stain = between(dice, 2, 14);
	press.through = chance(dice, 0.5f) ? between(dice, 8, 45) : 0;
	press.noise = between(dice, 1, 9);
	return press;
}

/* Prints and scans: ink 0..1 to greys, in place. */
static void
develop(page *page, dice *dice, const press *press, const float *back,
		float *scratch)
{
	field		impression;
	field		paper;
	float	   *level = scratch;
	float	   *tone = scratch + page->width;

	make_field(&impression, dice, page, between(dice, 35, 90));
	make_field(&paper, dice, page, between(dice, 60, 160));
	for (int y = 0; y < page->height; y++)
	{
		float	   *row = page->ink + (size_t) y * page->width;
		const float *behind = back + (size_t) y * page->width;

		/* they change too slowly to compute each row's */
		if (y % 4 == 0)
		{
			field_row(&impression, y, page->width, level);
			field_row(&paper, y, page->width, tone);
		}
		for (int x = 0; x < page->width; x++)
		{
			float		ink = (row[x] - 0.5f + press->level +
							   press->uneven * level[x]) * press->gain + 0.5f;
			float		grey = press->paper + press->stain * tone[x] -
				press->through * behind[x];

			/* what the press level adds must not tint bare paper */
			ink = ink > 1 ? 1 : ink < 0 ? 0 : ink;
			ink = row[x] < 0.25f ? ink * 4 * row[x] : ink;
			row[x] = grey + (press->ink - grey) * ink;
		}
	}
}

/* Adds grain and rounds to bytes. */
static void
quantise(const page *page, dice *dice, float noise, unsigned char *out)
{
	uint64_t	base = vc_random_bits(dice->seed, dice->stream, dice->index++);
	size_t		n = (size_t) page->width * page->height;
	float		scale = noise / 104;	/* two bytes' sum deviates by 104 */

	for (size_t i = 0; i < n; i += 4)
	{
		uint64_t	bits = vc_mix(base + i);

		for (size_t k = i; k < i + 4 && k < n; k++, bits >>= 16)
		{
			int			grain = (int) (bits & 255) + (int) (bits >> 8 & 255);
			float		grey = page->ink[k] + scale * (float) (grain - 255);

			out[k] = grey < 0 ? 0 : grey > 255 ? 255 :
				(unsigned char) (grey + 0.5f);
		}
	}
}

/* Compresses greys; libjpeg's own handler reports an error and exits. */
static void
compress(const unsigned char *grey, int width, int height, int quality,
		 jpeg *out)
{
	struct jpeg_compress_struct info;
	struct jpeg_error_mgr errors;
	unsigned long size = 0;

	out->data = NULL;
	info.err = jpeg_std_error(&errors);
	jpeg_create_compress(&info);
	jpeg_mem_dest(&info, &out->data, &size);
	info.image_width = (JDIMENSION) width;
	info.image_height = (JDIMENSION) height;
	info.input_components = 1;
	info.in_color_space = JCS_GRAYSCALE;
	jpeg_set_defaults(&info);
	jpeg_set_quality(&info, quality, TRUE);
	jpeg_start_compress(&info, TRUE);
	while (info.next_scanline < info.image_height)
	{
		JSAMPROW	row = (JSAMPROW) (grey + (size_t) info.next_scanline *
									  (size_t) width);

		jpeg_write_scanlines(&info, &row, 1);
	}
	jpeg_finish_compress(&info);
	jpeg_destroy_compress(&info);
	out->size = size;
}

/* Scans a page, whose ink is spent; false where memory ran out. */
bool
scan_page(page *page, dice *dice, jpeg *out)
{
	press		press = choose_press(dice);
	float		spread = between(dice, 0.03f, 0.27f);
	float		focus = between(dice, 0, 0.2f);
	int			quality = 60 + pick(dice, 31);
	size_t		pixels = (size_t) page->width * page->height;
	struct page back = *page;
	float	   *scratch = malloc(2 * (size_t) page->width * sizeof(float));
	unsigned char *grey = malloc(pixels);
	bool		done = false;

	back.ink = calloc(pixels, sizeof(float));
	if (scratch != NULL && grey != NULL && back.ink != NULL)
	{
		draw_damage(page, dice);
		blur(page->ink, page->width, page->height, spread, scratch);
		if (press.through > 0)
		{
			draw_back(&back, dice);
			blur(back.ink, page->width, page->height, 0.3f, scratch);
		}
		develop(page, dice, &press, back.ink, scratch);
		blur(page->ink, page->width, page->height, focus, scratch);
		quantise(page, dice, press.noise, grey);
		compress(grey, page->width, page->height, quality, out);
		done = true;
	}
	free(back.ink);
	free(grey);
	free(scratch);
	return done;
}

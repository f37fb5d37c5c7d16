/*
 * adverts.h
 *		Synthetic newspaper adverts: what the stages of the generator share.
 *
 * An advert is drawn as vectors into a map of ink (page.c): letters (type.c),
 * rules and ornaments (ornament.c) set in a column (setting.c) and, where it
 * is illustrated, a cut (engraving.c), laid out by compose.c.  scan.c then
 * prints, ages, scans and compresses it.  All lengths are in pixels, y runs
 * downwards.  Everything drawn is a function of (seed, advert) alone.
 */
#ifndef ADVERTS_H
#define ADVERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A run of random numbers: one for each advert and stage.  Roll once in an
 * expression: C leaves the order of arguments and initialisers to the compiler.
 */
typedef struct dice
{
	uint64_t	seed;
	uint64_t	stream;
	uint64_t	index;			/* of the next number */
} dice;

extern float roll(dice *dice);					/* [0, 1) */
extern float between(dice *dice, float low, float high);
extern int	pick(dice *dice, int n);			/* 0 .. n - 1 */
extern bool chance(dice *dice, float probability);

typedef struct point
{
	float		x;
	float		y;
} point;

/* page.c */

typedef struct page
{
	int			width;
	int			height;
	float		cosine;			/* of the skew, about the centre */
	float		sine;
	bool		erase;			/* draw in paper rather than ink */
	float	   *ink;			/* [height][width], 0 paper to 1 ink */
} page;

typedef enum stroke_end
{
	END_ROUND,
	END_BUTT
} stroke_end;

extern void page_stroke(page *page, point from, float from_width,
						point to, float to_width, stroke_end end);
extern void page_line(page *page, float x0, float y0, float x1, float y1,
					  float width);
extern void page_fill(page *page, const point *points, int n);
extern void page_box(page *page, float x0, float y0, float x1, float y1);
extern void page_hatch(page *page, const point *points, int n, float angle,
					   float spacing, float light, float dark, dice *dice);

#define MAX_POINTS	128			/* of one polygon */

extern int	spline(const point *control, int n, bool closed, int steps,
				   point *out);

/* type.c */

typedef struct face
{
	float		thick;			/* vertical strokes, in cap heights */
	float		thin;			/* horizontal strokes */
	float		serif;			/* half length, 0 where there are none */
	float		serif_width;
	float		set;			/* horizontal scale */
	float		slant;
	bool		is_inline;		/* a white line within the strokes */
} face;

#define FACES		10
#define BODY_FACES	3			/* the first ones are for running text */

extern const face faces[FACES];

extern float type_width(const face *face, float size, const char *text);
extern void type_draw(page *page, const face *face, float size,
					  float x, float baseline, const char *text);
extern const char *body_word(dice *dice);
extern const char *display_word(dice *dice);

/* ornament.c */

extern void draw_border(page *page, dice *dice, float x0, float y0,
						float x1, float y1, float *thickness);
extern void draw_divider(page *page, dice *dice, float x0, float x1, float y,
						 float size);
extern void draw_fleuron(page *page, dice *dice, float x, float y, float size);
extern void draw_manicule(page *page, float x, float y, float size, bool left);

/* engraving.c and motif.c */

typedef struct part
{
	char		kind;			/* see motif.c */
	int			tone;			/* 0 white to 9 black */
	int			angle;			/* of the hatching, degrees */
	const char *points;			/* "xxyy xxyy ...", hundredths of the box */
} part;

typedef struct motif
{
	float		aspect;			/* natural width / height */
	int			n_parts;
	const part *parts;
} motif;

extern const motif motifs[];
extern const int n_motifs;

extern void draw_engraving(page *page, dice *dice, const motif *motif,
						   float x, float y, float width, float height);

/* setting.c */

typedef struct box
{
	float		x0;
	float		y0;
	float		x1;
	float		y1;
} box;

/* The column being set. */
typedef struct column
{
	page	   *page;
	dice	   *dice;
	box			area;
	box			cut;			/* empty where there is none */
	float		y;				/* top of the next line */
	float		size;			/* of running text: height of its capitals */
	float		lead;			/* line to line, in sizes */
	float		display;		/* scales the headlines */
	const face *body;
} column;

extern void set_paragraph(column *column, int lines);
extern void set_headline(column *column, float scale);
extern void set_list(column *column, int lines);
extern void set_initial(column *column);
extern void set_divider(column *column);
extern void set_ornament(column *column);
extern void set_signature(column *column);

/* compose.c */

extern void compose_advert(page *page, dice *dice, bool illustrated);

/* scan.c */

typedef struct jpeg
{
	unsigned char *data;		/* malloced */
	size_t		size;
} jpeg;

extern bool scan_page(page *page, dice *dice, jpeg *out);

/* catalogue.c */

typedef struct record
{
	long		id;				/* from 1 */
	const char *newspaper;
	const char *place;
	int			year;
	int			month;
	int			day;
	bool		illustrated;
} record;

extern double illustrated_share(int year, int place);
extern void catalogue_record(uint64_t seed, long id, record *record);

#endif							/* ADVERTS_H */

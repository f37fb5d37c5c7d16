/*
 * type.c
 *		Set type: letters built from strokes, and the words they make.
 *
 * A letter is a string of strokes on a grid ten rows high: capitals stand from
 * row 0 to the baseline in row 7, small letters from row 3, descenders hang to
 * row 9.  A stroke is "-" (straight), "~" (curved) or "o" (closed), then a
 * column and a row for each point.  A face gives the strokes weight: thick
 * ones where they run downwards, thin ones across, and serifs.
 */
#include "demo/adverts.h"

#include <math.h>
#include <string.h>

#define BASELINE	7

const face faces[FACES] =
{
	/* thick thin serif serif_width set slant inline */
	{0.13f, 0.07f, 0.12f, 0.06f, 0.90f, 0, false},	/* roman */
	{0.15f, 0.07f, 0.12f, 0.07f, 0.80f, 0, false},	/* close roman */
	{0.12f, 0.06f, 0.10f, 0.05f, 0.85f, 0.22f, false},	/* italic */
	{0.20f, 0.08f, 0.15f, 0.06f, 0.95f, 0, false},	/* bold */
	{0.34f, 0.05f, 0.22f, 0.05f, 1.25f, 0, false},	/* fat face */
	{0.17f, 0.15f, 0.17f, 0.14f, 1.00f, 0, false},	/* Egyptian */
	{0.17f, 0.15f, 0, 0, 0.95f, 0, false},	/* grotesque */
	{0.14f, 0.11f, 0, 0, 0.50f, 0, false},	/* condensed gothic */
	{0.13f, 0.10f, 0.09f, 0.08f, 0.60f, 0, false},	/* condensed Latin */
	{0.30f, 0.22f, 0.16f, 0.12f, 1.20f, 0, true},	/* inline */
};

static const char *const capitals[26] = {
	"-0730 -3067 -1555", "-0007 ~00505303 ~03636707", "~626000076765",
	"-0007 ~00606707", "-0007 -005051 -0343 -075755",
	"-0007 -005051 -0343", "~626000076765 -4464 -6467",
	"-0007 -6067 -0363", "-0007", "-3035 ~35370705", "-0007 -5004 -2357",
	"-0007 -075755", "-0007 -0036 -6036 -6067", "-0007 -0067 -6067",
	"o00606707", "-0007 ~00606404", "o00606707 -4568",
	"-0007 ~00505404 -2457", "~5250000354570705", "-01006061 -3037",
	"-0004 ~04076764 -6064", "-0037 -6037", "-0027 -4027 -4067 -8067",
	"-0067 -6007", "-0034 -6034 -3437", "-010050 -5007 -075755"
};

static const char *const small[26] = {
	"~04034345 -4447 ~45050746", "-0007 o03434707", "~444303074746",
	"-4047 o03434707", "-0545 ~454303074746", "~31301012 -1217 -0333",
	"o03434707 -4347 ~47490908", "-0007 ~05034345 -4547", "-0307 -0101",
	"-1318 ~18190908 -1111", "-0007 -4306 -1547", "-0007",
	"-0307 ~05033335 -3537 ~35336365 -6567", "-0307 ~05034345 -4547",
	"o03434707", "-0309 o03434707", "-4349 o03434707", "-0307 ~05033334",
	"~3433030535370706", "-1116 ~16173736 -0333", "-0305 ~05074745 -4347",
	"-0327 -4327", "-0327 -4327 -4367 -8367", "-0347 -4307", "-0327 -4319",
	"-0343 -4307 -0747"
};

static const char *const digits[10] = {
	"o00404707", "-2027 -0220", "~0200505307 -075755",
	"~0100505323 ~2353570705", "-4047 -4005 -0555", "-5000 -0003 ~0353570705",
	"~5140000757530305", "-010050 -5017", "o00404303 o03535707",
	"~0617575000045452"
};

static const char *
strokes_of(char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return capitals[letter - 'A'];
	if (letter >= 'a' && letter <= 'z')
		return small[letter - 'a'];
	if (letter >= '0' && letter <= '9')
		return digits[letter - '0'];
	switch (letter)
	{
		case '&':
			return "~670200404204075764";
		case '$':
			return "~5250000354570705 -2027";
		case '.':
			return "-0707";
		case ',':
			return "-0708";
		case '-':
			return "-0525";
		case '\'':
			return "-0001";
		case '!':
			return "-0005 -0707";
		default:
			return "";
	}
}

/* How far a letter moves the next one, in pixels. */
static float
advance(const face *face, float size, char letter)
{
	float		unit = size / BASELINE;
	const char *strokes = strokes_of(letter);
	int			widest = 0;

	if (letter == ' ')
		return 3.2f * unit * face->set;
	for (; *strokes; strokes++)
	{
		/* a stroke's letter, then pairs of column and row */
		while (strokes[1] >= '0' && strokes[1] <= '9')
		{
			widest = strokes[1] - '0' > widest ? strokes[1] - '0' : widest;
			strokes += 2;
		}
	}
	return ((float) widest + 1.5f) * unit * face->set +
		size * (face->thick + 0.6f * face->serif);
}

float
type_width(const face *face, float size, const char *text)
{
	float		width = 0;

	for (; *text; text++)
		width += advance(face, size, *text);
	return width;
}

/* Thick downwards, thin across, and thinner still up to the right. */
static float
stroke_width(const face *face, float size, point a, point b, bool straight)
{
	float		dx = b.x - a.x;
	float		dy = b.y - a.y;
	float		length = sqrtf(dx * dx + dy * dy);
	float		down = length > 0 ? fabsf(dy) / length : 1;

	if (straight && dx * dy < 0 && down < 0.98f)
		down *= 0.3f;
	/* no type is so small that its hairlines vanish */
	return fmaxf(size * (face->thin + (face->thick - face->thin) * down),
				 0.45f + 0.4f * down);
}

/* A serif across the end of an upright stroke. */
static void
draw_serif(page *page, const face *face, float size, point at, float inside)
{
	float		half = size * (face->serif + 0.5f * face->thick);
	float		width = fmaxf(size * face->serif_width, 0.8f);
	float		y = at.y + inside * 0.5f * width;

	page_line(page, at.x - half, y, at.x + half, y, width);
}

static void
draw_straight(page *page, const face *face, float size, const point *points,
			  const char *rows, int n, float thinning)
{
	for (int i = 0; i + 1 < n; i++)
	{
		point		a = points[i];
		point		b = points[i + 1];
		float		width = thinning *
			stroke_width(face, size, a, b, true);
		bool		dot = a.x == b.x && a.y == b.y;
		bool		upright = fabsf(b.y - a.y) > 1.5f * fabsf(b.x - a.x);

		page_stroke(page, a, dot ? 1.2f * width : width,
					b, dot ? 1.2f * width : width,
					dot ? END_ROUND : END_BUTT);
		if (n == 2 && upright && !dot && face->serif > 0 && thinning == 1)
		{
			if (strchr("0379", rows[0]))
				draw_serif(page, face, size, a, b.y > a.y ? 1 : -1);
			if (strchr("0379", rows[2]))
				draw_serif(page, face, size, b, b.y > a.y ? -1 : 1);
		}
	}
}

static void
draw_curve(page *page, const face *face, float size, const point *points,
		   int n, bool closed, float thinning)
{
	point		curve[MAX_POINTS];
	int			steps = size > 30 ? 8 : size > 12 ? 4 : size > 7 ? 3 : 2;
	int			count = spline(points, n, closed, steps, curve);

	for (int i = 0; i + 1 < count + closed; i++)
	{
		point		a = curve[i];
		point		b = curve[(i + 1) % count];
		float		width = thinning * stroke_width(face, size, a, b, false);

		page_stroke(page, a, width, b, width, END_ROUND);
	}
}

/* Draws one letter; thinning < 1 draws the white of an inline face. */
static void
draw_letter(page *page, const face *face, float size, float x,
			float baseline, char letter, float thinning)
{
	float		unit = size / BASELINE;
	const char *s = strokes_of(letter);

	while (*s)
	{
		point		points[16];
		char		kind = *s++;
		const char *rows = s + 1;
		int			n = 0;

		for (; s[0] && s[0] != ' '; s += 2)
		{
			float		up = (float) (BASELINE - (s[1] - '0')) * unit;

			points[n++] = (point)
			{
				x + (float) (s[0] - '0') * unit * face->set + up * face->slant,
					baseline - up
			};
		}
		while (*s == ' ')
			s++;
		if (kind == '-')
			draw_straight(page, face, size, points, rows, n, thinning);
		else
			draw_curve(page, face, size, points, n, kind == 'o', thinning);
	}
}

/* Draws a line of text; size is the height of its capitals. */
void
type_draw(page *page, const face *face, float size, float x, float baseline,
		  const char *text)
{
	float		inset = size * 0.5f * (face->thick + 0.6f * face->serif);

	for (; *text; text++)
	{
		draw_letter(page, face, size, x + inset, baseline, *text, 1);
		if (face->is_inline && size > 14)
		{
			page->erase = !page->erase;
			draw_letter(page, face, size, x + inset, baseline, *text, 0.3f);
			page->erase = !page->erase;
		}
		x += advance(face, size, *text);
	}
}

static const char *const body_words[] = {
	"the", "of", "and", "to", "in", "for", "a", "on", "at", "with", "from",
	"by", "all", "or", "our", "we", "are", "best", "new", "fine", "every",
	"goods", "stock", "prices", "cash", "large", "just", "received", "street",
	"offered", "quality", "latest", "styles", "dealers", "wholesale", "retail",
	"public", "respectfully", "informed", "that", "has", "opened", "his",
	"store", "where", "will", "keep", "constantly", "hand", "assortment",
	"groceries", "hardware", "medicines", "boots", "shoes", "hats", "caps",
	"ladies", "gentlemen", "most", "reasonable", "terms", "orders", "promptly",
	"attended", "work", "warranted", "lowest", "rates", "apply", "office",
	"corner", "Main", "Water", "Front", "Market", "No.", "daily", "trains",
	"leave", "passage", "freight", "cures", "coughs", "colds", "bottle",
	"recommended", "physicians", "sold", "druggists", "everywhere", "agents",
	"wanted", "farm", "acres", "land", "sale", "house", "rent", "Messrs.",
	"1000", "25", "50", "per", "cent", "dollars", "Co.", "season", "which"
};

static const char *const display_words[] = {
	"DRY GOODS", "HATS & CAPS", "BOOTS", "FOR SALE", "NOTICE", "STOVES",
	"LIVER PILLS", "BITTERS", "REMOVAL", "CHEAP CASH STORE", "PIANOS",
	"GREAT BARGAINS", "NEW GOODS!", "FURNITURE", "DENTIST", "LUMBER",
	"ATTORNEY AT LAW", "CLOTHING", "SEEDS", "HARDWARE", "INSURANCE", "COAL",
	"WATCHES", "BANK", "$1000 REWARD", "GROCERIES", "EXCURSION", "Wanted",
	"For Rent", "Carpets", "Millinery", "Auction Sale", "Livery Stable",
	"Sarsaparilla", "Photographs", "Plough Works", "Marble Works",
	"Steamship Co.", "TO LET", "LOST", "J. H. BAKER", "W. M. GREEN & SON",
	"BREWERY", "WINES", "HOTEL", "SHERIFF'S SALE", "ICE", "TEAS", "1876",
	"GRAND OPENING", "Dissolution", "Estray", "Executor's Notice"
};

const char *
body_word(dice *dice)
{
	return body_words[pick(dice, sizeof(body_words) / sizeof(char *))];
}

const char *
display_word(dice *dice)
{
	return display_words[pick(dice, sizeof(display_words) / sizeof(char *))];
}

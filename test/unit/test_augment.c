/*
 * test_augment.c
 *		Changes of training images: fastai's pixels, and fair draws.
 *
 * The expected pixels are those of fastai 2.8's Warp, Rotate, Zoom, Flip,
 * Brightness and Contrast with the same draws.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/image/augment.h"
#include "test/unit/tap.h"

enum
{
	SIZE = 5,
	PIXELS = SIZE * SIZE,
	DRAWS = 4000
};

static uint8_t image[PIXELS][3];

static void
make_image(void)
{
	for (int i = 0; i < PIXELS; i++)
		for (int k = 0; k < 3; k++)
			image[i][k] = (uint8_t) ((i / SIZE * 53 + i % SIZE * 29 + k * 97) % 256);
}

/* The largest difference of a channel from what is expected. */
static int
worst(const vc_change *change, int channel, const uint8_t *expected)
{
	uint8_t		out[PIXELS][3];
	int			most = 0;

	vc_augment_apply(change, &image[0][0], SIZE, &out[0][0]);
	for (int i = 0; i < PIXELS; i++)
	{
		int			off = abs(out[i][channel] - expected[i]);

		most = off > most ? off : most;
	}
	return most;
}

static void
test_apply(void)
{
	static const uint8_t moved[PIXELS] = {
		114, 104, 73, 46, 23, 191, 159, 126, 97, 72, 132, 207, 172, 142, 116, 92, 166, 189, 183,
		156, 98, 50, 134, 220, 192
	};
	static const uint8_t moved_and_lit[PIXELS] = {
		178, 191, 164, 131, 103, 29, 143, 133, 194, 163, 67, 30, 41, 187, 184, 115, 70, 37, 13, 15,
		114, 96, 73, 42, 19
	};
	static const uint8_t lit[SIZE][3] = {
		{0, 112, 194}, {44, 137, 219}, {75, 161, 250}, {103, 185, 39}, {129, 210, 71}
	};
	vc_change	change = {true, .15, -.1, 7.5, 1.08, .3, .8, .5, 1};
	uint8_t		out[PIXELS][3];
	bool		mirrored = true;

	ok(worst(&change, 0, moved) == 0, "flip, warp, rotation and zoom are fastai's");
	change.brightness = .45;
	change.contrast = 1.2;
	ok(worst(&change, 1, moved_and_lit) <= 1, "and so with brightness and contrast");

	change = (vc_change) {.zoom = 1,.brightness = .55,.contrast = .85};
	vc_augment_apply(&change, &image[0][0], SIZE, &out[0][0]);
	ok(memcmp(out, lit, sizeof(lit)) == 0, "brightness and contrast alone are fastai's");

	change = (vc_change) {.flip = true,.zoom = 1,.brightness = .5,.contrast = 1};
	vc_augment_apply(&change, &image[0][0], SIZE, &out[0][0]);
	for (int i = 0; i < PIXELS; i++)
		mirrored = mirrored &&
			memcmp(out[i], image[i - i % SIZE + SIZE - 1 - i % SIZE], 3) == 0;
	ok(mirrored, "a flip alone mirrors every pixel");

	change.flip = false;
	vc_augment_apply(&change, &image[0][0], SIZE, &out[0][0]);
	ok(memcmp(out, image, sizeof(image)) == 0, "no change changes nothing");
}

/* The places of an extreme warp reach infinity; all pixels are still the image's. */
static void
test_horizon(void)
{
	vc_change	change = {false, 1, 1, 45, 1, 0, 0, .5, 1};
	uint8_t		out[PIXELS][3];
	uint8_t		flat[PIXELS][3];
	bool		inside = true;

	memset(flat, 77, sizeof(flat));
	vc_augment_apply(&change, &flat[0][0], SIZE, &out[0][0]);
	for (int i = 0; i < PIXELS; i++)
		inside = inside && out[i][0] == 77;
	ok(inside, "a warp without end stays inside the image");
}

static void
test_draw(void)
{
	int			flips = 0;
	int			rotated = 0;
	int			lit = 0;
	bool		inside = true;
	vc_change	a;
	vc_change	b;

	for (int i = 0; i < DRAWS; i++)
	{
		vc_augment_draw(VC_AUGMENT_FLIP, 9, 1, i, &a);
		flips += a.flip;
		inside = inside && a.zoom == 1 && a.degrees == 0 && a.contrast == 1 && a.brightness == .5;
		vc_augment_draw(VC_AUGMENT_LIGHT, 9, 1, i, &a);
		rotated += a.degrees != 0;
		lit += a.brightness != .5;
		inside = inside && !a.flip && fabs(a.degrees) <= 10 && a.zoom >= 1 && a.zoom <= 1.1 &&
			fabs(a.warp_x) <= .2 && fabs(a.warp_y) <= .2 && a.contrast >= .8 - 1e-9 &&
			a.contrast <= 1.25 + 1e-9 && a.brightness >= .4 && a.brightness <= .6;
	}
	ok(inside, "draws stay within fastai's limits");
	ok(abs(flips - DRAWS / 2) < 130 && abs(rotated - DRAWS * 3 / 4) < 110 &&
	   abs(lit - DRAWS * 3 / 4) < 110, "and are as likely as there");
	vc_augment_draw(VC_AUGMENT_LIGHT, 9, 1, 5, &a);
	vc_augment_draw(VC_AUGMENT_LIGHT, 9, 1, 5, &b);
	ok(memcmp(&a, &b, sizeof(a)) == 0, "equal draws are equal");
	vc_augment_draw(VC_AUGMENT_LIGHT, 9, 2, 5, &b);
	ok(a.zoom_x != b.zoom_x, "another epoch draws anew");
}

int
main(void)
{
	vc_augment	kind;

	make_image();
	test_apply();
	test_horizon();
	test_draw();
	ok(vc_augment_from_name("light", &kind) && kind == VC_AUGMENT_LIGHT &&
	   strcmp(vc_augment_name(kind), "light") == 0 && !vc_augment_from_name("heavy", &kind),
	   "names are known, and others are not");
	return done();
}

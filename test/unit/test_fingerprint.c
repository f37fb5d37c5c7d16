/*
 * test_fingerprint.c
 *		Images that are nearly the same are found; others are not.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/image/fingerprint.h"
#include "test/unit/tap.h"

#define SIDE	64
#define IMAGES	3000

static uint32_t state;

static uint32_t
next_random(void)
{
	state = state * 1664525 + 1013904223;
	return state >> 8;
}

/* A picture of boxes that a seed decides, shifted and with noise. */
static void
draw(uint8_t *pixels, uint32_t seed, int shift, int noise, double gain)
{
	int			value[SIDE * SIDE];

	state = seed * 2654435761u + 17;
	for (int i = 0; i < SIDE * SIDE; i++)
		value[i] = 200;
	for (int box = 0; box < 12; box++)
	{
		int			left = (int) (next_random() % SIDE),
					top = (int) (next_random() % SIDE),
					width = 4 + (int) (next_random() % 24),
					height = 4 + (int) (next_random() % 24),
					colour = (int) (next_random() % 256);

		for (int y = top; y < top + height && y < SIDE; y++)
			for (int x = left; x < left + width && x < SIDE; x++)
				value[y * SIDE + x] = colour;
	}
	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++)
		{
			int			from = x + shift < SIDE ? x + shift : SIDE - 1;
			double		v = value[y * SIDE + from] * gain + (noise > 0 ? (int) (next_random() % (2 * noise + 1)) - noise : 0);

			memset(pixels + (y * SIDE + x) * 3, v < 0 ? 0 : v > 255 ? 255 : (int) v, 3);
		}
}

static vc_fingerprint
fingerprint(uint32_t seed, int shift, int noise, double gain)
{
	static uint8_t pixels[SIDE * SIDE * 3];
	vc_fingerprint print;

	draw(pixels, seed, shift, noise, gain);
	vc_fingerprint_make(pixels, SIDE, &print);
	return print;
}

int
main(void)
{
	static vc_fingerprint prints[IMAGES];
	static int64_t cluster[IMAGES];
	int			missed = 0;
	int			wrong = 0;
	uint8_t		white[SIDE * SIDE * 3];
	vc_fingerprint blank;

	for (uint32_t seed = 0; seed < 300; seed++)
	{
		vc_fingerprint original = fingerprint(seed, 0, 0, 1);
		vc_fingerprint noisy = fingerprint(seed, 0, 12, 1);
		vc_fingerprint dim = fingerprint(seed, 0, 4, 0.8);
		vc_fingerprint other = fingerprint(seed + 1000, 0, 0, 1);

		missed += !vc_fingerprint_alike(&original, &noisy) + !vc_fingerprint_alike(&original, &dim);
		wrong += vc_fingerprint_alike(&original, &other);
	}
	ok(missed == 0, "noise and brightness make no other image: %d of 600 do", missed);
	ok(wrong == 0, "other images are not alike: %d of 300 are", wrong);

	/* every tenth image is nearly that before it */
	for (int i = 0; i < IMAGES; i++)
		prints[i] = i % 10 == 9 ? fingerprint((uint32_t) i - 1, 0, 8, 1) : fingerprint((uint32_t) i, 0, 0, 1);
	ok(vc_fingerprint_cluster(prints, IMAGES, cluster, NULL) == VC_OK, "clusters");
	missed = wrong = 0;
	for (int i = 0; i < IMAGES; i++)
	{
		missed += i % 10 == 9 && cluster[i] != i - 1;
		wrong += i % 10 != 9 && cluster[i] != i;
	}
	ok(missed == 0 && wrong == 0, "pairs among %d are found (%d missed), no others (%d)", IMAGES, missed, wrong);

	memset(white, 250, sizeof(white));
	vc_fingerprint_make(white, SIDE, &blank);
	ok(vc_fingerprint_blank(&blank) && !vc_fingerprint_blank(&prints[0]), "a blank image is blank, others are not");
	for (int i = 0; i < IMAGES; i++)
		prints[i] = i % 2 ? blank : prints[0];
	ok(vc_fingerprint_cluster(prints, IMAGES, cluster, NULL) == VC_OK && cluster[IMAGES - 2] == 0 && cluster[IMAGES - 1] == IMAGES - 1,
	   "all alike, and blank ones apart");
	ok(vc_fingerprint_cluster(prints, 0, cluster, NULL) == VC_OK, "none");
	return done();
}

/*
 * test_resample.c
 *		The triangle filter against Pillow's, and what it must keep.
 *
 * The expected arrays are Pillow's: of an image whose sample c at (x, y) is
 * x*37 + y*101 + c*59 + x*y*7 modulo 256, cut out with crop() where the mode
 * says so, resize((size, height), BILINEAR) and then resize((size, size),
 * BILINEAR), which is the order of passes of every Pillow before 13.
 */
#include "test/unit/tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/image/resample.h"

#define MAX_SIDE	64

static uint8_t source[MAX_SIDE * MAX_SIDE * 3];
static uint8_t out[MAX_SIDE * MAX_SIDE * 3];

/* Fills source[height][width][channels] as above. */
static void
fill(int width, int height, int channels)
{
	uint8_t    *p = source;

	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			for (int c = 0; c < channels; c++)
				*p++ = (uint8_t) (x * 37 + y * 101 + c * 59 + x * y * 7);
}

/* Resamples source[] into out[]; returns how many rows it took, or -1. */
static int
resample(int width, int height, int channels, vc_span x, vc_span y, int size)
{
	vc_resampler *r;
	int			taken = 0;
	bool		more = true;

	memset(out, 77, sizeof(out));
	if (vc_resample_begin(width, height, channels, x, y, size, out, &r, NULL) != VC_OK)
		return -1;
	while (more && taken < height)
	{
		more = vc_resample_row(r, source + (size_t) taken * width * channels);
		taken++;
	}
	vc_resample_end(r);
	return more ? -1 : taken;
}

static vc_span
span(double start, double length)
{
	return (vc_span)
	{
		start, length
	};
}

/* out[size][size][3] equals expected[size][size][channels]. */
static bool
equals(const uint8_t *expected, int size, int channels)
{
	for (int i = 0; i < size * size; i++)
		for (int c = 0; c < 3; c++)
		{
			int			want = expected[i * channels + (channels == 3 ? c : 0)];

			if (out[i * 3 + c] != want)
			{
				diag("pixel %d channel %d: %d, expected %d", i, c, out[i * 3 + c], want);
				return false;
			}
		}
	return true;
}

static const uint8_t squish_11x7_to_4[] = {
	95, 136, 126, 129, 147, 117, 123, 116, 111, 114, 101, 145,
	153, 112, 122, 128, 119, 113, 149, 102, 115, 143, 109, 112,
	133, 114, 119, 119, 116, 116, 130, 117, 110, 139, 103, 130,
	154, 135, 139, 137, 118, 123, 143, 124, 139, 126, 107, 163
};

static const uint8_t squish_3x4_to_5[] = {
	0, 59, 118, 15, 74, 133, 37, 96, 155, 59, 118, 177, 74, 133, 192,
	71, 130, 189, 88, 147, 134, 113, 172, 51, 137, 196, 76, 155, 214, 93,
	152, 83, 142, 171, 102, 109, 199, 130, 61, 151, 159, 90, 119, 178, 109,
	156, 35, 94, 176, 56, 115, 209, 88, 147, 133, 121, 133, 82, 141, 124,
	47, 106, 165, 70, 129, 188, 105, 164, 223, 140, 199, 104, 163, 222, 25
};

static const uint8_t crop_9x6_to_4[] = {
	93, 152, 115, 138, 143, 152, 120, 168, 85, 165, 124, 123,
	166, 136, 99, 134, 130, 134, 116, 116, 96, 173, 90, 131,
	137, 125, 131, 134, 114, 113, 109, 114, 110, 124, 122, 92,
	110, 109, 168, 131, 100, 148, 105, 115, 121, 126, 149, 108
};

static const uint8_t pad_5x9_to_4[] = {
	17, 18, 30, 104, 122, 107, 121, 129, 118, 19, 30, 13,
	24, 21, 21, 129, 109, 113, 116, 113, 106, 17, 29, 16,
	35, 26, 22, 134, 118, 123, 118, 102, 120, 17, 29, 16,
	23, 35, 25, 114, 134, 137, 120, 97, 111, 20, 32, 15
};

static const uint8_t grey_13x40_to_5[] = {
	134, 127, 134, 129, 127,
	129, 109, 117, 130, 126,
	122, 122, 127, 125, 123,
	127, 124, 120, 127, 129,
	123, 113, 133, 115, 124
};

static void
test_pillow(void)
{
	fill(11, 7, 3);
	ok(resample(11, 7, 3, span(0, 11), span(0, 7), 4) == 7 &&
	   equals(squish_11x7_to_4, 4, 3), "11 x 7 RGB to 4, squish");
	fill(3, 4, 3);
	ok(resample(3, 4, 3, span(0, 3), span(0, 4), 5) == 4 &&
	   equals(squish_3x4_to_5, 5, 3), "3 x 4 RGB enlarged to 5");
	fill(9, 6, 3);
	ok(resample(9, 6, 3, span(1, 6), span(0, 6), 4) == 6 &&
	   equals(crop_9x6_to_4, 4, 3), "9 x 6 RGB to 4, crop");
	fill(5, 9, 3);
	ok(resample(5, 9, 3, span(-2, 9), span(0, 9), 4) == 9 &&
	   equals(pad_5x9_to_4, 4, 3), "5 x 9 RGB to 4, pad");
	fill(13, 40, 1);
	ok(resample(13, 40, 1, span(0, 13), span(0, 40), 5) == 40 &&
	   equals(grey_13x40_to_5, 5, 1), "13 x 40 grey to 5, squish");
	fill(20, 20, 3);
	ok(resample(20, 20, 3, span(0, 20), span(0, 20), 20) == 20 &&
	   equals(source, 20, 3), "20 x 20 RGB to 20 is the same");
}

/* White stays white, whatever the sizes: weights sum up to one. */
static void
test_white(void)
{
	int			wrong = 0;

	memset(source, 255, sizeof(source));
	for (int width = 1; width <= MAX_SIDE; width++)
		for (int size = 1; size <= MAX_SIDE; size += 3)
		{
			int			height = 1 + width * 7 % 23;
			int			channels = width % 2 ? 1 : 3;
			bool		white = true;

			if (resample(width, height, channels, span(0, width), span(0, height), size) < 0)
				white = false;
			for (int i = 0; i < size * size * 3; i++)
				white = white && out[i] >= 254;
			if (!white)
				wrong++;
		}
	ok(wrong == 0, "white stays white (%d sizes do not)", wrong);
}

/* What is cut off is not seen, and rows below it are not asked for. */
static void
test_cut(void)
{
	static uint8_t inner[MAX_SIDE * MAX_SIDE * 3];

	memset(source, 255, sizeof(source));
	for (int y = 10; y < 20; y++)
		memset(source + y * 30 + 5, 40, 20);
	ok(resample(30, 30, 1, span(5, 20), span(10, 10), 8) == 20, "stops after the last row needed");
	memset(inner, 40, sizeof(inner));
	ok(equals(inner, 8, 3), "sees nothing outside");
	ok(resample(30, 30, 1, span(5.5, 19), span(10.25, 9.5), 8) == 20 &&
	   equals(inner, 8, 3), "nor does it with a fraction of a pixel");
}

/* Borders are black where the stretch passes the image by a whole filter. */
static void
test_borders(void)
{
	int			black = 0;
	int			white = 0;

	memset(source, 255, sizeof(source));
	ok(resample(40, 10, 3, span(0, 40), span(-15, 40), 20) == 10, "takes every row");
	for (int x = 0; x < 20; x++)
		for (int y = 0; y < 20; y++)
		{
			black += (y < 7 || y > 12) && out[(y * 20 + x) * 3] == 0;
			white += y >= 8 && y <= 11 && out[(y * 20 + x) * 3] == 255;
		}
	ok(black == 14 * 20, "borders are black (%d)", black);
	ok(white == 4 * 20, "between them is the image (%d)", white);
}

/* A mirrored image gives the mirrored result. */
static void
test_mirror(void)
{
	static uint8_t keep[sizeof(out)];
	int			worst = 0;

	for (int width = 2; width <= MAX_SIDE; width++)
	{
		int			size = 3 + width * 5 % 29;

		fill(width, 3, 1);
		resample(width, 3, 1, span(0, width), span(0, 3), size);
		memcpy(keep, out, sizeof(out));
		for (int i = 0; i < 3 * width; i++)
			if (i % width < width / 2)
			{
				int			other = i / width * width + width - 1 - i % width;
				uint8_t		sample = source[i];

				source[i] = source[other];
				source[other] = sample;
			}
		resample(width, 3, 1, span(0, width), span(0, 3), size);
		for (int i = 0; i < size * size; i++)
		{
			int			other = i / size * size + size - 1 - i % size;

			if (abs(keep[i * 3] - out[other * 3]) > worst)
				worst = abs(keep[i * 3] - out[other * 3]);
		}
	}
	ok(worst == 0, "mirroring before equals mirroring after (off by %d)", worst);
}

int
main(void)
{
	test_pillow();
	test_white();
	test_cut();
	test_borders();
	test_mirror();
	return done();
}

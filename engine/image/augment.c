/*
 * augment.c
 *		Random changes of training images, as fastai's batch transforms.
 *
 * Places in an image are as torch's affine_grid has them: -1 to 1 from the
 * centre of the first pixel to that of the last.
 */
#include "engine/image/augment.h"

#include <math.h>
#include <string.h>

#include "engine/support/random.h"

#define PI				3.14159265358979323846
#define PROBABILITY		0.75
#define MAX_WARP		0.2
#define MAX_DEGREES		10.0
#define MAX_ZOOM		1.1
#define MAX_LIGHTING	0.2
#define STREAM_AUGMENT	((uint64_t) 1 << 62)	/* beyond those of shuffling and dropout */

static const char *const names[] = {"none", "flip", "light"};

bool
vc_augment_from_name(const char *name, vc_augment *kind)
{
	for (int i = VC_AUGMENT_NONE; i <= VC_AUGMENT_LIGHT; i++)
		if (strcmp(name, names[i]) == 0)
		{
			*kind = (vc_augment) i;
			return true;
		}
	return false;
}

const char *
vc_augment_name(vc_augment kind)
{
	return names[kind];
}

/* Draws numbers for one image. */
typedef struct dice
{
	uint64_t	seed;
	uint64_t	stream;
	uint64_t	index;
} dice;

static double
uniform(dice *d, double low, double high)
{
	return low + (high - low) * vc_random_uniform(d->seed, d->stream, d->index++);
}

/* Uniform with PROBABILITY, otherwise neutral; always draws twice. */
static double
perhaps(dice *d, double low, double high, double neutral)
{
	double		value = uniform(d, low, high);

	return uniform(d, 0, 1) < PROBABILITY ? value : neutral;
}

void
vc_augment_draw(vc_augment kind, uint64_t seed, uint64_t epoch, uint64_t index,
				vc_change *change)
{
	dice		d = {seed, STREAM_AUGMENT + epoch, index * 32};
	double		contrast = -log(1 - MAX_LIGHTING);

	*change = (vc_change) {.zoom = 1,.brightness = 0.5,.contrast = 1};
	if (kind == VC_AUGMENT_FLIP)
		change->flip = uniform(&d, 0, 1) < 0.5;
	if (kind != VC_AUGMENT_LIGHT)
		return;
	change->warp_x = perhaps(&d, -MAX_WARP, MAX_WARP, 0);
	change->warp_y = perhaps(&d, -MAX_WARP, MAX_WARP, 0);
	change->degrees = perhaps(&d, -MAX_DEGREES, MAX_DEGREES, 0);
	change->zoom = perhaps(&d, 1, MAX_ZOOM, 1);
	change->zoom_x = uniform(&d, 0, 1);
	change->zoom_y = uniform(&d, 0, 1);
	change->brightness = perhaps(&d, 0.5 * (1 - MAX_LIGHTING), 0.5 * (1 + MAX_LIGHTING), 0.5);
	change->contrast = exp(perhaps(&d, -contrast, contrast, 0));
}

/* c = a b */
static void
multiply(const double a[9], const double b[9], double c[9])
{
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			c[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
}

/* The homography that takes (0,0), (1,0), (1,1), (0,1) to four points (x, y). */
static void
square_to_quad(const double p[4][2], double h[9])
{
	double		dx1 = p[1][0] - p[2][0],
				dy1 = p[1][1] - p[2][1];
	double		dx2 = p[3][0] - p[2][0],
				dy2 = p[3][1] - p[2][1];
	double		sx = p[0][0] - p[1][0] + p[2][0] - p[3][0];
	double		sy = p[0][1] - p[1][1] + p[2][1] - p[3][1];
	double		d = dx1 * dy2 - dx2 * dy1;
	double		g = (sx * dy2 - dx2 * sy) / d;
	double		k = (dx1 * sy - sx * dy1) / d;

	h[0] = p[1][0] - p[0][0] + g * p[1][0];
	h[1] = p[3][0] - p[0][0] + k * p[3][0];
	h[2] = p[0][0];
	h[3] = p[1][1] - p[0][1] + g * p[1][1];
	h[4] = p[3][1] - p[0][1] + k * p[3][1];
	h[5] = p[0][1];
	h[6] = g;
	h[7] = k;
	h[8] = 1;
}

/* h = the inverse of m, but for a factor, which homographies do not mind. */
static void
adjugate(const double m[9], double h[9])
{
	h[0] = m[4] * m[8] - m[5] * m[7];
	h[1] = m[2] * m[7] - m[1] * m[8];
	h[2] = m[1] * m[5] - m[2] * m[4];
	h[3] = m[5] * m[6] - m[3] * m[8];
	h[4] = m[0] * m[8] - m[2] * m[6];
	h[5] = m[2] * m[3] - m[0] * m[5];
	h[6] = m[3] * m[7] - m[4] * m[6];
	h[7] = m[1] * m[6] - m[0] * m[7];
	h[8] = m[0] * m[4] - m[1] * m[3];
}

/* From the warped square's corners back to those of the square. */
static void
warp_matrix(double x, double y, double h[9])
{
	const double corners[4][2] = {
		{-1 - y, -1 - x}, {1 + y, -1 + x}, {1 - y, 1 - x}, {-1 + y, 1 + x}
	};
	static const double unit_to_square[9] = {2, 0, -1, 0, 2, -1, 0, 0, 1};
	double		to_corners[9];
	double		back[9];

	square_to_quad(corners, to_corners);
	adjugate(to_corners, back);
	multiply(unit_to_square, back, h);
}

/* From places in the output to places in the image. */
static void
place_matrix(const vc_change *c, double h[9])
{
	double		angle = c->degrees * PI / 180;
	double		s = 1 / c->zoom;
	double		mirror = c->flip ? -1 : 1;
	const double rotation[9] = {
		mirror * cos(angle), mirror * sin(angle), 0, -sin(angle), cos(angle), 0, 0, 0, 1
	};
	const double zoom[9] = {
		s, 0, (1 - s) * (2 * c->zoom_x - 1), 0, s, (1 - s) * (2 * c->zoom_y - 1), 0, 0, 1
	};
	double		affine[9];
	double		warp[9];

	multiply(rotation, zoom, affine);
	warp_matrix(c->warp_x, c->warp_y, warp);
	multiply(warp, affine, h);
}

/* A place in pixels, reflected at the centres of the outer ones. */
static double
reflect(double place, int size)
{
	double		last = size - 1;
	double		x = fabs((place + 1) / 2 * last);

	if (x <= last)
		return x;
	if (!(x < 1e6))
		return 0;				/* the horizon of an extreme warp */
	x = fmod(x, 2 * last);
	return x > last ? 2 * last - x : x;
}

/* One pixel between four of the image. */
static void
sample(const uint8_t *image, int size, double x, double y, uint8_t *out)
{
	int			left = (int) x,
				top = (int) y;
	int			right = left + (left < size - 1),
				bottom = top + (top < size - 1);
	float		fx = (float) (x - left),
				fy = (float) (y - top);
	const uint8_t *row = image + (int64_t) top * size * 3;
	const uint8_t *below = image + (int64_t) bottom * size * 3;

	for (int c = 0; c < 3; c++)
	{
		float		a = row[left * 3 + c] * (1 - fx) + row[right * 3 + c] * fx;
		float		b = below[left * 3 + c] * (1 - fx) + below[right * 3 + c] * fx;

		out[c] = (uint8_t) (a * (1 - fy) + b * fy + 0.5f);
	}
}

static void
apply_places(const vc_change *change, const uint8_t *image, int size, uint8_t *out)
{
	double		h[9];
	double		step = 2.0 / (size - 1);

	place_matrix(change, h);
	for (int row = 0; row < size; row++)
		for (int column = 0; column < size; column++)
		{
			double		x = column * step - 1;
			double		y = row * step - 1;
			double		w = h[6] * x + h[7] * y + h[8];

			sample(image, size, reflect((h[0] * x + h[1] * y + h[2]) / w, size),
				   reflect((h[3] * x + h[4] * y + h[5]) / w, size),
				   out + ((int64_t) row * size + column) * 3);
		}
}

/* Brightness is added to and contrast multiplies the logit of a pixel. */
static void
apply_lighting(const vc_change *change, int64_t bytes, uint8_t *out)
{
	uint8_t		table[256];

	for (int i = 0; i < 256; i++)
	{
		double		p = fmin(fmax(i / 255.0, 1e-7), 1 - 1e-7);
		double		logit = log(p / (1 - p)) + log(change->brightness / (1 - change->brightness));

		table[i] = (uint8_t) (255 / (1 + exp(-logit * change->contrast)) + 0.5);
	}
	for (int64_t i = 0; i < bytes; i++)
		out[i] = table[out[i]];
}

void
vc_augment_apply(const vc_change *change, const uint8_t *image, int size, uint8_t *out)
{
	int64_t		bytes = (int64_t) size * size * 3;

	if (change->flip || change->degrees != 0 || change->zoom != 1 ||
		change->warp_x != 0 || change->warp_y != 0)
		apply_places(change, image, size, out);
	else
		memcpy(out, image, bytes);
	if (change->brightness != 0.5 || change->contrast != 1)
		apply_lighting(change, bytes, out);
}

/*
 * test_thumbnail.c
 *		Small pictures of images made here.
 */
#include "test/unit/jpeg_maker.h"
#include "test/unit/tap.h"

#include "engine/image/thumbnail.h"

static const vc_decode_limits limits = {.pixels = 100000000};

/* Light above, dark below. */
static void
halves(int x, int y, uint8_t *samples)
{
	(void) x;
	samples[0] = y < 60 ? 250 : 100;
}

/* Makes a picture and checks its size. */
static bool
makes(const made_jpeg *image, int side, int width, int height, vc_thumbnail *out)
{
	vc_image_info info;
	vc_error	error;

	return vc_thumbnail_make(image->data, image->size, side, &limits, out, &error) == VC_OK &&
		out->width == width && out->height == height &&
		vc_image_header(out->data, out->size, &info, &error) == VC_OK &&
		info.width == width && info.height == height;
}

/* The darkest and the lightest sample of the picture's squished pixels. */
static void
extremes(const vc_thumbnail *picture, int *least, int *most)
{
	vc_decode_options options = {16, VC_RESIZE_SQUISH, limits};
	uint8_t		pixels[16 * 16 * 3];
	vc_error	error;

	*least = 255;
	*most = 0;
	if (vc_image_load(picture->data, picture->size, &options, pixels, NULL, &error) != VC_OK)
		return;
	for (int i = 0; i < 16 * 16 * 3; i++)
	{
		*least = pixels[i] < *least ? pixels[i] : *least;
		*most = pixels[i] > *most ? pixels[i] : *most;
	}
}

/* Sizes and aspect ratios; no black border gets in. */
static void
test_sizes(void)
{
	static const int sizes[][4] = {{300, 200, 96, 64}, {200, 300, 64, 96}, {96, 96, 96, 96}, {40, 30, 40, 30}};
	vc_thumbnail picture;
	int			least;
	int			most;

	for (int i = 0; i < 4; i++)
	{
		jpeg_recipe recipe = {sizes[i][0], sizes[i][1], 3, JCS_RGB, JCS_YCbCr, plain_rgb, .coding = CODING_BASELINE};
		made_jpeg	image = make_jpeg(&recipe);

		ok(makes(&image, 96, sizes[i][2], sizes[i][3], &picture), "%d x %d becomes %d x %d",
		   sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
		extremes(&picture, &least, &most);
		ok(least > 40 && most < 210, "without a border: %d to %d", least, most);
		free(picture.data);
		free(image.data);
	}
}

/* Odd sizes, whose borders are not whole pixels. */
static void
test_odd(void)
{
	vc_thumbnail picture;
	vc_error	error;
	int			worst = 255;
	int			least;
	int			most;

	for (int width = 1; width < 120; width++)
	{
		jpeg_recipe recipe = {width, 101, 3, JCS_RGB, JCS_YCbCr, plain_rgb, .coding = CODING_BASELINE};
		made_jpeg	image = make_jpeg(&recipe);

		if (vc_thumbnail_make(image.data, image.size, 50, &limits, &picture, &error) != VC_OK ||
			picture.width > 50 || picture.height > 50)
			worst = -1;
		else if (width > 2)
		{
			extremes(&picture, &least, &most);
			worst = least < worst ? least : worst;
		}
		free(picture.data);
		free(image.data);
	}
	ok(worst > 30, "widths of 1 to 119 pixels: no darker than %d", worst);
}

/* Grey stays grey; a picture that lies on its side is put upright. */
static void
test_grey(void)
{
	jpeg_recipe recipe = {80, 120, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, halves, .orientation = 6};
	made_jpeg	image = make_jpeg(&recipe);
	vc_thumbnail picture;
	vc_image_info info;
	vc_error	error;

	ok(makes(&image, 60, 60, 40, &picture), "turned upright");
	ok(vc_image_header(picture.data, picture.size, &info, &error) == VC_OK &&
	   info.components == 1 && info.orientation == 1, "in grey");
	free(picture.data);
	free(image.data);
}

static void
test_errors(void)
{
	jpeg_recipe recipe = {80, 120, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, halves, .coding = CODING_BASELINE};
	made_jpeg	image = make_jpeg(&recipe);
	vc_thumbnail picture;
	vc_error	error;

	ok(vc_thumbnail_make((const uint8_t *) "no image", 8, 60, &limits, &picture, &error) == VC_INVALID_IMAGE &&
	   picture.data == NULL, "no image: %s", error.message);
	ok(vc_thumbnail_make(image.data, image.size, 60, &(vc_decode_limits) {.pixels = 100}, &picture, &error) == VC_LIMIT_EXCEEDED &&
	   picture.data == NULL, "too large: %s", error.message);
	ok(vc_thumbnail_make(image.data, image.size, 0, &limits, &picture, &error) == VC_INVALID_ARGUMENT,
	   "no size: %s", error.message);
	free(image.data);
}

int
main(void)
{
	test_sizes();
	test_odd();
	test_grey();
	test_errors();
	return done();
}

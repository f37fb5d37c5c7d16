/*
 * test_image.c
 *		Decoding of images made here, whole and damaged.
 */
#include "test/unit/jpeg_maker.h"
#include "test/unit/tap.h"

#include "engine/image/exif.h"
#include "engine/image/xmp.h"
#include "engine/image/image.h"

#define SIZE		32
#define MAX_PIXELS	100000000

static uint8_t out[SIZE * SIZE * 3];

/* Loads into out[]. */
static vc_status
load(const made_jpeg *image, vc_resize resize, vc_error *error)
{
	vc_decode_options options = {SIZE, resize, {.pixels = MAX_PIXELS}};

	memset(error, 0, sizeof(*error));
	return vc_image_load(image->data, image->size, &options, out, NULL, error);
}

/* The largest difference of out[] to one colour. */
static int
off_colour(int red, int green, int blue)
{
	int			colour[3] = {red, green, blue};
	int			worst = 0;

	for (int i = 0; i < SIZE * SIZE * 3; i++)
		if (abs(out[i] - colour[i % 3]) > worst)
			worst = abs(out[i] - colour[i % 3]);
	return worst;
}

/* The largest difference of two squares. */
static int
off_square(const uint8_t *a, const uint8_t *b)
{
	int			worst = 0;

	for (int i = 0; i < SIZE * SIZE * 3; i++)
		if (abs(a[i] - b[i]) > worst)
			worst = abs(a[i] - b[i]);
	return worst;
}

/* Loading fails with this code, and a message that contains `text`. */
static void
fails(const made_jpeg *image, vc_status code, const char *text, const char *what)
{
	vc_error	error;
	vc_status	status = load(image, VC_RESIZE_SQUISH, &error);

	if (!ok(status == code && error.code == code &&
			strstr(error.message, text) != NULL && error.hint[0] != '\0',
			"%s: \"%s\"", what, text))
		diag("status %d, message \"%s\", hint \"%s\"",
			 (int) status, error.message, error.hint);
}

static void
plain(int x, int y, uint8_t *samples)
{
	static const uint8_t colour[4] = {200, 100, 50, 255};

	(void) x;
	(void) y;
	memcpy(samples, colour, 4);
}

static void
plain_two(int x, int y, uint8_t *samples)
{
	(void) x;
	(void) y;
	samples[0] = samples[1] = 100;
}

static void
plain_dark(int x, int y, uint8_t *samples)
{
	static const uint8_t colour[4] = {200, 100, 50, 128};

	(void) x;
	(void) y;
	memcpy(samples, colour, 4);
}

static void
plain_grey(int x, int y, uint8_t *samples)
{
	(void) x;
	(void) y;
	samples[0] = 100;
}

static void
ramp_grey(int x, int y, uint8_t *samples)
{
	samples[0] = (uint8_t) ((x * 2 + y * 3) & 255);
}

static void
noise_grey(int x, int y, uint8_t *samples)
{
	samples[0] = (uint8_t) ((((unsigned int) x * 73856093u) ^
							 ((unsigned int) y * 19349663u)) >> 3);
}

static void
test_colours(void)
{
	static const struct
	{
		const char *name;
		int			components;
		J_COLOR_SPACE space;
		J_COLOR_SPACE stored;
		pixel_function pixel;
		int			red;
		int			green;
		int			blue;
	}			cases[] = {
		{"grayscale", 1, JCS_GRAYSCALE, JCS_GRAYSCALE, plain_grey, 100, 100, 100},
		{"ycbcr", 3, JCS_RGB, JCS_YCbCr, plain_rgb, 200, 100, 50},
		{"rgb", 3, JCS_RGB, JCS_RGB, plain_rgb, 200, 100, 50},
		{"cmyk", 4, JCS_CMYK, JCS_CMYK, plain, 200, 100, 50},
		{"ycck", 4, JCS_CMYK, JCS_YCCK, plain, 200, 100, 50},
		{"cmyk", 4, JCS_CMYK, JCS_CMYK, plain_dark, 100, 50, 25},
		{"ycck", 4, JCS_CMYK, JCS_YCCK, plain_dark, 100, 50, 25},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int progressive = 0; progressive < 2; progressive++)
		{
			jpeg_recipe recipe = {50, 40, cases[i].components, cases[i].space,
			cases[i].stored, cases[i].pixel, progressive, 0, NULL, 0};
			made_jpeg	image = make_jpeg(&recipe);
			vc_image_info info = {0};
			vc_error	error;

			ok(vc_image_header(image.data, image.size, &info, NULL) == VC_OK &&
			   strcmp(info.format, "jpeg") == 0 &&
			   info.width == 50 && info.height == 40 &&
			   info.components == cases[i].components &&
			   strcmp(info.color_space, cases[i].name) == 0 &&
			   info.orientation == 1 && info.progressive == progressive,
			   "header of %s, progressive %d", cases[i].name, progressive);
			ok(load(&image, VC_RESIZE_SQUISH, &error) == VC_OK &&
			   off_colour(cases[i].red, cases[i].green, cases[i].blue) <= 3,
			   "colour of %s, progressive %d: %d %d %d", cases[i].name, progressive,
			   out[0], out[1], out[2]);
			free(image.data);
		}
}

/* The upright picture of the orientation tests: smooth, and nowhere symmetric. */
#define UPRIGHT_WIDTH	41
#define UPRIGHT_HEIGHT	24

static int	stored_orientation;

/* A stored pixel, by its place in the upright picture as EXIF defines it. */
static void
turned(int x, int y, uint8_t *samples)
{
	int			right = UPRIGHT_WIDTH - 1;
	int			bottom = UPRIGHT_HEIGHT - 1;
	const int	place[9][2] = {
		{0, 0},
		{x, y}, {right - x, y}, {right - x, bottom - y}, {x, bottom - y},
		{y, x}, {right - y, x}, {right - y, bottom - x}, {y, bottom - x}
	};

	samples[0] = (uint8_t) (place[stored_orientation][0] * 6);
	samples[1] = (uint8_t) (place[stored_orientation][1] * 10);
	samples[2] = 128;
}

static void
test_orientations(void)
{
	static const char *names[] = {"squish", "crop", "pad"};
	static uint8_t upright[SIZE * SIZE * 3];

	for (int mode = 0; mode < 3; mode++)
		for (int o = 1; o <= 8; o++)
		{
			jpeg_recipe recipe = {o >= 5 ? UPRIGHT_HEIGHT : UPRIGHT_WIDTH,
				o >= 5 ? UPRIGHT_WIDTH : UPRIGHT_HEIGHT,
			3, JCS_RGB, JCS_RGB, turned, false, o, NULL, 0};
			made_jpeg	image;
			vc_image_info info = {0};
			vc_error	error;
			vc_resize	resize;

			stored_orientation = o;
			image = make_jpeg(&recipe);
			vc_image_header(image.data, image.size, &info, NULL);
			ok(vc_resize_from_name(names[mode], &resize) &&
			   load(&image, resize, &error) == VC_OK &&
			   info.orientation == o &&
			   info.width == UPRIGHT_WIDTH && info.height == UPRIGHT_HEIGHT,
			   "orientation %d, %s is read", o, names[mode]);
			if (o == 1)
				memcpy(upright, out, sizeof(out));
			ok(off_square(out, upright) <= 4, "orientation %d, %s is upright (off by %d)",
			   o, names[mode], off_square(out, upright));
			free(image.data);
		}
}

/* Where squish, crop and pad look, by the red ramp of 6 a pixel. */
static void
test_resizes(void)
{
	jpeg_recipe recipe = {UPRIGHT_WIDTH, UPRIGHT_HEIGHT, 3, JCS_RGB, JCS_RGB,
	turned, false, 0, NULL, 0};
	const uint8_t *left = out + (SIZE / 2) * SIZE * 3;
	const uint8_t *right = left + (SIZE - 1) * 3;
	made_jpeg	image;
	vc_error	error;

	stored_orientation = 1;
	image = make_jpeg(&recipe);
	load(&image, VC_RESIZE_SQUISH, &error);
	ok(left[0] <= 6 && right[0] >= 234, "squish sees columns 0 to 40");
	load(&image, VC_RESIZE_CROP, &error);
	ok(abs(left[0] - 8 * 6) <= 6 && abs(right[0] - 31 * 6) <= 6,
	   "crop sees columns 8 to 31 (%d, %d)", left[0], right[0]);
	load(&image, VC_RESIZE_PAD, &error);
	ok(left[0] <= 6 && right[0] >= 234, "pad sees columns 0 to 40");
	ok(out[2] == 0 && out[sizeof(out) - 1] == 0 && left[2] > 120,
	   "pad has black borders above and below");
	free(image.data);
}

static void
test_scaled_decoding(void)
{
	vc_decode_options options = {SIZE, VC_RESIZE_SQUISH, {.pixels = MAX_PIXELS}};
	jpeg_recipe recipe = {0, 0, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, ramp_grey, false, 0, NULL, 0};

	/* sizes just over and under those where the scale of decoding changes */
	for (int side = SIZE - 1; side <= SIZE * 2 + 1; side++)
	{
		made_jpeg	image;
		int			worst = 0;

		recipe.width = side;
		recipe.height = side * 4 / 5;
		image = make_jpeg(&recipe);
		options.size = 8;
		if (vc_image_load(image.data, image.size, &options, out, NULL, NULL) != VC_OK)
			worst = 255;
		for (int y = 1; y < 7; y++)
			for (int x = 1; x < 7; x++)
			{
				double		at_x = (x + 0.5) * recipe.width / 8 - 0.5;
				double		at_y = (y + 0.5) * recipe.height / 8 - 0.5;
				int			value = (int) (at_x * 2 + at_y * 3 + 0.5);
				int			got = out[(y * 8 + x) * 3];

				if (value < 240 && abs(got - value) > worst)
					worst = abs(got - value);
			}
		if (worst > 2 || side == SIZE || side == SIZE * 2)
			ok(worst <= 2, "a ramp of %d pixels to 8 keeps its values (off by %d)",
			   side, worst);
		free(image.data);
	}
}

static void
test_other_formats(void)
{
	static const struct
	{
		const char *bytes;
		size_t		size;
		const char *text;
	}			cases[] = {
		{"", 0, "image is empty"},
		{"\xff", 1, "single byte, 0xff"},
		{"hello", 5, "starts with 0x68 0x65"},
		{"\x89PNG\r\n\x1a\n", 8, "PNG"},
		{"GIF89a", 6, "GIF"},
		{"RIFF\0\0\0\0WEBP", 12, "WebP"},
		{"RIFF\0\0\0\0WEB", 11, "starts with 0x52 0x49"},
		{"II*\0", 4, "TIFF"},
		{"MM\0*", 4, "TIFF"},
		{"\0\0\0\x0cjP  \r\n", 10, "JPEG 2000"},
		{"\xff\x4f\xff\x51", 4, "JPEG 2000"},
		{"BM6\0", 4, "BMP"},
		{"%PDF-1.4", 8, "PDF"},
		{"\0\0\0\x18" "ftypheic", 12, "HEIF"},
		{"\xff\xd8", 2, "no image"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t    *copy = malloc(cases[i].size + 1);
		made_jpeg	image = {copy, cases[i].size};
		vc_image_info info;

		memcpy(copy, cases[i].bytes, cases[i].size);
		fails(&image, VC_INVALID_IMAGE, cases[i].text, "other format");
		ok(vc_image_header(image.data, image.size, &info, NULL) == VC_INVALID_IMAGE,
		   "its header is refused too");
		free(copy);
	}
}

static void
test_limits(void)
{
	jpeg_recipe recipe = {64, 48, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, ramp_grey, false, 0, NULL, 0};
	jpeg_recipe two = {8, 8, 2, JCS_UNKNOWN, JCS_UNKNOWN, plain_two, false, 0, NULL, 0};
	made_jpeg	image = make_jpeg(&recipe);
	made_jpeg	pair = make_jpeg(&two);
	vc_decode_options options = {SIZE, VC_RESIZE_SQUISH, {.pixels = 64 * 48}};
	size_t		sof = find_marker(&image, 0xc0);

	ok(vc_image_load(image.data, image.size, &options, out, NULL, NULL) == VC_OK,
	   "as many pixels as allowed");
	options.limits.pixels--;
	ok(vc_image_load(image.data, image.size, &options, out, NULL, NULL) == VC_LIMIT_EXCEEDED,
	   "one pixel more than allowed");
	options.size = 0;
	ok(vc_image_load(image.data, image.size, &options, out, NULL, NULL) == VC_INVALID_ARGUMENT,
	   "size 0");

	memcpy(image.data + sof + 5, "\xfd\xe8\xfd\xe8", 4);
	fails(&image, VC_LIMIT_EXCEEDED, "65000 x 65000", "a bomb's header");
	memcpy(image.data + sof + 5, "\0\0\0\x40", 4);
	fails(&image, VC_INVALID_IMAGE, "empty JPEG image", "height 0");
	memcpy(image.data + sof + 4, "\x0c\0\x30", 3);
	fails(&image, VC_INVALID_IMAGE, "precision 12", "12 bits");
	fails(&pair, VC_INVALID_IMAGE, "2 components", "two components");
	free(image.data);
	free(pair.data);
}

/* Every prefix of an image loads, or fails with a message. */
static void
test_truncated(bool progressive)
{
	jpeg_recipe recipe = {48, 48, 1, JCS_GRAYSCALE, JCS_GRAYSCALE,
	noise_grey, progressive, 0, NULL, 0};
	made_jpeg	image = make_jpeg(&recipe);
	made_jpeg	part = image;
	size_t		scan = find_marker(&image, 0xda);
	size_t		first_loaded = image.size;
	bool		mute = false;
	vc_error	error;

	for (part.size = 1; part.size <= image.size; part.size++)
	{
		uint8_t    *copy = malloc(part.size);
		vc_status	status;

		memcpy(copy, image.data, part.size);
		part.data = copy;
		status = load(&part, VC_RESIZE_SQUISH, &error);
		if (status == VC_OK && part.size < first_loaded)
			first_loaded = part.size;
		if (status != VC_OK && (error.code != status || error.message[0] == '\0'))
			mute = true;
		free(copy);
	}
	ok(!mute, "progressive %d: what cannot be loaded has a message", progressive);
	ok(progressive ? first_loaded < scan + (image.size - scan) / 4 :
	   first_loaded > scan + (image.size - scan) / 3 && first_loaded < scan + (image.size - scan) * 2 / 3,
	   "progressive %d: loads once half the rows of the first scan are there (%zu of %zu bytes)",
	   progressive, first_loaded, image.size);

	part = image;
	part.size = scan + 12;
	fails(&part, VC_INVALID_IMAGE, "cut off: 100 % of its rows", "cut after the header");
	part.size = image.size - 2;
	ok(load(&part, VC_RESIZE_SQUISH, &error) == VC_OK, "only the end marker is missing");
	free(image.data);
}

/* An image is decoded with a flaw that its text names, or with none where text is "". */
static void
has_flaw(const made_jpeg *image, const char *text, bool complete, const char *what)
{
	vc_decode_options options = {SIZE, VC_RESIZE_SQUISH, {.pixels = MAX_PIXELS}};
	vc_image_info info = {0};
	vc_flaw		flaw = {"not set"};
	vc_error	error;
	vc_status	status = vc_image_load(image->data, image->size, &options, out, &flaw, &error);

	vc_image_header(image->data, image->size, &info, &error);
	if (!ok(status == VC_OK && (text[0] == '\0' ? flaw.text[0] == '\0' : strstr(flaw.text, text) != NULL) &&
			info.complete == complete, "%s: \"%s\"", what, text))
		diag("status %d, \"%s\", complete %d", (int) status, flaw.text, info.complete);
}

/* What is said of files that are cut off, filled up with zeros, or closed too early. */
static void
test_flaws(bool progressive)
{
	jpeg_recipe recipe = {64, 640, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, noise_grey, progressive, 0, NULL, 0};
	made_jpeg	image = make_jpeg(&recipe);
	const char *cut = progressive ? "cut off in scan" : "cut off: 2";
	size_t		part = image.size * 3 / 4;
	made_jpeg	wrong = {malloc(image.size + 100), 0};

	has_flaw(&image, "", true, "a whole image");
	wrong.size = part;
	memcpy(wrong.data, image.data, part);
	has_flaw(&wrong, cut, false, "three quarters of an image");
	memcpy(wrong.data + part, "\xff\xd9", 2);
	wrong.size = part + 2;
	has_flaw(&wrong, cut, true, "the same, closed");
	wrong.size = image.size + 100;
	memset(wrong.data + part, 0, wrong.size - part);
	has_flaw(&wrong, progressive ? cut : "no end", false, "the same, filled up with zeros");
	memcpy(wrong.data, image.data, image.size);
	has_flaw(&wrong, "", true, "zeros behind the end");
	wrong.size = image.size - 2;
	has_flaw(&wrong, "", false, "only the end marker is missing");
	memcpy(wrong.data + part, "\xff\xd0", 2);
	wrong.size = image.size;
	has_flaw(&wrong, "damaged in", true, "a marker among the data");
	free(wrong.data);
	free(image.data);
}

/* A file of arithmetic coding, which has no codes that are wrong. */
static void
test_arithmetic(void)
{
	jpeg_recipe recipe = {64, 640, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, noise_grey, CODING_ARITHMETIC, 0, NULL, 0};
	made_jpeg	image = make_jpeg(&recipe);
	made_jpeg	part = image;

	has_flaw(&image, "", true, "arithmetic coding");
	part.size = image.size * 3 / 4;
	has_flaw(&part, "cut off: 2", false, "arithmetic coding, cut off");
	part.size = image.size / 4;
	fails(&part, VC_INVALID_IMAGE, "of its rows are missing", "arithmetic coding, most of it cut off");
	free(image.data);
}

/* `count` stray bytes, each before a comment. */
static made_jpeg
with_warnings(const made_jpeg *image, int count)
{
	size_t		size = (size_t) count * 5;
	uint8_t    *bytes = malloc(size);
	made_jpeg	result;

	for (int i = 0; i < count; i++)
		memcpy(bytes + i * 5, "\x01\xff\xfe\x00\x02", 5);
	result = with_bytes(image, 2, bytes, size);
	free(bytes);
	return result;
}

static void
test_warnings(void)
{
	jpeg_recipe recipe = {16, 16, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, plain_grey, false, 0, NULL, 0};
	made_jpeg	image = make_jpeg(&recipe);
	made_jpeg	some = with_warnings(&image, 1000);
	made_jpeg	many = with_warnings(&image, 1001);
	vc_error	error;

	ok(load(&some, VC_RESIZE_SQUISH, &error) == VC_OK && off_colour(100, 100, 100) <= 1,
	   "1000 warnings");
	fails(&many, VC_INVALID_IMAGE, "more than 1000 places", "1001 warnings");
	free(image.data);
	free(some.data);
	free(many.data);
}

/* Scans of one coefficient each, refined bit by bit. */
static void
test_scans(int count, bool accepted)
{
	jpeg_recipe recipe = {16, 16, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, ramp_grey, true, 0, NULL, count};
	jpeg_scan_info *scans = calloc((size_t) count, sizeof(*scans));
	made_jpeg	image;
	vc_error	error;

	scans[0].comps_in_scan = 1;
	for (int i = 1; i < count; i++)
	{
		scans[i].comps_in_scan = 1;
		scans[i].Ss = scans[i].Se = 1 + (i - 1) % 63;
		scans[i].Ah = i <= 63 ? 0 : 1;
		scans[i].Al = i <= 63 ? 1 : 0;
	}
	recipe.scans = scans;
	image = make_jpeg(&recipe);
	if (accepted)
		ok(load(&image, VC_RESIZE_SQUISH, &error) == VC_OK, "%d scans", count);
	else
		fails(&image, VC_INVALID_IMAGE, "more than 100 scans", "101 scans");
	free(image.data);
	free(scans);
}

static void
test_exif(void)
{
	uint8_t		little[] = {
		'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0,
		1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0
	};
	bool		calm = true;

	ok(vc_exif_orientation(little, sizeof(little)) == 6, "little-endian EXIF");
	for (size_t size = 0; size < sizeof(little); size++)
	{
		uint8_t    *copy = malloc(size + 1);

		memcpy(copy, little, size);
		if (vc_exif_orientation(copy, size) != 0)
			calm = false;
		free(copy);
	}
	ok(calm, "cut EXIF states nothing");
	little[18] = 4;
	ok(vc_exif_orientation(little, sizeof(little)) == 6, "a long orientation");
	little[18] = 2;
	ok(vc_exif_orientation(little, sizeof(little)) == 0, "a text orientation");
	little[18] = 3;
	little[24] = 9;
	ok(vc_exif_orientation(little, sizeof(little)) == 0, "orientation 9");
	little[24] = 6;
	little[15] = 0xff;
	little[16] = 0x11;
	ok(vc_exif_orientation(little, sizeof(little)) == 0, "more entries than bytes");
	memset(little + 10, 0xff, 4);
	ok(vc_exif_orientation(little, sizeof(little)) == 0, "a directory far away");
}

/* Puts an APP1 segment with XMP behind the start of an image. */
static made_jpeg
with_xmp(const made_jpeg *image, const char *packet)
{
	static const char name[] = "http://ns.adobe.com/xap/1.0/";
	size_t		length = 2 + sizeof(name) + strlen(packet);
	made_jpeg	made = {malloc(image->size + 2 + length), image->size + 2 + length};
	uint8_t    *to = made.data;

	memcpy(to, image->data, 2);
	memcpy(to + 2, (uint8_t[]) {0xff, 0xe1, (uint8_t) (length >> 8), (uint8_t) length}, 4);
	memcpy(to + 6, name, sizeof(name));
	memcpy(to + 6 + sizeof(name), packet, strlen(packet));
	memcpy(to + 4 + length, image->data + 2, image->size - 2);
	return made;
}

static void
test_xmp(void)
{
	static const struct
	{
		const char *packet;
		int			stated;
		int			upright;	/* the image's, whose EXIF says what `exif` is */
		int			exif;
	}			cases[] = {
		{"<x tiff:Orientation=\"6\"/>", 6, 6, 0},
		{"<x tiff:Orientation = '8' />", 8, 8, 0},
		{"<tiff:Orientation>3</tiff:Orientation>", 3, 3, 0},
		{"<tiff:Orientation>\n 5</tiff:Orientation>", 5, 5, 0},
		{"<x tiff:Orientation=\"6\"/>", 6, 3, 3},
		{"<x tiff:Orientation=\"6\"/>", 6, 1, 1},
		{"<x tiff:Orientation=\"9\"/>", 0, 1, 0},
		{"<x tiff:Orientation=\"\"/>", 0, 1, 0},
		{"tiff:Orientation", 0, 1, 0},
		{"tiff:Orientation=", 0, 1, 0},
		{"t tiff:Orient tiff:Orientation=\"2\"", 2, 2, 0},
		{"", 0, 1, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		jpeg_recipe recipe = {32, 16, 3, JCS_RGB, JCS_YCbCr, plain_rgb,.orientation = cases[i].exif};
		made_jpeg	image = make_jpeg(&recipe);
		made_jpeg	with = with_xmp(&image, cases[i].packet);
		vc_image_info info = {0};
		vc_status	status = vc_image_header(with.data, with.size, &info, NULL);

		ok(vc_xmp_orientation((const uint8_t *) cases[i].packet, strlen(cases[i].packet)) == cases[i].stated &&
		   status == VC_OK && info.orientation == cases[i].upright && (info.width == 16) == (cases[i].upright > 4),
		   "XMP %s, EXIF %d", i == 3 ? "with a line's end" : cases[i].packet, cases[i].exif);
		free(image.data);
		free(with.data);
	}
}

static void
test_names(void)
{
	vc_resize	resize = VC_RESIZE_SQUISH;

	ok(vc_resize_from_name("pad", &resize) && resize == VC_RESIZE_PAD, "pad");
	ok(vc_resize_from_name("crop", &resize) && resize == VC_RESIZE_CROP, "crop");
	ok(vc_resize_from_name("squish", &resize) && resize == VC_RESIZE_SQUISH, "squish");
	ok(!vc_resize_from_name("Squish", &resize) && !vc_resize_from_name("", &resize),
	   "no other name");
}

int
main(void)
{
	test_names();
	test_exif();
	test_xmp();
	test_colours();
	test_orientations();
	test_resizes();
	test_scaled_decoding();
	test_other_formats();
	test_limits();
	test_truncated(false);
	test_truncated(true);
	test_flaws(false);
	test_flaws(true);
	test_arithmetic();
	test_warnings();
	test_scans(64, true);
	test_scans(100, true);
	test_scans(101, false);
	return done();
}

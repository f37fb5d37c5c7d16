/*
 * test_formats.c
 *		PNG, TIFF, WebP and JPEG 2000: the pixels that were written; files that are cut
 *		off, or changed in a byte; memory that is short.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "test/unit/format_maker.h"
#include "engine/image/image.h"
#include "test/unit/tap.h"

#define SIDE	24
#define LARGE	300

typedef made_file (*make_function) (const file_recipe *);

typedef struct known_file
{
	const char *what;
	make_function make;
	file_recipe recipe;
} known_file;

static const known_file known[] = {
	{"PNG, grey", make_png, {.side = SIDE,.channels = 1,.bits = 8}},
	{"PNG, bilevel", make_png, {.side = SIDE,.channels = 1,.bits = 1}},
	{"PNG, grey of 16 bits", make_png, {.side = SIDE,.channels = 1,.bits = 16}},
	{"PNG, RGB", make_png, {.side = SIDE,.channels = 3,.bits = 8}},
	{"PNG, RGB of 16 bits, interlaced", make_png, {.side = SIDE,.channels = 3,.bits = 16,.interlaced = true}},
	{"PNG, grey and alpha", make_png, {.side = SIDE,.channels = 2,.bits = 8}},
	{"PNG, RGBA, interlaced", make_png, {.side = SIDE,.channels = 4,.bits = 8,.interlaced = true}},
	{"PNG, a pixel", make_png, {.side = 1,.channels = 3,.bits = 8,.interlaced = true}},
	{"TIFF, grey", make_tiff, {.side = SIDE,.channels = 1,.bits = 8,.compression = COMPRESSION_NONE,.photometric = PHOTOMETRIC_MINISBLACK}},
	{"TIFF, bilevel, G4", make_tiff, {.side = SIDE,.channels = 1,.bits = 1,.compression = COMPRESSION_CCITTFAX4,.photometric = PHOTOMETRIC_MINISBLACK}},
	{"TIFF, bilevel, G3", make_tiff, {.side = SIDE,.channels = 1,.bits = 1,.compression = COMPRESSION_CCITTFAX3,.photometric = PHOTOMETRIC_MINISBLACK}},
	{"TIFF, grey of 16 bits", make_tiff, {.side = SIDE,.channels = 1,.bits = 16,.compression = COMPRESSION_LZW,.photometric = PHOTOMETRIC_MINISBLACK}},
	{"TIFF, RGB, LZW", make_tiff, {.side = SIDE,.channels = 3,.bits = 8,.compression = COMPRESSION_LZW,.photometric = PHOTOMETRIC_RGB}},
	{"TIFF, RGB, deflate, tiles", make_tiff, {.side = SIDE,.channels = 3,.bits = 8,.compression = COMPRESSION_ADOBE_DEFLATE,.photometric = PHOTOMETRIC_RGB,.tiled = true}},
	{"TIFF, RGB, PackBits", make_tiff, {.side = SIDE,.channels = 3,.bits = 8,.compression = COMPRESSION_PACKBITS,.photometric = PHOTOMETRIC_RGB}},
	{"TIFF, RGBA", make_tiff, {.side = SIDE,.channels = 4,.bits = 8,.compression = COMPRESSION_NONE,.photometric = PHOTOMETRIC_RGB}},
	{"TIFF, grey and alpha", make_tiff, {.side = SIDE,.channels = 2,.bits = 8,.compression = COMPRESSION_NONE,.photometric = PHOTOMETRIC_MINISBLACK}},
	{"TIFF, turned", make_tiff, {.side = SIDE,.channels = 3,.bits = 8,.compression = COMPRESSION_NONE,.photometric = PHOTOMETRIC_RGB,.orientation = 6}},
	{"WebP, RGB", make_webp, {.side = SIDE,.channels = 3,.bits = 8}},
	{"WebP, RGBA", make_webp, {.side = SIDE,.channels = 4,.bits = 8}},
	{"JPEG 2000, grey", make_jpeg2000, {.side = SIDE,.channels = 1,.bits = 8}},
	{"JPEG 2000, RGB, JP2", make_jpeg2000, {.side = SIDE,.channels = 3,.bits = 8,.boxes = true}},
	{"JPEG 2000, RGBA, JP2", make_jpeg2000, {.side = SIDE,.channels = 4,.bits = 8,.boxes = true}},
	{"JPEG 2000, grey and alpha, JP2", make_jpeg2000, {.side = SIDE,.channels = 2,.bits = 8,.boxes = true}},
	{"JPEG 2000, RGB of 16 bits", make_jpeg2000, {.side = SIDE,.channels = 3,.bits = 16}},
	{"PNG, large, interlaced", make_png, {.side = LARGE,.channels = 4,.bits = 8,.interlaced = true}},
	{"TIFF, large, tiles", make_tiff, {.side = LARGE,.channels = 3,.bits = 8,.compression = COMPRESSION_ADOBE_DEFLATE,.photometric = PHOTOMETRIC_RGB,.tiled = true}},
	{"WebP, large", make_webp, {.side = LARGE,.channels = 4,.bits = 8}},
	{"JPEG 2000, large, tiles", make_jpeg2000, {.side = LARGE,.channels = 4,.bits = 8,.tiled = true,.boxes = true}},
	{"JPEG 2000, large", make_jpeg2000, {.side = LARGE,.channels = 3,.bits = 8}},
	{"JPEG 2000, RGB, tiles", make_jpeg2000, {.side = SIDE,.channels = 3,.bits = 8,.tiled = true}},
};

#define COUNT	((int) (sizeof(known) / sizeof(known[0])))

static uint8_t pixels[LARGE * LARGE * 3];

static vc_status
load(const uint8_t *data, size_t size, int side, vc_flaw *flaw, vc_error *error)
{
	vc_decode_options options = {side, VC_RESIZE_SQUISH, {.pixels = 1000000,.memory = 256 * 1024 * 1024}};

	memset(error, 0, sizeof(*error));
	return vc_image_load(data, size, &options, pixels, flaw, error);
}

/* The sample of the upright picture on white. */
static int
expected_sample(const file_recipe *r, int x, int y, int c)
{
	int			colours = r->channels < 3 ? 1 : 3;
	int			from_x = r->orientation == 6 ? y : x;
	int			from_y = r->orientation == 6 ? r->side - 1 - x : y;
	int			sample = made_sample(r, from_x, from_y, c < colours ? c : 0);
	int			alpha = made_sample(r, from_x, from_y, colours);

	return r->channels % 2 != 0 ? sample : (sample * alpha + 255 * (255 - alpha) + 127) / 255;
}

/* The pixels are those that were written, but for rounding of alpha. */
static void
test_pixels(const known_file *k, const made_file *file)
{
	vc_flaw		flaw;
	vc_error	error;
	int			side = k->recipe.side;
	vc_image_info info = {0};
	int			worst = 0;

	if (!ok(load(file->data, file->size, side, &flaw, &error) == VC_OK && flaw.text[0] == '\0', "%s is decoded", k->what))
	{
		diag("%s%s", error.message, flaw.text);
		return;
	}
	for (int i = 0; i < side * side * 3; i++)
	{
		int			off = abs(pixels[i] - expected_sample(&k->recipe, i / 3 % side, i / 3 / side, i % 3));

		worst = off > worst ? off : worst;
	}
	ok(worst <= (k->recipe.channels % 2 == 0 ? 1 : 0), "%s has its pixels: off by %d", k->what, worst);
	ok(vc_image_header(file->data, file->size, &info, &error) == VC_OK && info.complete && info.width == side &&
	   info.height == side && info.components == k->recipe.channels &&
	   info.orientation == (k->recipe.orientation != 0 ? k->recipe.orientation : 1), "%s says what it is", k->what);
}

/* However much is missing: a flaw that says so or an error; never complete but for what follows the end. */
static void
test_cut(const known_file *k, const made_file *file)
{
	int			silent = 0;
	int			nameless = 0;

	for (size_t size = 1; size < file->size; size++)
	{
		uint8_t    *part = malloc(size);	/* so that a read too far is one of AddressSanitizer's */
		vc_flaw		flaw = {""};
		vc_error	error;
		vc_image_info info = {0};
		vc_status	status;

		memcpy(part, file->data, size);
		status = load(part, size, k->recipe.side, &flaw, &error);
		if (status == VC_OK && flaw.text[0] == '\0' &&
			(vc_image_header(part, size, &info, &error) != VC_OK || !info.complete))
			silent++;
		if (status != VC_OK && error.message[0] == '\0')
			nameless++;
		free(part);
	}
	ok(silent == 0 && nameless == 0, "%s, cut off anywhere, says so: %d do not", k->what, silent + nameless);
}

/* Any byte may be wrong. */
static void
test_changed(const known_file *k, const made_file *file)
{
	int			nameless = 0;

	for (size_t i = 0; i < file->size; i++)
		for (int change = 0; change < 3; change++)
		{
			static const uint8_t changes[] = {0x01, 0x80, 0xff};
			vc_flaw		flaw;
			vc_error	error;
			vc_image_info info;

			file->data[i] ^= changes[change];
			if (load(file->data, file->size, k->recipe.side, &flaw, &error) != VC_OK && error.message[0] == '\0')
				nameless++;
			vc_image_header(file->data, file->size, &info, &error);
			file->data[i] ^= changes[change];
		}
	ok(nameless == 0, "%s, changed anywhere, gives pixels or a reason", k->what);
}

/* The sanitizers, which only clang builds with here, have a malloc of their own. */
#if defined(__GLIBC__) && !defined(__clang__)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

/* Bytes that are allocated, the most that were, and that may be. */
static size_t live = 0;
static size_t peak = 0;
static size_t most = SIZE_MAX;

static bool
refused(size_t bytes)
{
	return bytes > most || live > most - bytes;
}

static void *
count_block(void *block)
{
	live += block != NULL ? malloc_usable_size(block) : 0;
	peak = live > peak ? live : peak;
	return block;
}

void *
malloc(size_t size)
{
	return refused(size) ? NULL : count_block(__libc_malloc(size));
}

void *
calloc(size_t count, size_t size)
{
	return refused(count * size) ? NULL : count_block(__libc_calloc(count, size));
}

void *
realloc(void *old, size_t size)
{
	size_t		before = old != NULL ? malloc_usable_size(old) : 0;
	void	   *block;

	if (refused(size > before ? size - before : 0))
		return NULL;
	block = __libc_realloc(old, size);
	if (block != NULL || size == 0)
		live -= before;
	return count_block(block);
}

int
posix_memalign(void **block, size_t alignment, size_t size)
{
	*block = refused(size) ? NULL : count_block(__libc_memalign(alignment, size));
	return *block != NULL ? 0 : ENOMEM;
}

void
free(void *block)
{
	live -= block != NULL ? malloc_usable_size(block) : 0;
	__libc_free(block);
}

/*
 * However little memory there is: pixels, or an error of memory.  The library must never
 * be the one that is refused, as far as what was counted before is enough.
 */
static void
test_memory(const known_file *k, const made_file *file)
{
	size_t		before = live;
	size_t		highest;
	int			wrong = 0;
	int			limited = 0;
	vc_flaw		flaw;
	vc_error	error;

	peak = live;
	load(file->data, file->size, k->recipe.side, &flaw, &error);
	highest = peak - before;
	for (int i = 0; i <= 200; i++)
	{
		vc_status	status;

		most = before + highest * (size_t) i / 200;
		status = load(file->data, file->size, k->recipe.side, &flaw, &error);
		most = SIZE_MAX;
		limited += status == VC_OUT_OF_MEMORY;
		wrong += status == VC_OK ? flaw.text[0] != '\0' : status != VC_OUT_OF_MEMORY || error.message[0] == '\0';
	}
	ok(limited > 100 && wrong == 0 && live == before, "%s, with less memory than it takes (%zu bytes), says so: %d do not",
	   k->what, highest, wrong);
}
#else
static void
test_memory(const known_file *k, const made_file *file)
{
	(void) file;
	skip(k->what, "no malloc of its own");
}
#endif

int
main(void)
{
	for (int i = 0; i < COUNT; i++)
	{
		made_file	file = known[i].make(&known[i].recipe);

		if (!ok(file.size > 0, "%s is made", known[i].what))
			continue;
		test_pixels(&known[i], &file);
		if (known[i].recipe.side <= SIDE)
		{
			test_cut(&known[i], &file);
			test_changed(&known[i], &file);
		}
		test_memory(&known[i], &file);
		free(file.data);
	}
	return done();
}

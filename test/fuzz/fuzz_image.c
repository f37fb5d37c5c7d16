/*
 * fuzz_image.c
 *		libFuzzer's entry to the image side: any bytes give pixels or a message.
 *
 * The last byte picks the way of resizing, so that JPEG files are a corpus.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/image/image.h"

#define SIZE	32

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A failure says why. */
static void
check(vc_status status, const vc_error *error)
{
	if (status != VC_OK && (error->code != status || error->message[0] == '\0'))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[SIZE * SIZE * 3];
	vc_decode_options options = {SIZE, VC_RESIZE_SQUISH, {.pixels = 512 * 512}};
	vc_image_info info;
	vc_flaw		flaw;
	vc_error	error;

	if (size > 0)
		options.resize = (vc_resize) (data[size - 1] % 3);
	memset(&error, 0, sizeof(error));
	check(vc_image_header(data, size, &info, &error), &error);
	memset(&error, 0, sizeof(error));
	check(vc_image_load(data, size, &options, out, &flaw, &error), &error);
	return 0;
}

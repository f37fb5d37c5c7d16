/*
 * test_awkward.c
 *		Images that break decoders: pixels or a message, never a crash.
 *
 * The images are not part of the project: they lie in awkward/ in the folder
 * that the environment variable VISCLF_DATA names, ../shared/data by default,
 * with a table, INDEX.tsv, of what Pillow makes of each.
 */
#include "test/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/image/image.h"

#define SIZE		32
#define MAX_PIXELS	100000000

/* The bytes of a file. */
typedef struct image_file
{
	uint8_t    *data;
	size_t		size;
} image_file;

/* Reads a file whole. */
static image_file
read_file(const char *path)
{
	image_file	file = {NULL, 0};
	FILE	   *stream = fopen(path, "rb");

	if (stream == NULL)
		return file;
	fseek(stream, 0, SEEK_END);
	file.data = malloc((size_t) ftell(stream) + 1);
	file.size = (size_t) ftell(stream);
	rewind(stream);
	file.size = fread(file.data, 1, file.size, stream);
	fclose(stream);
	return file;
}

/* All resizes of one file, and its header: OK, or a message. */
static vc_status
try_file(const image_file *file, const char *name)
{
	static uint8_t out[SIZE * SIZE * 3];
	vc_error	error = {0};
	vc_image_info info;
	vc_flaw		flaw;
	vc_status	status = VC_OK;

	if (vc_image_header(file->data, file->size, &info, &error) != VC_OK &&
		error.message[0] == '\0')
		ok(false, "%s: message from its header", name);
	for (int mode = VC_RESIZE_SQUISH; mode <= VC_RESIZE_PAD; mode++)
	{
		vc_decode_options options = {SIZE, (vc_resize) mode, {.pixels = MAX_PIXELS}};

		memset(&error, 0, sizeof(error));
		status = vc_image_load(file->data, file->size, &options, out, &flaw, &error);
		if (status != VC_OK && (error.code != status || error.message[0] == '\0'))
			ok(false, "%s: message", name);
	}
	return status;
}

/*
 * Whether INDEX.tsv says that Pillow decodes the file as JPEG.  One of those
 * is not for us: 27_max_size.jpg is 65535 pixels wide, and libjpeg's limit is
 * 65500.
 */
static bool
should_load(const char *line)
{
	const char *verdict = strrchr(line, '\t');

	return verdict != NULL && strncmp(verdict, "\tJPEG ", 6) == 0 &&
		strlen(verdict) > 4 && strcmp(verdict + strlen(verdict) - 3, " ok") == 0 &&
		strncmp(line, "27_max_size.jpg\t", 16) != 0;
}

/* Whether INDEX.tsv says that the file is of another format. */
static bool
should_fail(const char *line)
{
	const char *verdict = strrchr(line, '\t');

	return verdict != NULL && strncmp(verdict, "\tJPEG", 5) != 0 &&
		strncmp(verdict, "\tMPO", 4) != 0 && strncmp(verdict, "\topen", 5) != 0;
}

/* Whether the header of a file can be read, so that its format is one of those that were built. */
static bool
is_known(const image_file *file)
{
	vc_image_info info;
	vc_error	error;

	return vc_image_header(file->data, file->size, &info, &error) == VC_OK;
}

static void
test_awkward(const char *directory)
{
	char		path[4096];
	char		line[4096];
	FILE	   *index;
	int			tried = 0;

	snprintf(path, sizeof(path), "%s/awkward/INDEX.tsv", directory);
	index = fopen(path, "r");
	if (index == NULL)
	{
		skip("awkward images", "VISCLF_DATA has no awkward/INDEX.tsv");
		return;
	}
	while (fgets(line, sizeof(line), index) != NULL)
	{
		size_t		length = strcspn(line, "\t");
		image_file	file;
		vc_status	status;

		line[strcspn(line, "\n")] = '\0';
		snprintf(path, sizeof(path), "%s/awkward/%.*s", directory, (int) length, line);
		if (strncmp(line, "file\t", 5) == 0)
			continue;
		file = read_file(path);
		if (file.data == NULL)
			continue;
		line[length] = '\0';
		status = try_file(&file, line);
		line[length] = '\t';
		tried++;
		if (should_load(line))
			ok(status == VC_OK, "%.*s loads", (int) length, line);
		else if (should_fail(line))
			ok(status == VC_INVALID_IMAGE || (status == VC_OK && is_known(&file)),
			   "%.*s is refused, or loads where its format is built", (int) length, line);
		free(file.data);
	}
	fclose(index);
	ok(tried > 50, "%d awkward images tried", tried);
}

/* Runs the awkward images with stderr caught: it must stay empty. */
int
main(void)
{
	const char *directory = getenv("VISCLF_DATA");
	FILE	   *caught = tmpfile();
	int			before = dup(STDERR_FILENO);

	if (caught == NULL || before < 0)
	{
		ok(false, "stderr can be caught");
		return done();
	}
	fflush(stderr);
	dup2(fileno(caught), STDERR_FILENO);
	test_awkward(directory != NULL ? directory : "../shared/data");
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	ok(lseek(fileno(caught), 0, SEEK_END) == 0, "nothing was written to stderr");
	fclose(caught);
	return done();
}

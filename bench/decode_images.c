/*
 * decode_images.c
 *		Decodes image files as classification does, for check_images.py.
 *
 *   decode_images [-s SIZE] [-m squish|crop|pad] [-r ROUNDS] [-o FILE] IMAGE...
 *
 * Writes SIZE*SIZE*3 bytes an image to FILE (zeros where it failed), and one
 * line an image to stdout: its status, path and what is wrong with it.  With -r, reads the
 * files once, decodes them all ROUNDS times by one thread, and prints only
 * the images a second of the whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/image/image.h"

typedef struct file
{
	const char *path;
	uint8_t    *data;
	size_t		size;
} file;

/* Seconds by the monotonic clock. */
static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* Reads a file whole. */
static file
read_file(const char *path)
{
	file		f = {path, NULL, 0};
	FILE	   *stream = fopen(path, "rb");
	long		size;

	if (stream == NULL || fseek(stream, 0, SEEK_END) != 0 ||
		(size = ftell(stream)) < 0)
	{
		perror(path);
		exit(1);
	}
	rewind(stream);
	f.data = malloc((size_t) size + 1);
	f.size = f.data == NULL ? 0 : fread(f.data, 1, (size_t) size, stream);
	fclose(stream);
	return f;
}

/* Decodes every file `rounds` times and prints images a second. */
static void
time_files(const file *files, int count, int rounds,
		   const vc_decode_options *options, uint8_t *out)
{
	double		start = now();
	double		seconds;

	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < count; i++)
			vc_image_load(files[i].data, files[i].size, options, out, NULL, NULL);
	seconds = now() - start;
	printf("%.2f\n", (double) count * rounds / seconds);
}

/* Decodes every file once, to `stream` where it is not NULL. */
static void
write_files(const file *files, int count, const vc_decode_options *options,
			uint8_t *out, FILE *stream)
{
	size_t		bytes = (size_t) options->size * options->size * 3;

	for (int i = 0; i < count; i++)
	{
		vc_error	error = {0};
		vc_flaw		flaw = {""};
		vc_status	status = vc_image_load(files[i].data, files[i].size,
										   options, out, &flaw, &error);

		if (status != VC_OK)
			memset(out, 0, bytes);
		if (stream != NULL)
			fwrite(out, 1, bytes, stream);
		printf("%d\t%s\t%s\n", (int) status, files[i].path, status == VC_OK ? flaw.text : error.message);
	}
}

int
main(int argc, char **argv)
{
	vc_decode_options options = {224, VC_RESIZE_SQUISH, {.pixels = 100000000}};
	FILE	   *stream = NULL;
	int			rounds = 0;
	int			option;
	int			count;
	file	   *files;
	uint8_t    *out;

	while ((option = getopt(argc, argv, "s:m:r:o:")) != -1)
	{
		if (option == 's')
			options.size = atoi(optarg);
		else if (option == 'r')
			rounds = atoi(optarg);
		else if (option == 'o')
			stream = fopen(optarg, "wb");
		else if (option != 'm' || !vc_resize_from_name(optarg, &options.resize))
			return 2;
	}
	count = argc - optind;
	files = calloc((size_t) count + 1, sizeof(*files));
	out = malloc((size_t) options.size * options.size * 3);
	if (files == NULL || out == NULL)
		return 1;
	for (int i = 0; i < count; i++)
		files[i] = read_file(argv[optind + i]);

	if (rounds > 0)
		time_files(files, count, rounds, &options, out);
	else
		write_files(files, count, &options, out, stream);

	for (int i = 0; i < count; i++)
		free(files[i].data);
	free(files);
	free(out);
	return stream != NULL && fclose(stream) != 0;
}

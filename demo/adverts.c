/*
 * adverts.c
 *		Makes synthetic 19th-century newspaper adverts, some with an engraved
 *		picture, and what a catalogue would know of them: as rows for COPY, or
 *		as files.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "demo/adverts.h"

#define MOST_ADVERTS	10000000L
#define SHORTEST_SIDE	180.0f
#define LONGEST_SIDE	520.0f

/* Streams of an advert's random numbers; catalogue.c uses 0. */
enum
{
	STREAM_PAGE = 1,
	STREAM_SCAN,
	STREAM_LABEL
};

typedef struct options
{
	uint64_t	seed;
	long		count;
	long		labelled;
	const char *directory;		/* NULL: COPY rows to stdout */
} options;

static const char usage[] =
"Makes synthetic newspaper adverts for trying visclf.\n"
"\n"
"Usage: adverts [OPTION]...\n"
"\n"
"  --count N        how many adverts (default 2000)\n"
"  --labelled N     how many of them have a label (default 400, at most\n"
"                   the count); the others' is NULL\n"
"  --seed N         other adverts (default 1)\n"
"  --directory DIR  write DIR/000001.jpg ... and DIR/adverts.csv\n"
"  --help           show this and exit\n"
"\n"
"Without --directory, writes to standard output the rows of\n"
"  CREATE TABLE adverts (id bigint, newspaper text, place text,\n"
"                        published date, label text, truth text,\n"
"                        image bytea);\n"
"in COPY's text format.\n";

static void
bad_usage(const char *what, const char *value)
{
	fprintf(stderr, "adverts: %s: %s\nTry \"adverts --help\".\n", what, value);
	exit(2);
}

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "adverts: %s: %s\n", what, why);
	exit(1);
}

static long
number(const char *option, const char *text, long least, long most)
{
	char	   *end;
	long		value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || *end || errno || value < least || value > most)
	{
		fprintf(stderr, "adverts: %s must be a whole number from %ld to %ld, "
				"not \"%s\"\n", option, least, most, text);
		exit(2);
	}
	return value;
}

static options
read_options(int argc, char **argv)
{
	options		options = {.seed = 1, .count = 2000, .labelled = -1};

	for (int i = 1; i < argc; i++)
	{
		const char *name = argv[i];

		if (strcmp(name, "--help") == 0)
		{
			fputs(usage, stdout);
			exit(fflush(stdout) == 0 ? 0 : 1);
		}
		if (strcmp(name, "--seed") != 0 && strcmp(name, "--count") != 0 &&
			strcmp(name, "--labelled") != 0 && strcmp(name, "--directory") != 0)
			bad_usage("unknown option", name);
		if (++i == argc)
			bad_usage("a value is missing after", name);
		if (strcmp(name, "--seed") == 0)
			options.seed = (uint64_t) number(name, argv[i], 0, 2147483647L);
		else if (strcmp(name, "--count") == 0)
			options.count = number(name, argv[i], 0, MOST_ADVERTS);
		else if (strcmp(name, "--labelled") == 0)
			options.labelled = number(name, argv[i], 0, MOST_ADVERTS);
		else
			options.directory = argv[i];
	}
	if (options.labelled < 0)
		options.labelled = options.count < 400 ? options.count : 400;
	if (options.labelled > options.count)
		bad_usage("more labels than adverts", "--labelled is above --count");
	return options;
}

/* A page of random size, its aspect ratio within 0.4 to 2.5. */
static bool
new_page(dice *dice, page *page)
{
	float		width;
	float		height;
	float		skew = 0.012f * between(dice, -1, 1);	/* radians */

	skew += 0.012f * between(dice, -1, 1);
	do
	{
		width = between(dice, SHORTEST_SIDE, LONGEST_SIDE);
		height = between(dice, SHORTEST_SIDE, LONGEST_SIDE);
	} while (width / height > 2.5f || height / width > 2.5f);

	page->width = (int) width;
	page->height = (int) height;
	page->cosine = cosf(skew);
	page->sine = sinf(skew);
	page->erase = false;
	page->ink = calloc((size_t) page->width * page->height, sizeof(float));
	return page->ink != NULL;
}

/* Draws and scans one advert. */
static void
make_advert(const options *options, const record *record, jpeg *out)
{
	uint64_t	stream = (uint64_t) record->id * 4;
	dice		page_dice = {options->seed, stream + STREAM_PAGE, 0};
	dice		scan_dice = {options->seed, stream + STREAM_SCAN, 0};
	page		page;

	if (!new_page(&page_dice, &page))
		fail("page", "out of memory");
	compose_advert(&page, &page_dice, record->illustrated);
	if (!scan_page(&page, &scan_dice, out))
		fail("scan", "out of memory");
	free(page.ink);
}

static const char *
class_of(const record *record)
{
	return record->illustrated ? "illustrations" : "text-only";
}

/* Writes a row of COPY's text format. */
static void
write_row(const record *record, bool labelled, const jpeg *image)
{
	static const char hex[] = "0123456789abcdef";
	char	   *text = malloc(2 * image->size + 1);

	if (text == NULL)
		fail("row", "out of memory");
	for (size_t i = 0; i < image->size; i++)
	{
		text[2 * i] = hex[image->data[i] >> 4];
		text[2 * i + 1] = hex[image->data[i] & 15];
	}
	text[2 * image->size] = '\n';
	printf("%ld\t%s\t%s\t%04d-%02d-%02d\t%s\t%s\t\\\\x", record->id,
		   record->newspaper, record->place, record->year, record->month,
		   record->day, labelled ? class_of(record) : "\\N", class_of(record));
	if (fwrite(text, 1, 2 * image->size + 1, stdout) != 2 * image->size + 1)
		fail("standard output", strerror(errno));
	free(text);
}

/* Writes an image file and its line of the CSV file. */
static void
write_file(const char *directory, FILE *csv, const record *record,
		   bool labelled, const jpeg *image)
{
	char		path[4096];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%06ld.jpg", directory, record->id);
	file = fopen(path, "wb");
	if (file == NULL ||
		fwrite(image->data, 1, image->size, file) != image->size ||
		fclose(file) != 0)
		fail(path, strerror(errno));
	fprintf(csv, "%ld,%06ld.jpg,\"%s\",\"%s\",%04d-%02d-%02d,%s,%s\n",
			record->id, record->id, record->newspaper, record->place,
			record->year, record->month, record->day,
			labelled ? class_of(record) : "", class_of(record));
}

/* Makes the directory where it is missing, and opens its CSV file. */
static FILE *
open_directory(const char *directory)
{
	char		path[4096];
	FILE	   *csv;

	if (strlen(directory) > sizeof(path) - 32)
		bad_usage("too long", directory);
	if (mkdir(directory, 0777) != 0 && errno != EEXIST)
		fail(directory, strerror(errno));
	snprintf(path, sizeof(path), "%s/adverts.csv", directory);
	csv = fopen(path, "w");
	if (csv == NULL)
		fail(path, strerror(errno));
	fputs("id,file,newspaper,place,published,label,truth\n", csv);
	return csv;
}

int
main(int argc, char **argv)
{
	options		options = read_options(argc, argv);
	FILE	   *out = options.directory ? open_directory(options.directory) : stdout;
	long		labels_left = options.labelled;

	for (long id = 1; id <= options.count; id++)
	{
		dice		dice = {options.seed, (uint64_t) id * 4 + STREAM_LABEL, 0};
		long		adverts_left = options.count - id + 1;
		bool		labelled;
		record		record;
		jpeg		image;

		/* so that exactly as many as wanted get one, each alike */
		labelled = roll(&dice) * (double) adverts_left < (double) labels_left;
		labels_left -= labelled;
		catalogue_record(options.seed, id, &record);
		make_advert(&options, &record, &image);
		if (options.directory)
			write_file(options.directory, out, &record, labelled, &image);
		else
			write_row(&record, labelled, &image);
		free(image.data);
		if (ferror(out))
			fail("output", strerror(errno));
	}
	if (fclose(out) != 0)
		fail("output", strerror(errno));
	return 0;
}

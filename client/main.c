/*
 * main.c
 *		visclf-load: a folder of images and its catalogue into a table.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/load.h"
#include "client/message.h"
#include "engine/image/thumbnail.h"

#define MAX_PATTERNS 64

static const char usage[] =
"visclf-load loads image files, and what a catalogue says of them, into a table.\n"
"\n"
"  visclf-load [OPTION]... --table TABLE FOLDER...\n"
"\n"
"FOLDER is read with the folders in it; it may be a file as well.  TABLE is made where it\n"
"does not exist, else filled; files whose names are in it already are passed over, so\n"
"that the same command goes on where one before it stopped.\n"
"\n"
"  -t, --table TABLE          as in SQL: adverts, archive.adverts\n"
"  -c, --catalogue FILE       CSV with a header; its columns become those of the table\n"
"  -f, --file-column COLUMN   that has the files' names, relative to FOLDER (default file)\n"
"      --image-column COLUMN  that gets the images (default image)\n"
"      --key COLUMN           primary key of a table that is made (default the file column)\n"
"      --label-from-folder    a column gets the name of the folder in FOLDER that a file is in\n"
"      --label-column COLUMN  that column (default label)\n"
"      --include PATTERN      only such files, as '*.jpg'; may be given several times\n"
"      --encoding NAME        of the catalogue (default by its byte order mark, or UTF-8)\n"
"      --delimiter CHARACTER  of the catalogue (default found in its header)\n"
"      --max-size PIXELS      larger images are stored as JPEGs of this longer side\n"
"  -j, --threads N            read and shrink files (default the number of cores)\n"
"  -n, --dry-run              say what would be done\n"
"  -q, --quiet                say only what is wrong\n"
"  -d, --dbname DATABASE      or a connection string, or a URI\n"
"  -h, --host HOST, -p, --port PORT, -U, --username NAME\n"
"      --help, --version\n"
"\n"
"Returns 0, or 2 where files that were found could not be loaded, or 1 after an error.\n";

enum
{
	OPTION_IMAGE = 256, OPTION_KEY, OPTION_FROM_FOLDER, OPTION_LABEL, OPTION_INCLUDE, OPTION_ENCODING,
	OPTION_DELIMITER, OPTION_MAX_SIZE, OPTION_HELP, OPTION_VERSION
};

static const struct option long_options[] = {
	{"table", required_argument, NULL, 't'},
	{"catalogue", required_argument, NULL, 'c'},
	{"file-column", required_argument, NULL, 'f'},
	{"image-column", required_argument, NULL, OPTION_IMAGE},
	{"key", required_argument, NULL, OPTION_KEY},
	{"label-from-folder", no_argument, NULL, OPTION_FROM_FOLDER},
	{"label-column", required_argument, NULL, OPTION_LABEL},
	{"include", required_argument, NULL, OPTION_INCLUDE},
	{"encoding", required_argument, NULL, OPTION_ENCODING},
	{"delimiter", required_argument, NULL, OPTION_DELIMITER},
	{"max-size", required_argument, NULL, OPTION_MAX_SIZE},
	{"threads", required_argument, NULL, 'j'},
	{"dry-run", no_argument, NULL, 'n'},
	{"quiet", no_argument, NULL, 'q'},
	{"dbname", required_argument, NULL, 'd'},
	{"host", required_argument, NULL, 'h'},
	{"port", required_argument, NULL, 'p'},
	{"username", required_argument, NULL, 'U'},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0}
};

/* A whole number between two others. */
static int
number(const char *text, const char *option, int low, int high)
{
	char	   *end;
	long		value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < low || value > high)
		fatal(NULL, "--%s %s is not between %d and %d", option, text, low, high);
	return (int) value;
}

/* A delimiter, or "tab". */
static char
delimiter(const char *text)
{
	if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0)
		return '\t';
	if (strlen(text) != 1 || *text == '"' || *text == '\n' || (*text & 0x80))
		fatal(NULL, "--delimiter %s is not a character of ASCII, or \"tab\"", text);
	return *text;
}

/* Takes one option. */
static void
take_option(load_options *o, int option, const char *value)
{
	switch (option)
	{
		case 't': o->table = value; break;
		case 'c': o->catalogue = value; break;
		case 'f': o->file_column = value; break;
		case OPTION_IMAGE: o->image_column = value; break;
		case OPTION_KEY: o->key = value; break;
		case OPTION_FROM_FOLDER: o->label_from_folder = true; break;
		case OPTION_LABEL: o->label_column = value; break;
		case OPTION_ENCODING: o->encoding = value; break;
		case OPTION_DELIMITER: o->delimiter = delimiter(value); break;
		case OPTION_MAX_SIZE: o->max_size = number(value, "max-size", 16, VC_MAX_PICTURE); break;
		case 'j': o->threads = number(value, "threads", 1, 256); break;
		case 'n': o->dry_run = true; break;
		case 'q': o->quiet = true; break;
		case 'd': o->where.database = value; break;
		case 'h': o->where.host = value; break;
		case 'p': o->where.port = value; break;
		case 'U': o->where.user = value; break;
		case OPTION_INCLUDE:
			if (o->pattern_count == MAX_PATTERNS)
				fatal(NULL, "there are more than %d patterns", MAX_PATTERNS);
			o->patterns[o->pattern_count++] = value;
			break;
		case OPTION_HELP:
			fputs(usage, stdout);
			exit(EXIT_LOADED);
		case OPTION_VERSION:
			puts("visclf-load " VISCLF_VERSION);
			exit(EXIT_LOADED);
		default:
			fatal(NULL, "visclf-load --help says what there is");
	}
}

/* Fails for options that have no use. */
static void
check_options(const load_options *o)
{
	if (o->table == NULL || o->root_count == 0)
		fatal("visclf-load --help says what there is.", "--table and a folder are needed");
	if (o->catalogue == NULL && (o->encoding != NULL || o->delimiter != '\0'))
		fatal(NULL, "--encoding and --delimiter have no use without --catalogue");
	if (o->label_column != NULL && !o->label_from_folder)
		fatal("A catalogue's columns have their names from its header.", "--label-column has no use without --label-from-folder");
}

int
main(int argc, char **argv)
{
	static const char *patterns[MAX_PATTERNS];
	load_options options = {.patterns = patterns, .threads = (int) sysconf(_SC_NPROCESSORS_ONLN)};
	load		l = {.options = &options};
	int64_t		failed = 0;
	int			option;

	while ((option = getopt_long(argc, argv, "t:c:f:j:nqd:h:p:U:", long_options, NULL)) != -1)
		take_option(&options, option, optarg);
	options.roots = argv + optind;
	options.root_count = argc - optind;
	check_options(&options);
	if (options.file_column == NULL)
		options.file_column = "file";
	if (options.image_column == NULL)
		options.image_column = "image";
	if (options.label_column == NULL)
		options.label_column = "label";

	l.conn = server_connect(&options.where);
	table_find(&l);
	catalogue_load(&l);
	files_load(&l);
	table_types(&l);
	work_make(&l);
	table_make(&l);
	work_report(&l);
	if (options.dry_run)
		say("%lld files would be loaded into %s", (long long) server_integer(l.conn, "SELECT count(*) FROM pg_temp.visclf_work"), l.table);
	else
		failed = transfer(&l);
	PQfinish(l.conn);
	return failed > 0 || l.unreadable > 0 ? EXIT_LEFT_OUT : EXIT_LOADED;
}

/*
 * test_csv.c
 *		Catalogues as spreadsheets write them, and names of columns.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/column.h"
#include "client/csv.h"
#include "test/unit/tap.h"

static char path[] = "/tmp/test_csv.XXXXXX";

/* Writes the bytes of a catalogue to the file. */
static void
write_file(const char *bytes, size_t size)
{
	FILE	   *file = fopen(path, "wb");

	if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
}

/* All records as [a|b][c|d], or the error's message and hint. */
static const char *
read_all(const char *bytes, size_t size, const char *encoding, char delimiter)
{
	static char result[4096];
	csv_reader *csv = malloc(sizeof(*csv));
	vc_error	error;
	bool		more = true;
	vc_status	status;

	write_file(bytes, size);
	result[0] = '\0';
	status = csv_open(csv, path, encoding, delimiter, &error);
	while (status == VC_OK && more)
	{
		for (int i = 0; i < csv->count; i++)
			snprintf(result + strlen(result), sizeof(result) - strlen(result), "%s%s%s", i ? "|" : "[", csv_field(csv, i),
					 i + 1 < csv->count ? "" : "]");
		status = csv_next(csv, &more, &error);
	}
	if (status != VC_OK)
		snprintf(result, sizeof(result), "%s", error.message);
	csv_close(csv);
	free(csv);
	return result;
}

/* What a catalogue reads as. */
static void
is(const char *bytes, size_t size, const char *encoding, char delimiter, const char *expected, const char *what)
{
	const char *got = read_all(bytes, size, encoding, delimiter);

	if (!ok(strcmp(got, expected) == 0, "%s", what))
		diag("got %s, expected %s", got, expected);
}

/* What a catalogue is refused for, behind the file's name. */
static void
fails(const char *bytes, size_t size, const char *encoding, const char *part, const char *what)
{
	const char *got = read_all(bytes, size, encoding, 0);

	if (!ok(strstr(got, part) != NULL, "%s", what))
		diag("got %s, expected %s", got, part);
}

#define TEXT(string) string, sizeof(string) - 1

static void
test_records(void)
{
	is(TEXT("a,b\n1,2\n3,4\n"), NULL, 0, "[a|b][1|2][3|4]", "commas");
	is(TEXT("a,b\r\n1,2\r\n3,4"), NULL, 0, "[a|b][1|2][3|4]", "CRLF, no end of the last line");
	is(TEXT("a,b\r1,2\r3,4\r"), NULL, 0, "[a|b][1|2][3|4]", "CR");
	is(TEXT("a;b\n1,5;2\n"), NULL, 0, "[a|b][1,5|2]", "semicolons beside decimal commas");
	is(TEXT("a\tb\n1, x\t2\n"), NULL, 0, "[a|b][1, x|2]", "tabs");
	is(TEXT("a,b|c|d\n1|2|3\n"), NULL, 0, "[a,b|c|d][1|2|3]", "bars");
	is(TEXT("\"a;b;c\",d\n1,2\n"), NULL, 0, "[a;b;c|d][1|2]", "delimiters in quotes do not count");
	is(TEXT("a;b,c\n1;2,3\n"), NULL, ';', "[a|b,c][1|2,3]", "a delimiter that is said");
	is(TEXT("sep=;\r\na;b\r\n1;2\r\n"), NULL, 0, "[a|b][1|2]", "Excel's line that names the delimiter");
	is(TEXT("a,b\n\"1\n2\",\"x\"\"y\"\n"), NULL, 0, "[a|b][1\n2|x\"y]", "lines and quotes in quotes");
	is(TEXT("a,b\n,\"\"\n\n  \n1,\n"), NULL, 0, "[a|b][1|]", "empty lines are passed over");
	is(TEXT("a,b\nsay \"x\",5\" high\n"), NULL, 0, "[a|b][say \"x\"|5\" high]", "quotes within a field are letters");
	is(TEXT("only\nx\n"), NULL, 0, "[only][x]", "one column");
}

static void
test_encodings(void)
{
	is(TEXT("\xef\xbb\xbfort,name\nZ\xc3\xbcrich,x\n"), NULL, 0, "[ort|name][Z\xc3\xbcrich|x]", "a byte order mark");
	is(TEXT("\xef\xbb\xbf\"a\",b\n1,2\n"), NULL, 0, "[a|b][1|2]", "a byte order mark before a quote");
	is(TEXT("\xff\xfe" "a\0,\0b\0\n\0\xfc\0,\0" "2\0\n\0"), NULL, 0, "[a|b][\xc3\xbc|2]", "UTF-16, lowest byte first");
	is(TEXT("\xfe\xff\0a\0,\0b\0\n\0\xfc\0,\0" "2\0\n"), NULL, 0, "[a|b][\xc3\xbc|2]", "UTF-16, highest byte first");
	is(TEXT("a,b\nZ\xfcrich,\x80\n"), "windows-1252", 0, "[a|b][Z\xc3\xbcrich|\xe2\x82\xac]", "windows-1252");
	is(TEXT("a,b\nZ\x9frich,1\n"), "macintosh", 0, "[a|b][Z\xc3\xbcrich|1]", "macintosh");
	fails(TEXT("a,b\nx,y\nZ\xfcrich,1\n"), NULL, "line 3 of", "the line of what is no UTF-8");
	fails(TEXT("a,b\nx,\"\ny\xfc\"\n"), NULL, "line 3 of", "the line within quotes");
	fails(TEXT("a,b\nx,\xc3"), NULL, "has bytes that are no UTF-8", "a letter that is cut off");
	fails(TEXT("a\0,\0b\0\n\0"), NULL, "zero byte", "UTF-16 without a byte order mark");
	fails(TEXT("a,b\n"), "klingon", "encoding \"klingon\" is not known", "an encoding that is none");
}

static void
test_bad(void)
{
	fails(TEXT("a,b\n1,2\n1,2,3\n"), NULL, "line 3 of", "a field too many");
	fails(TEXT("a,b\n\"x\ny\",2\n1\n"), NULL, "line 4 of", "lines are counted in quotes");
	fails(TEXT("a,b\r\n\"x\r\ny\",2\r\n1\r\n"), NULL, "line 4 of", "and with CRLF");
	fails(TEXT("a,b\n1,\"2\n3,4\n"), NULL, "a quote of the record in line 2 of", "a quote that does not end");
	fails(TEXT(""), NULL, "has no header", "an empty file");
	fails(TEXT("\n \n"), NULL, "has no header", "nothing but empty lines");
}

/* Records that end at each place of the reader's buffer are whole. */
static void
test_borders(void)
{
	size_t		size = 3 * TEXT_RAW_BYTES + 11;
	char	   *bytes = malloc(size);
	csv_reader *csv = malloc(sizeof(*csv));
	vc_error	error;
	bool		more;
	int			records = 0;
	bool		good = true;
	size_t		at = 4;

	memcpy(bytes, "a,b\n", 4);
	while (at + 11 <= size)
	{
		memcpy(bytes + at, "\xc3\xbc\xc3\xbc,\"\"\"x\"\n", 11);
		at += 11;
	}
	write_file(bytes, at);
	good = csv_open(csv, path, NULL, 0, &error) == VC_OK;
	while (good && csv_next(csv, &more, &error) == VC_OK && more)
	{
		records++;
		good = strcmp(csv_field(csv, 0), "\xc3\xbc\xc3\xbc") == 0 && strcmp(csv_field(csv, 1), "\"x") == 0;
	}
	ok(good && records == (int) ((at - 4) / 11), "records across the buffer's borders: %d", records);
	csv_close(csv);
	free(csv);
	free(bytes);
}

/* What a field of the header becomes. */
static void
column_is(const char *field, const char *expected)
{
	char		name[COLUMN_NAME_BYTES + 1];

	column_name(field, 7, name);
	if (!ok(strcmp(name, expected) == 0, "\"%s\" becomes %s", field, expected))
		diag("got %s", name);
}

static void
test_columns(void)
{
	column_is("label", "label");
	column_is("Place of Publication", "place_of_publication");
	column_is("  Date (ISO)  ", "date_iso");
	column_is("1850s", "_1850s");
	column_is("Ann\xc3\xa9" "e", "ann\xc3\xa9" "e");
	column_is("", "column_7");
	column_is("???", "column_7");
	column_is("a\"; DROP TABLE x; --", "a_drop_table_x");
	column_is("x123456789012345678901234567890123456789012345678901234567890\xc3\xa9\xc3\xa9",
			  "x123456789012345678901234567890123456789012345678901234567890\xc3\xa9");
	column_is("xy123456789012345678901234567890123456789012345678901234567890\xc3\xa9",
			  "xy123456789012345678901234567890123456789012345678901234567890");
}

int
main(void)
{
	int			file = mkstemp(path);

	if (file < 0)
		return 1;
	close(file);
	test_records();
	test_encodings();
	test_bad();
	test_borders();
	test_columns();
	unlink(path);
	return done();
}

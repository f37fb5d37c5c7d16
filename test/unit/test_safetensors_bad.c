/*
 * test_safetensors_bad.c
 *		Files that are no safetensors files are refused with a reason.
 */
#include "engine/weights/safetensors.h"
#include "test/unit/safetensors_maker.h"
#include "test/unit/tap.h"

typedef struct bad_header
{
	const char *what;
	const char *header;
	size_t		data_size;
	const char *message;		/* a part of it */
} bad_header;

static const bad_header bad_headers[] = {
	{"no header", "", 0, "does not begin with"},
	{"a list", "[]", 0, "does not begin with"},
	{"space before the header", " {}", 0, "does not begin with"},
	{"an open object", "{", 0, "expected a string"},
	{"text after the header", "{}x", 0, "expected the end of the header"},
	{"two headers", "{}{}", 0, "expected the end of the header"},
	{"data that belong to no tensor", "{}", 3, "last 3 bytes belong to no tensor"},
	{"a name without quotes", "{t:1}", 0, "expected a string"},
	{"a name without colon", "{\"t\"}", 0, "expected \":\""},
	{"an endless name", "{\"t", 0, "end of a string"},
	{"a name that ends in a backslash", "{\"t\\", 0, "expected an escape"},
	{"an unknown escape", "{\"\\x41\":1}", 0, "expected an escape"},
	{"a short \\u", "{\"\\u00", 0, "hexadecimal"},
	{"a \\u without digits", "{\"\\u00g0\":1}", 0, "hexadecimal"},
	{"a low surrogate", "{\"\\udc00\":1}", 0, "surrogates"},
	{"a high surrogate alone", "{\"\\ud800\":1}", 0, "surrogates"},
	{"two high surrogates", "{\"\\ud800\\ud800\":1}", 0, "surrogates"},
	{"a name with a zero", "{\"\\u0000\":1}", 0, "U+0000"},
	{"a name with a line feed", "{\"a\nb\":1}", 0, "control characters"},
	{"overlong UTF-8", "{\"\xc0\xaf\":1}", 0, "UTF-8"},
	{"cut UTF-8", "{\"\xe2\x82", 0, "UTF-8"},
	{"a surrogate in UTF-8", "{\"\xed\xa0\x80\":1}", 0, "UTF-8"},
	{"UTF-8 over U+10FFFF", "{\"\xf4\x90\x80\x80\":1}", 0, "UTF-8"},
	{"a tensor that is a number", "{\"t\":1}", 0, "tensor \"t\": expected \"{\""},
	{"a tensor that is a list", "{\"t\":[[[[", 0, "tensor \"t\": expected \"{\""},
	{"a tensor that is null", "{\"t\":null}", 0, "tensor \"t\": expected \"{\""},
	{"a tensor without fields", T(""), 0, "tensor \"t\": expected a string"},
	{"no dtype", T(SHAPE("1") "," AT("0,4")), 4, "tensor \"t\": dtype is missing"},
	{"no shape", T(DTYPE("F32") "," AT("0,4")), 4, "tensor \"t\": shape is missing"},
	{"no offsets", T(DTYPE("F32") "," SHAPE("1")), 4, "tensor \"t\": data_offsets is missing"},
	{"two dtypes", T(DTYPE("F32") "," F32("1", "0,4")), 4, "tensor \"t\": dtype appears more than once"},
	{"two shapes", T(SHAPE("1") "," F32("1", "0,4")), 4, "tensor \"t\": shape appears more than once"},
	{"an unknown field", T(F32("1", "0,4") ",\"x\":1"), 4, "tensor \"t\": unknown field \"x\""},
	{"an unknown dtype", T(DTYPE("Q4") "," SHAPE("1") "," AT("0,4")), 4, "unknown dtype \"Q4\""},
	{"a dtype that is a number", T("\"dtype\":32"), 4, "tensor \"t\": expected a string"},
	{"a comma after the last field", T(F32("1", "0,4") ","), 4, "expected a string"},
	{"a comma after the last tensor", "{\"t\":{" F32("1", "0,4") "},}", 4, "expected a string"},
	{"no comma between tensors", "{\"t\":{" F32("1", "0,4") "} \"u\":{}}", 4, "\",\" or \"}\""},
	{"an open tensor", "{\"t\":{" F32("1", "0,4"), 4, "\",\" or \"}\""},
	{"a negative dimension", T(F32("-1", "0,4")), 4, "a plain integer"},
	{"a dimension with a fraction", T(F32("1.0", "0,4")), 4, "\",\" or \"]\""},
	{"a dimension with an exponent", T(F32("1e0", "0,4")), 4, "\",\" or \"]\""},
	{"a dimension with a leading zero", T(F32("01", "0,4")), 4, "a plain integer"},
	{"a dimension that is a string", T(F32("\"1\"", "0,4")), 4, "a plain integer"},
	{"a comma after the last dimension", T(F32("1,", "0,4")), 4, "a plain integer"},
	{"a nested shape", T(F32("[1]", "0,4")), 4, "a plain integer"},
	{"a dimension of 2^63", T(F32("9223372036854775808", "0,4")), 4, "below 2^63"},
	{"a dimension of 2^64 + 1", T(F32("18446744073709551617", "0,4")), 4, "below 2^63"},
	{"elements beyond 2^64", T(F32("4294967296,4294967297", "0,4")), 4, "tensor \"t\": its shape"},
	{"bytes beyond 2^64", T(F32("4611686018427387905", "0,4")), 4, "tensor \"t\": its shape"},
	{"an overflow before a zero", T(F32("4294967296,4294967296,0", "0,0")), 0, "its shape"},
	{"no offset", T(F32("1", "")), 4, "tensor \"t\": data_offsets are not two"},
	{"one offset", T(F32("1", "0")), 4, "tensor \"t\": data_offsets are not two"},
	{"three offsets", T(F32("1", "0,4,4")), 4, "tensor \"t\": data_offsets are not two"},
	{"four offsets", T(F32("1", "0,4,4,4")), 4, "tensor \"t\": data_offsets are not two"},
	{"offsets backwards", T(F32("1", "4,0")), 4, "tensor \"t\": data_offsets end at 0, before"},
	{"offsets beyond the data", T(F32("2", "0,8")), 4, "end at 8, but the file has 4 bytes"},
	{"offsets at 2^63", T(F32("1", "9223372036854775803,9223372036854775807")), 4, "but the file has"},
	{"offsets too short for the shape", T(F32("2", "0,4")), 4, "take 8 bytes, data_offsets span 4"},
	{"offsets too long for the shape", T(F32("1", "0,8")), 8, "take 4 bytes, data_offsets span 8"},
	{"half a byte", T(DTYPE("F4") "," SHAPE("1") "," AT("0,1")), 1, "do not fill whole bytes"},
	{"a hole at the start", T(F32("1", "4,8")), 8, "tensor \"t\": 4 bytes before its data"},
	{"a hole between", "{\"a\":{" F32("1", "0,4") "},\"b\":{" F32("1", "8,12") "}}", 12,
	"tensor \"b\": 4 bytes before"},
	{"a hole at the end", T(F32("1", "0,4")), 5, "last 1 bytes"},
	{"an overlap", "{\"a\":{" F32("1", "2,6") "},\"b\":{" F32("1", "0,4") "}}", 6,
	"tensor \"a\": its data overlap another tensor's by 2 bytes"},
	{"shared data", "{\"a\":{" F32("1", "0,4") "},\"b\":{" F32("1", "0,4") "}}", 4, "overlap"},
	{"an empty tensor within another", "{\"a\":{" F32("0", "2,2") "},\"b\":{" F32("1", "0,4") "}}", 4,
	"tensor \"a\": its data overlap"},
	{"two tensors of one name", "{\"t\":{" F32("1", "0,4") "},\"\\u0074\":{" F32("1", "4,8") "}}", 8,
	"tensor \"t\": appears more than once"},
	{"metadata that are a string", "{\"__metadata__\":\"x\"}", 0, "expected \"{\""},
	{"metadata with a number", META("\"a\":1"), 0, "expected a string"},
	{"nested metadata", META("\"a\":{}"), 0, "expected a string"},
	{"metadata without colon", META("\"a\""), 0, "expected \":\""},
	{"metadata with a comma at the end", META("\"a\":\"b\","), 0, "expected a string"},
	{"metadata of one name", META("\"a\":\"b\",\"a\":\"c\""), 0, "metadata \"a\" appears more than once"},
	{"two metadata", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "appears more than once"},
	{"a tensor in place of metadata", META("\"dtype\":\"F32\",\"shape\":[]"), 0, "expected a string"},
};

static void
test_bad_headers(void)
{
	int			count = (int) (sizeof(bad_headers) / sizeof(bad_headers[0]));

	for (int i = 0; i < count; i++)
	{
		const bad_header *bad = &bad_headers[i];
		size_t		size;
		uint8_t    *data = make_file(bad->header, bad->data_size, &size);
		vc_safetensors *file = NULL;
		vc_error	error = {0};
		vc_status	status = vc_safetensors_open(data, size, &file, &error);

		if (!ok(status == VC_INVALID_ARGUMENT && error.code == status &&
				strstr(error.message, bad->message) != NULL, "refused: %s", bad->what))
			diag("%d: %s", status, error.message);
		if (status == VC_OK)
			vc_safetensors_free(file);
		free(data);
	}
}

/* True where the first `size` bytes of data are refused with this message. */
static bool
refused(const uint8_t *data, size_t size, const char *message)
{
	uint8_t    *copy = malloc(size + 1);	/* one more, for malloc(0) is odd */
	vc_safetensors *file;
	vc_error	error = {0};
	vc_status	status;

	memcpy(copy + 1, data, size);
	status = vc_safetensors_open(copy + 1, size, &file, &error);
	if (status == VC_OK)
		vc_safetensors_free(file);
	free(copy);
	if (status == VC_INVALID_ARGUMENT && strstr(error.message, message) != NULL)
		return true;
	diag("%zu bytes: %d: %s", size, status, error.message);
	return false;
}

static void
test_bad_files(void)
{
	size_t		size;
	uint8_t    *data = make_file("{\"a\":{" F32("2", "0,8") "},\"b\":{" F32("1", "8,12") "}}", 12, &size);
	uint8_t    *large = calloc(1, VC_SAFETENSORS_MAX_HEADER + 9);
	bool		all = true;
	int			header = VC_SAFETENSORS_MAX_HEADER + 1;

	for (size_t cut = 0; cut < size; cut++)
		all = all && refused(data, cut, cut < 8 ? "at least 8" :
							 cut < size - 12 ? "does not fit" : "");
	ok(all, "a file that is cut anywhere is refused");
	ok(refused((const uint8_t *) "PK\3\4\0\0\10\10\0\0\0\0", 12, "a file of torch.save"),
	   "a file that PyTorch pickled is refused");
	ok(refused((const uint8_t *) "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", 60, "Git LFS pointer"),
	   "a pointer of Git LFS is refused");
	ok(refused((const uint8_t *) "{\n  \"metadata\": {}, \"weight_map\": {}}", 38, "index of weights in several files"),
	   "an index is refused");
	ok(refused((const uint8_t *) "\n<!DOCTYPE html><html></html>", 29, "a web page"), "a web page is refused");
	ok(refused((const uint8_t *) "<html>", 6, "a web page"), "a short one too");
	memset(data, 0xff, 8);
	ok(refused(data, size, "header of 18446744073709551615 bytes does not fit"),
	   "a header of 2^64 - 1 bytes is refused");
	for (int i = 0; i < 4; i++)
		large[i] = (uint8_t) (header >> (8 * i));
	ok(refused(large, (size_t) header + 8, "header of 100000001 bytes is over 100000000"),
	   "a header over the format's limit is refused");
	free(large);
	free(data);
}

static void
test_limits(void)
{
	size_t		size;
	uint8_t    *data = make_file(T(F32("1,1,1,1,1,1,1,1,1", "0,4")), 4, &size);
	char		header[400] = "{\"";
	vc_safetensors *file;
	vc_error	error = {0};

	ok(vc_safetensors_open(data, size, &file, &error) == VC_UNSUPPORTED &&
	   strstr(error.message, "tensor \"t\": shape has more than 8") != NULL,
	   "nine dimensions are unsupported");
	ok(vc_safetensors_open(data, size, &file, NULL) == VC_UNSUPPORTED, "an error may be NULL");
	free(data);

	for (int i = 0; i < 60; i++)
		strcat(header, "\xe2\x82\xac");
	strcat(header, "\":1}");
	data = make_file(header, 0, &size);
	vc_safetensors_open(data, size, &file, &error);
	ok(strstr(error.message, "\xe2\x82\xac...\": expected") != NULL && strlen(error.message) < 140,
	   "a message cuts a long name between two characters");
	free(data);
	data = make_file("{\"a\\nb\":1}", 0, &size);
	vc_safetensors_open(data, size, &file, &error);
	ok(strstr(error.message, "\"a?b\"") != NULL, "a message stays one line");
	free(data);
}

int
main(void)
{
	test_bad_headers();
	test_bad_files();
	test_limits();
	return done();
}

/*
 * test_safetensors.c
 *		The safetensors reader and writer: round trip, dtypes, real files.
 */
#include <float.h>
#include <math.h>
#include <time.h>

#include "engine/weights/safetensors.h"
#include "test/unit/safetensors_maker.h"
#include "test/unit/tap.h"

static void
test_good_headers(void)
{
	static const char *const good[] = {
		"{}", "{}      ", "{ } \r\n\t", "{\"__metadata__\":{}}",
		"{\"t\":{" F32("", "0,4") "}}", "{ \"t\" : { " F32(" 1 , 1 ", " 0 , 4 ") " } } ",
		"{\"t\":{" AT("0,4") "," DTYPE("F32") "," SHAPE("1,1,1,1,1,1,1,1") "}}",
		"{\"b\":{" F32("1", "0,4") "},\"a\":{" F32("0,4294967296,4294967296", "4,4") "}}",
		"{\"t\":{" DTYPE("F4") "," SHAPE("2,4") "," AT("0,4") "}}",
		"{\"\":{" DTYPE("I32") "," SHAPE("1") "," AT("0,4") "},\"__metadata__\":{\"\":\"\"}}",
		"{\"b\":{" DTYPE("U8") "," SHAPE("1") "," AT("3,4") "},\"a\":{" DTYPE("BOOL") "," SHAPE("3") "," AT("0,3") "}}",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		size_t		size;
		uint8_t    *data = make_file(good[i], i < 4 ? 0 : 4, &size);
		vc_safetensors *file;
		vc_error	error = {0};

		if (ok(vc_safetensors_open(data, size, &file, &error) == VC_OK, "read: %s", good[i]))
			vc_safetensors_free(file);
		else
			diag("%s", error.message);
		free(data);
	}
}

/* What the writer writes, the reader reads. */
static void
test_round_trip(void)
{
	static const char *const odd = "a\"b\\c\n\x01/\xe2\x82\xac\xf0\x9f\x98\x80";
	const int	shapes[3][4] = {{2, 3}, {0}, {1, 1, 1, 2}};
	vc_tensor_entry tensors[4] = {
		{.name = "z.weight",.ndim = 2,.shape = shapes[0]},
		{.name = odd,.ndim = 0},
		{.name = "empty",.ndim = 1,.shape = shapes[1]},
		{.name = "a",.ndim = 4,.shape = shapes[2]},
	};
	const vc_metadata_entry metadata[] = {{"format", "pt"}, {odd, odd}};
	vc_safetensors_layout plan = {.tensors = tensors,.tensor_count = 4,.metadata = metadata,.metadata_count = 2};
	float		values[6] = {0, -0.0f, 1.5f, INFINITY, 0x1p-149f, -FLT_MAX};
	float		back[6];
	uint8_t    *data;
	vc_safetensors *file = NULL;
	const vc_tensor *t;
	vc_error	error = {0};

	ok(vc_safetensors_lay_out(&plan, &error) == VC_OK, "laid out");
	ok(plan.header_size % 8 == 0 && plan.file_size == plan.header_size + 4 * 9 &&
	   tensors[0].offset == plan.header_size && tensors[0].size == 24 &&
	   tensors[1].offset == plan.header_size + 24 && tensors[1].size == 4 &&
	   tensors[2].offset == plan.header_size + 28 && tensors[2].size == 0 &&
	   tensors[3].offset == plan.header_size + 28 && tensors[3].size == 8,
	   "sizes and offsets");
	data = calloc(1, plan.file_size);
	vc_safetensors_write_header(&plan, data);
	memcpy(data + tensors[0].offset, values, sizeof(values));
	if (!ok(vc_safetensors_open(data, plan.file_size, &file, &error) == VC_OK, "read back"))
		diag("%s", error.message);
	else
	{
		ok(vc_safetensors_count(file) == 4 &&
		   strcmp(vc_safetensors_tensor(file, 0)->name, "z.weight") == 0 &&
		   strcmp(vc_safetensors_tensor(file, 3)->name, "a") == 0, "the order is kept");
		t = vc_safetensors_find(file, odd);
		ok(t == vc_safetensors_tensor(file, 1) && t->ndim == 0 && t->count == 1 &&
		   t->data == data + tensors[1].offset && t->size == 4, "an odd name is found");
		t = vc_safetensors_find(file, "empty");
		ok(t != NULL && t->count == 0 && t->size == 0, "an empty tensor");
		t = vc_safetensors_find(file, "a");
		ok(t != NULL && t->ndim == 4 && t->shape[3] == 2 && t->dtype == VC_DTYPE_F32 &&
		   strcmp(t->dtype_name, "F32") == 0, "shape and dtype");
		ok(vc_safetensors_find(file, "b") == NULL, "a name that is not there");
		ok(strcmp(vc_safetensors_metadata(file, "format"), "pt") == 0 &&
		   strcmp(vc_safetensors_metadata(file, odd), odd) == 0 &&
		   vc_safetensors_metadata(file, "x") == NULL, "metadata");
		vc_safetensors_to_float(vc_safetensors_find(file, "z.weight"), back, &error);
		ok(memcmp(values, back, sizeof(values)) == 0, "values");
		vc_safetensors_free(file);
	}
	free(data);

	tensors[0].name = "\xff";
	ok(vc_safetensors_lay_out(&plan, &error) == VC_INVALID_ARGUMENT, "a name must be UTF-8");
	tensors[0].name = "__metadata__";
	ok(vc_safetensors_lay_out(&plan, &error) == VC_INVALID_ARGUMENT, "a name must not be __metadata__");
	tensors[0].name = "z.weight";
	tensors[0].shape = (const int[2]) {2, -1};
	ok(vc_safetensors_lay_out(&plan, &error) == VC_INVALID_ARGUMENT, "a dimension must not be negative");
	tensors[0].shape = (const int[4]) {INT32_MAX, INT32_MAX, INT32_MAX, 1};
	tensors[0].ndim = 4;
	ok(vc_safetensors_lay_out(&plan, &error) == VC_INVALID_ARGUMENT, "a shape must not overflow");
}

/* The value of a float of 1 + exponents + fractions bits, by the definition. */
static double
define_float(int bits, int exponents, int fractions)
{
	int			bias = (1 << (exponents - 1)) - 1;
	int			exponent = bits >> fractions & ((1 << exponents) - 1);
	int			fraction = bits & ((1 << fractions) - 1);
	double		sign = bits >> (exponents + fractions) & 1 ? -1 : 1;

	if (exponent == (1 << exponents) - 1)
		return fraction != 0 ? NAN : sign * INFINITY;
	if (exponent == 0)
		return sign * ldexp(fraction, 1 - bias - fractions);
	return sign * ldexp(fraction + (1 << fractions), exponent - bias - fractions);
}

/* All 2^16 values of a two-byte dtype. */
static bool
all_values_right(vc_dtype dtype, int exponents, int fractions)
{
	uint8_t		data[2];
	vc_tensor	tensor = {.name = "t",.dtype = dtype,.count = 1,.data = data,.size = 2};

	for (int bits = 0; bits < 65536; bits++)
	{
		double		wanted = define_float(bits, exponents, fractions);
		float		value;

		data[0] = (uint8_t) bits;
		data[1] = (uint8_t) (bits >> 8);
		vc_safetensors_to_float(&tensor, &value, NULL);
		if (isnan(wanted) ? !isnan(value) :
			(double) value != wanted || !signbit(value) != !signbit(wanted))
		{
			diag("%04x is %g, not %g", (unsigned) bits, (double) value, wanted);
			return false;
		}
	}
	return true;
}

static void
test_doubles(void)
{
	static const struct
	{
		double		from;
		float		to;
	}			cases[] =
	{
		{0.0, 0.0f}, {1.5, 1.5f}, {0.1, 0.1f},
		{1 + 0x1p-24, 1.0f},	/* halfway, to even */
		{1 + 0x3p-24, 1 + 0x1p-22f},
		{1 + 0x1p-24 + 0x1p-50, 1 + 0x1p-23f},
		{0x1p-149, 0x1p-149f}, {0x1p-150, 0.0f}, {0x1.8p-150, 0x1p-149f},
		{0x1.8p-149, 0x1p-148f}, {0x1p-1074, 0.0f},
		{FLT_MAX, FLT_MAX}, {0x1.ffffffp127, INFINITY}, {0x1.fffffefffffffp127, FLT_MAX},
		{1e300, INFINITY}, {INFINITY, INFINITY},
	};
	int			count = (int) (sizeof(cases) / sizeof(cases[0]));
	bool		all = true;

	for (int i = 0; i < 2 * count; i++)
	{
		double		from = i < count ? cases[i].from : -cases[i - count].from;
		float		to = i < count ? cases[i].to : -cases[i - count].to;
		float		value;
		uint8_t		data[9];
		vc_tensor	tensor = {.name = "t",.dtype = VC_DTYPE_F64,.count = 1,.data = data + 1,.size = 8};

		memcpy(data + 1, &from, sizeof(from));
		vc_safetensors_to_float(&tensor, &value, NULL);
		if (memcmp(&value, &to, sizeof(to)) != 0)
		{
			diag("%a is %a, not %a", from, (double) value, (double) to);
			all = false;
		}
	}
	ok(all, "F64 is rounded to nearest");
}

static void
test_dtypes(void)
{
	size_t		size;
	uint8_t    *data = make_file("{\"n\":{" DTYPE("I64") "," SHAPE("") "," AT("0,8") "}}", 8, &size);
	uint32_t	bits[3] = {0x7f800001, 0xffc12345, 0x80000001};
	uint32_t	back[3];
	vc_tensor	tensor = {.name = "t",.dtype = VC_DTYPE_F32,.count = 3,.data = (uint8_t *) bits,.size = 12};
	double		nan = NAN;
	float		value[3];
	vc_safetensors *file;
	vc_error	error = {0};

	ok(all_values_right(VC_DTYPE_F16, 5, 10), "all F16 values, subnormal, infinite and NaN too");
	ok(all_values_right(VC_DTYPE_BF16, 8, 7), "all BF16 values");
	test_doubles();
	vc_safetensors_to_float(&tensor, value, NULL);
	memcpy(back, value, sizeof(back));
	ok(memcmp(bits, back, sizeof(bits)) == 0, "F32 keeps every bit");
	tensor.dtype = VC_DTYPE_F64;
	tensor.count = 1;
	tensor.data = (uint8_t *) &nan;
	vc_safetensors_to_float(&tensor, value, NULL);
	ok(isnan(value[0]), "F64 NaN");

	if (ok(vc_safetensors_open(data, size, &file, &error) == VC_OK, "a file of integers is read"))
	{
		const vc_tensor *n = vc_safetensors_tensor(file, 0);

		ok(n->dtype == VC_DTYPE_OTHER && strcmp(n->dtype_name, "I64") == 0 && n->count == 1,
		   "and its dtype is known");
		ok(vc_safetensors_to_float(n, value, &error) == VC_UNSUPPORTED &&
		   strstr(error.message, "\"n\" has dtype I64") != NULL && error.hint[0] != '\0',
		   "but gives no floats");
		vc_safetensors_free(file);
	}
	free(data);
}

static void
test_escapes(void)
{
	size_t		size;
	uint8_t    *data = make_file(META("\"\\u00e9\\u20AC\\ud83d\\ude00\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\""), 0, &size);
	vc_safetensors *file;
	const char *value;

	if (ok(vc_safetensors_open(data, size, &file, NULL) == VC_OK, "a file with all escapes is read"))
	{
		value = vc_safetensors_metadata(file, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
		ok(value != NULL && strcmp(value, "\"\\/\b\f\n\r\t\x01") == 0, "and they mean what they should");
		vc_safetensors_free(file);
	}
	free(data);
}

/* Time must not grow with the square of the number of tensors. */
static void
test_many(bool reversed)
{
	enum
	{
		COUNT = 100000
	};
	char	   *header = malloc(COUNT * 80 + 3);
	size_t		length = 1,
				size;
	uint8_t    *data;
	vc_safetensors *file;
	vc_error	error = {0};
	clock_t		start;
	double		seconds;
	bool		found = true;

	header[0] = '{';
	for (int i = 0; i < COUNT; i++)
	{
		int			at = reversed ? COUNT - 1 - i : i;

		length += (size_t) sprintf(header + length, "%s\"t%d\":{" DTYPE("U8") "," SHAPE("1") ",\"data_offsets\":[%d,%d]}",
								   i == 0 ? "" : ",", i, at, at + 1);
	}
	strcpy(header + length, "}");
	data = make_file(header, COUNT, &size);
	start = clock();
	if (ok(vc_safetensors_open(data, size, &file, &error) == VC_OK, "%d tensors%s are read",
		   COUNT, reversed ? ", the last one first," : ""))
	{
		for (int i = 0; i < COUNT; i++)
		{
			char		name[16];

			sprintf(name, "t%d", i);
			found = found && vc_safetensors_find(file, name) == vc_safetensors_tensor(file, i);
		}
		vc_safetensors_free(file);
	}
	else
		diag("%s", error.message);
	seconds = (double) (clock() - start) / CLOCKS_PER_SEC;
	diag("%.3f s", seconds);
	ok(found && seconds < 10, "and found, in time");
	free(data);
	free(header);
}

/* Reads a file of the data folder; NULL where there is none. */
static uint8_t *
read_weights(const char *name, size_t *size)
{
	const char *folder = getenv("VISCLF_DATA");
	char		path[1024];
	FILE	   *stream;
	uint8_t    *data;

	snprintf(path, sizeof(path), "%s/weights/%s", folder != NULL ? folder : "../shared/data", name);
	stream = fopen(path, "rb");
	if (stream == NULL)
		return NULL;
	fseek(stream, 0, SEEK_END);
	*size = (size_t) ftell(stream);
	rewind(stream);
	data = malloc(*size);
	*size = fread(data, 1, *size, stream);
	fclose(stream);
	return data;
}

static void
test_real_file(const char *name, int tensors, const char *last, double sum)
{
	size_t		size;
	uint8_t    *data = read_weights(name, &size);
	vc_safetensors *file;
	vc_error	error = {0};

	if (data == NULL)
	{
		skip(name, "not in $VISCLF_DATA/weights");
		return;
	}
	if (!ok(vc_safetensors_open(data, size, &file, &error) == VC_OK, "%s is read", name))
		diag("%s", error.message);
	else
	{
		const vc_tensor *bias = vc_safetensors_find(file, last);
		float		values[1000];
		double		total = 0;

		ok(vc_safetensors_count(file) == tensors && bias != NULL && bias->count <= 1000 &&
		   vc_safetensors_metadata(file, "source") != NULL, "%d tensors and metadata", tensors);
		if (bias != NULL && bias->count <= 1000 &&
			vc_safetensors_to_float(bias, values, &error) == VC_OK)
			for (int64_t i = 0; i < bias->count; i++)
				total += fabs((double) values[i]);
		if (!ok(fabs(total - sum) < 1e-6 * sum, "values of %s", last))
			diag("%.8g", total);
		vc_safetensors_free(file);
	}
	free(data);
}

int
main(void)
{
	test_good_headers();
	test_round_trip();
	test_dtypes();
	test_escapes();
	test_many(false);
	test_many(true);
	test_real_file("resnet18.safetensors", 102, "fc.bias", 175.98866877);
	test_real_file("resnet20_cifar10.safetensors", 97, "linear.bias", 1.91292520);
	return done();
}

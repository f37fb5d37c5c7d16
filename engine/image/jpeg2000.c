/*
 * jpeg2000.c
 *		JPEG 2000 images, by OpenJPEG: JP2 files and codestreams.
 *
 * The image is decoded at the smallest of its resolutions that is not under the
 * target, which saves most of the work on large scans.  Grey, RGB, YCC, CMYK,
 * palettes and alpha; samples of other than 8 bits are scaled.
 *
 * What is accepted.  The library decodes what it finds of a codestream that is cut
 * off: some detail of all of the image, or some tiles.  Half of the data must be
 * there.  Such an image is decoded whole, for OpenJPEG 2.5.0 reads past its data where it
 * is to skip resolutions of a part (opj_t2_skip_packet_data when it is not strict).
 */
#include <stdlib.h>
#include <string.h>

#include <openjpeg.h>

#include "engine/image/image_format.h"
#include "engine/image/jpeg2000_header.h"

/* Components that pictures have: colours, and alpha. */
#define MAX_COMPONENTS	5
/* The library's memory: for each tile, each component of it, and each sample (of image and tile). */
#define TILE_BYTES		6144
#define TILE_COMPONENT_BYTES 1280
#define SAMPLE_BYTES	10
#define READER_BYTES	(1024 * 1024)
#define STREAM_BYTES	65536
/* Bits of a sample that the library's integers hold. */
#define MAX_BITS		31

/* The library's decoder and all that its callbacks need. */
typedef struct jp2_reader
{
	opj_stream_t *stream;
	opj_codec_t *codec;
	opj_image_t *image;
	const uint8_t *data;
	size_t		size;
	size_t		next;
	char		message[160];	/* the library's first error */
	bool		warned;
	vc_sink    *sink;
	int			alpha;			/* component, or -1 */
	int			colours;		/* 1, 3 or 4 components */
	OPJ_COLOR_SPACE space;
} jp2_reader;

static OPJ_SIZE_T
on_read(void *to, OPJ_SIZE_T bytes, void *user)
{
	jp2_reader *reader = user;
	size_t		left = reader->size - reader->next;

	if (left == 0 || vc_decode_interrupted(&reader->sink->options->limits))
		return (OPJ_SIZE_T) -1;
	if (bytes > left)
		bytes = left;
	memcpy(to, reader->data + reader->next, bytes);
	reader->next += bytes;
	return bytes;
}

static OPJ_OFF_T
on_skip(OPJ_OFF_T bytes, void *user)
{
	jp2_reader *reader = user;
	size_t		left = reader->size - reader->next;

	if (bytes < 0)
		return -1;
	if ((uint64_t) bytes > left)
		bytes = (OPJ_OFF_T) left;
	reader->next += (size_t) bytes;
	return bytes;
}

static OPJ_BOOL
on_seek(OPJ_OFF_T to, void *user)
{
	jp2_reader *reader = user;

	if (to < 0 || (uint64_t) to > reader->size)
		return OPJ_FALSE;
	reader->next = (size_t) to;
	return OPJ_TRUE;
}

/* The library's errors: the first is kept, nothing is printed. */
static void
on_error(const char *message, void *user)
{
	jp2_reader *reader = user;

	if (reader->message[0] != '\0')
		return;
	snprintf(reader->message, sizeof(reader->message), "%s", message);
	reader->message[strcspn(reader->message, "\n")] = '\0';
}

static void
on_warning(const char *message, void *user)
{
	(void) message;
	((jp2_reader *) user)->warned = true;
}

static void
on_information(const char *message, void *user)
{
	(void) message;
	(void) user;
}

/* Fails with what the library said. */
static vc_status
fail(jp2_reader *reader, const char *otherwise)
{
	vc_error   *error = reader->sink->error;

	if (vc_sink_interrupted(reader->sink))
		return VC_CANCELED;
	vc_fail(error, VC_INVALID_IMAGE, "cannot decode JPEG 2000 image: %s",
			reader->message[0] != '\0' ? reader->message : otherwise);
	return vc_hint(error, VC_INVALID_IMAGE, "Save the image again, or leave its row out.");
}

/* Fails for what is not read; else takes memory, for the image halved so often. */
static vc_status
check_header(jp2_reader *reader, const vc_jpeg2000_header *header, int halvings)
{
	int64_t		width = (header->width >> halvings) + 1;
	int64_t		height = (header->height >> halvings) + 1;
	int			components = header->components < 3 && header->in_boxes ? 3 : header->components;	/* a palette's */
	vc_status	status = vc_sink_check_pixels(reader->sink, header->width, header->height);

	if (status != VC_OK)
		return status;
	if (header->missing > 50)
	{
		vc_fail(reader->sink->error, VC_INVALID_IMAGE, "image is cut off: %d %% of its data are missing", header->missing);
		return vc_hint(reader->sink->error, VC_INVALID_IMAGE, "Replace the image, or leave its row out.");
	}
	if (header->components > MAX_COMPONENTS || header->bits > MAX_BITS)
	{
		vc_fail(reader->sink->error, VC_INVALID_IMAGE, "JPEG 2000 image has %d components of %d bits",
				header->components, header->bits);
		return vc_hint(reader->sink->error, VC_INVALID_IMAGE, "Save the image again, as RGB or grey of 8 bits.");
	}
	if (width > INT32_MAX / height)
		return fail(reader, "it is too large");
	return vc_sink_take_memory(reader->sink, (int64_t) reader->size +
							   header->tiles * (TILE_BYTES + header->components * TILE_COMPONENT_BYTES) +
							   width * height * components * SAMPLE_BYTES);
}

/* How often the image can be halved and still be enough. */
static int
count_halvings(const vc_jpeg2000_header *header, const vc_sink *sink)
{
	double		shorter = vc_sink_shorter(sink, (int) header->width, (int) header->height);
	int			halvings = 0;

	while (halvings < header->resolutions && halvings < 31 &&
		   shorter / (double) (2LL << halvings) >= sink->options->size)
		halvings++;
	return halvings;
}

/* Makes the library's decoder of the bytes. */
static vc_status
start_library(jp2_reader *reader, const vc_jpeg2000_header *header, int halvings)
{
	opj_dparameters_t parameters;

	reader->codec = opj_create_decompress(header->in_boxes ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
	reader->stream = opj_stream_create(STREAM_BYTES, OPJ_TRUE);
	if (reader->codec == NULL || reader->stream == NULL)
		return vc_no_memory(reader->sink->error, STREAM_BYTES);
	opj_set_error_handler(reader->codec, on_error, reader);
	opj_set_warning_handler(reader->codec, on_warning, reader);
	opj_set_info_handler(reader->codec, on_information, reader);
	opj_stream_set_read_function(reader->stream, on_read);
	opj_stream_set_skip_function(reader->stream, on_skip);
	opj_stream_set_seek_function(reader->stream, on_seek);
	opj_stream_set_user_data(reader->stream, reader, NULL);
	opj_stream_set_user_data_length(reader->stream, reader->size);
	opj_set_default_decoder_parameters(&parameters);
	parameters.cp_reduce = (OPJ_UINT32) halvings;
	if (!opj_setup_decoder(reader->codec, &parameters))
		return fail(reader, "its decoder does not start");
	opj_decoder_set_strict_mode(reader->codec, header->complete);
	return VC_OK;
}

/* Finds which components are colours and which is alpha. */
static vc_status
find_components(jp2_reader *reader)
{
	const opj_image_t *image = reader->image;
	int			count = (int) image->numcomps;

	reader->alpha = -1;
	for (int c = 0; c < count && reader->alpha < 0; c++)
		if (image->comps[c].alpha != 0)
			reader->alpha = c;
	if (reader->alpha < 0 && (count == 2 || count == 5))
		reader->alpha = count - 1;
	reader->space = image->color_space;
	if (reader->alpha < 0 && count == 4 && reader->space != OPJ_CLRSPC_CMYK)
		reader->alpha = 3;
	reader->colours = reader->alpha < 0 ? count : count - 1;
	if (reader->alpha >= 0 && reader->alpha != count - 1)
		return fail(reader, "its alpha is not the last component");
	if (reader->colours != 1 && reader->colours != 3 && reader->colours != 4)
		return fail(reader, "it has neither 1 nor 3 nor 4 colours");
	for (int c = 0; c < count; c++)
		if (image->comps[c].data == NULL || image->comps[c].w == 0 || image->comps[c].h == 0)
			return fail(reader, "a component is missing");
	return VC_OK;
}

/* Row y, of 0..height-1, of a component as samples of 8 bits; one that is smaller is stretched. */
static void
component_row(const opj_image_comp_t *component, int width, int height, int y, uint8_t *row)
{
	int64_t		line = component->h == (OPJ_UINT32) height ? y : (int64_t) y * component->h / height;
	const OPJ_INT32 *from = component->data + (size_t) line * component->w;
	int64_t		low = component->sgnd ? -((int64_t) 1 << (component->prec - 1)) : 0;
	int64_t		most = ((int64_t) 1 << component->prec) - 1;

	for (int x = 0; x < width; x++)
	{
		int64_t		at = component->w == (OPJ_UINT32) width ? x : (int64_t) x * component->w / width;
		int64_t		value = from[at] - low;

		value = value < 0 ? 0 : value > most ? most : value;
		if (component->prec > 8)
			value >>= component->prec - 8;
		else if (component->prec < 8)
			value = (value * 255 + most / 2) / most;
		row[x] = (uint8_t) value;
	}
}

/* A sample within 0..255. */
static uint8_t
clamp(double value)
{
	return (uint8_t) (value <= 0 ? 0 : value >= 255 ? 255 : value + 0.5);
}

/* Makes RGB of one pixel's colours. */
static void
make_rgb(const jp2_reader *reader, const uint8_t *c, uint8_t *rgb)
{
	if (reader->colours == 4)
		for (int i = 0; i < 3; i++)
			rgb[i] = (uint8_t) ((255 - c[i]) * (255 - c[3]) / 255);
	else if (reader->space == OPJ_CLRSPC_SYCC || reader->space == OPJ_CLRSPC_EYCC)
	{
		rgb[0] = clamp(c[0] + 1.402 * (c[2] - 128));
		rgb[1] = clamp(c[0] - 0.344136 * (c[1] - 128) - 0.714136 * (c[2] - 128));
		rgb[2] = clamp(c[0] + 1.772 * (c[1] - 128));
	}
	else
		memcpy(rgb, c, 3);
}

/* Makes a row of the sink of the components' rows, planes[MAX_COMPONENTS][width]. */
static void
join_row(const jp2_reader *reader, const uint8_t *planes, int width, uint8_t *row)
{
	int			channels = reader->sink->channels;

	for (int x = 0; x < width; x++)
	{
		uint8_t		c[MAX_COMPONENTS] = {0};
		uint8_t    *to = row + (size_t) x * channels;

		for (int i = 0; i < reader->colours; i++)
			c[i] = planes[(size_t) i * width + x];
		if (channels == 1)
			to[0] = c[0];
		else
			make_rgb(reader, c, to);
		for (int i = 0; i < channels && reader->alpha >= 0; i++)
			to[i] = vc_over_white(to[i], planes[(size_t) reader->alpha * width + x]);
	}
}

/* Gives the decoded image to the sink. */
static vc_status
give_rows(jp2_reader *reader, const vc_jpeg2000_header *header, int halvings)
{
	vc_sink    *sink = reader->sink;
	int			width = (int) reader->image->comps[0].w;
	int			height = (int) reader->image->comps[0].h;
	uint8_t    *planes;
	vc_status	status;

	status = vc_sink_begin(sink, (int) header->width, (int) header->height, 1.0 / (double) (1LL << halvings), width, height,
						   reader->colours == 1 ? 1 : 3, header->orientation);
	if (status != VC_OK)
		return status;
	planes = malloc((size_t) width * (MAX_COMPONENTS + 3));
	if (planes == NULL)
		return vc_no_memory(sink->error, (unsigned long long) width * (MAX_COMPONENTS + 3));
	for (int y = 0; y < height; y++)
	{
		uint8_t    *row = planes + (size_t) width * MAX_COMPONENTS;

		for (int c = 0; c < (int) reader->image->numcomps; c++)
			component_row(&reader->image->comps[c], width, height, y, planes + (size_t) c * width);
		join_row(reader, planes, width, row);
		if (!vc_sink_row(sink, row))
			break;
	}
	free(planes);
	return VC_OK;
}

/* Decodes an image whose header has been read. */
static vc_status
decode(jp2_reader *reader, const vc_jpeg2000_header *header, int halvings)
{
	vc_status	status = start_library(reader, header, halvings);

	if (status != VC_OK)
		return status;
	if (!opj_read_header(reader->stream, reader->codec, &reader->image))
		return fail(reader, "its header is broken");
	if (!opj_decode(reader->codec, reader->stream, reader->image))
		return fail(reader, "its data make no sense");
	opj_end_decompress(reader->codec, reader->stream);
	if (vc_sink_interrupted(reader->sink))
		return VC_CANCELED;
	status = find_components(reader);
	if (status == VC_OK)
		status = give_rows(reader, header, halvings);
	if (status != VC_OK)
		return status;
	if (!header->complete)
		vc_sink_flaw(reader->sink, "image is cut off: %d %% of its data are missing", header->missing);
	else if (reader->warned || reader->message[0] != '\0')
		vc_sink_flaw(reader->sink, "image is damaged");
	vc_sink_finish(reader->sink);
	return VC_OK;
}

static vc_status
load_jpeg2000(const uint8_t *data, size_t size, vc_sink *sink)
{
	jp2_reader	reader = {.data = data, .size = size, .sink = sink};
	vc_jpeg2000_header header;
	int			halvings;
	vc_status	status;

	status = vc_sink_take_memory(sink, READER_BYTES);
	if (status != VC_OK)
		return status;
	if (!vc_jpeg2000_header_read(data, size, &header))
		return fail(&reader, "its header is broken");
	halvings = header.complete ? count_halvings(&header, sink) : 0;
	status = check_header(&reader, &header, halvings);
	if (status == VC_OK)
		status = decode(&reader, &header, halvings);
	opj_image_destroy(reader.image);
	if (reader.codec != NULL)
		opj_destroy_codec(reader.codec);
	if (reader.stream != NULL)
		opj_stream_destroy(reader.stream);
	return status;
}

static vc_status
read_jpeg2000_header(const uint8_t *data, size_t size, vc_image_info *info, vc_error *error)
{
	vc_jpeg2000_header header;

	if (!vc_jpeg2000_header_read(data, size, &header))
	{
		vc_fail(error, VC_INVALID_IMAGE, "cannot decode JPEG 2000 image: its header is broken");
		return vc_hint(error, VC_INVALID_IMAGE, "Save the image again, or leave its row out.");
	}
	info->width = (int) header.width;
	info->height = (int) header.height;
	info->components = header.components;
	info->color_space = header.components < 3 ? "grayscale" : "rgb";
	info->orientation = header.orientation;
	info->progressive = false;
	info->complete = header.complete;
	return VC_OK;
}

const vc_image_decoder vc_jpeg2000_decoder = {"JPEG 2000", "jpeg2000", "OpenJPEG", read_jpeg2000_header, load_jpeg2000};

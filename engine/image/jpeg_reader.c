/*
 * jpeg_reader.c
 *		libjpeg's decoder, made safe for hostile files.
 *
 * What is accepted.  libjpeg repairs what it can of a damaged file and warns:
 * missing data becomes grey, lost blocks become their neighbours.  Such an
 * image is decoded, for half an advert is still evidence of what it shows, and
 * the reader notes what is wrong with it.  It is an error where there is too
 * little to go by: the header is broken, over half of the rows of the first
 * scan are missing, or there are more than MAX_WARNINGS warnings.  What comes
 * after the last row that the output needs is not looked at.
 *
 * What bounds time.  Each scan of a progressive image may touch all of its
 * coefficients, hence MAX_SCANS.  EXIF and XMP are read where they lie: the list that
 * libjpeg makes of saved markers takes quadratic time.
 *
 * libjpeg reports an error by calling error_exit, which must not return; ours
 * jumps back to the function that called libjpeg, over libjpeg's frames only.
 */
#include "engine/image/jpeg_reader.h"

#include <ctype.h>
#include <string.h>

#include <jerror.h>

#include "engine/image/decode_memory.h"
#include "engine/image/exif.h"
#include "engine/image/xmp.h"

#define MAX_SCANS		100
#define MAX_WARNINGS	1000

/* What an APP1 segment of XMP begins with, the zero byte too. */
static const char xmp_namespace[] = "http://ns.adobe.com/xap/1.0/";

void
vc_jpeg_reader_escape(vc_jpeg_reader *reader, vc_status status)
{
	reader->status = status;
	longjmp(reader->escape, 1);
}

/* libjpeg's fatal error: its message becomes ours. */
static void __attribute__((noreturn))
on_error(j_common_ptr cinfo)
{
	vc_jpeg_reader *reader = cinfo->client_data;
	char		text[JMSG_LENGTH_MAX];

	if (cinfo->err->msg_code == JERR_OUT_OF_MEMORY)
	{
		vc_fail(reader->error, VC_OUT_OF_MEMORY, "out of memory decoding a JPEG image");
		vc_jpeg_reader_escape(reader, VC_OUT_OF_MEMORY);
	}

	cinfo->err->format_message(cinfo, text);
	if (isupper((unsigned char) text[0]) && islower((unsigned char) text[1]))
		text[0] = (char) tolower((unsigned char) text[0]);
	vc_fail(reader->error, VC_INVALID_IMAGE, "cannot decode JPEG image: %s", text);
	if (cinfo->err->msg_code == JERR_BAD_PRECISION)
		vc_hint(reader->error, VC_INVALID_IMAGE,
				"Convert the image to a JPEG of 8 bits per sample.");
	else
		vc_hint(reader->error, VC_INVALID_IMAGE,
				"Save the image again as a baseline JPEG, or leave its row out.");
	vc_jpeg_reader_escape(reader, VC_INVALID_IMAGE);
}

/*
 * Notes that the data end in the row of blocks that is being read; all of it
 * counts as missing, for libjpeg does not say how much of it is there.
 */
static void
note_cut(vc_jpeg_reader *reader)
{
	int			rows = (int) reader->cinfo.total_iMCU_rows;
	int			missing = rows - (int) reader->cinfo.input_iMCU_row;

	if (reader->cut_scan != 0)
		return;
	reader->cut_scan = reader->cinfo.input_scan_number;
	reader->missing = (int) ((missing * 100LL + rows - 1) / rows);
	if (reader->cut_scan > 1 || missing * 2LL <= rows)
		return;
	vc_fail(reader->error, VC_INVALID_IMAGE,
			"image is cut off: %d %% of its rows are missing", reader->missing);
	vc_hint(reader->error, VC_INVALID_IMAGE, "Replace the image, or leave its row out.");
	vc_jpeg_reader_escape(reader, VC_INVALID_IMAGE);
}

/* Notes what one of libjpeg's warnings says about the image's data. */
static void
note_warning(vc_jpeg_reader *reader)
{
	switch (reader->manager.msg_code)
	{
		case JWRN_HIT_MARKER:
			if (reader->cinfo.unread_marker == JPEG_EOI)
				note_cut(reader);
			else
				reader->places++;
			break;
		case JWRN_HUFF_BAD_CODE:
		case JWRN_ARITH_BAD_CODE:
		case JWRN_MUST_RESYNC:
			reader->places++;
			break;
	}
}

/* libjpeg's warnings (level < 0) and traces: nothing is printed. */
static void
on_message(j_common_ptr cinfo, int level)
{
	vc_jpeg_reader *reader = cinfo->client_data;

	if (level >= 0)
		return;
	if (++cinfo->err->num_warnings > MAX_WARNINGS)
	{
		vc_fail(reader->error, VC_INVALID_IMAGE,
				"JPEG image is damaged in more than %d places", MAX_WARNINGS);
		vc_hint(reader->error, VC_INVALID_IMAGE,
				"Replace the image, or leave its row out.");
		vc_jpeg_reader_escape(reader, VC_INVALID_IMAGE);
	}
	note_warning(reader);
}

/* Would print a message. */
static void
on_output(j_common_ptr cinfo)
{
	(void) cinfo;
}

/* Called before and after an image is read. */
static void
on_source(j_decompress_ptr cinfo)
{
	(void) cinfo;
}

/*
 * Called at the end of the data, as often as libjpeg asks for more of it.  The
 * Huffman decoder warns where it misses any, the arithmetic one does not, and
 * looks ahead by a few bytes.
 */
static boolean
on_data_end(j_decompress_ptr cinfo)
{
	static const JOCTET end_of_image[2] = {0xff, JPEG_EOI};
	vc_jpeg_reader *reader = cinfo->client_data;

	WARNMS(cinfo, JWRN_JPEG_EOF);
	reader->ran_out = true;
	if (cinfo->arith_code && cinfo->input_scan_number > 0 &&
		cinfo->input_iMCU_row + 1 < cinfo->total_iMCU_rows)
		note_cut(reader);
	cinfo->src->next_input_byte = end_of_image;
	cinfo->src->bytes_in_buffer = sizeof(end_of_image);
	return TRUE;
}

/* Skips `count` bytes, or to the end of the data. */
static void
on_skip(j_decompress_ptr cinfo, long count)
{
	struct jpeg_source_mgr *source = cinfo->src;
	size_t		bytes = count > 0 ? (size_t) count : 0;

	if (bytes > source->bytes_in_buffer)
		bytes = source->bytes_in_buffer;
	source->next_input_byte += bytes;
	source->bytes_in_buffer -= bytes;
}

/* Called as libjpeg reads and gives rows, of each scan of a progressive image. */
static void
on_progress(j_common_ptr cinfo)
{
	vc_jpeg_reader *reader = cinfo->client_data;

	if (vc_decode_interrupted(reader->limits))
	{
		vc_fail(reader->error, VC_CANCELED, "canceled");
		vc_jpeg_reader_escape(reader, VC_CANCELED);
	}
	if (reader->cinfo.input_scan_number <= MAX_SCANS)
		return;
	vc_fail(reader->error, VC_INVALID_IMAGE,
			"JPEG image has more than %d scans", MAX_SCANS);
	vc_hint(reader->error, VC_INVALID_IMAGE,
			"Save the image again as a baseline JPEG, or leave its row out.");
	vc_jpeg_reader_escape(reader, VC_INVALID_IMAGE);
}

/* Looks for an orientation in what an APP1 segment holds. */
static void
take_metadata(vc_jpeg_reader *reader, const uint8_t *data, size_t size)
{
	if (vc_exif_present(data, size))
	{
		if (!reader->has_exif)
			reader->exif_orientation = vc_exif_orientation(data, size);
		reader->has_exif = true;
	}
	else if (size > sizeof(xmp_namespace) && reader->xmp_orientation == 0 &&
			 memcmp(data, xmp_namespace, sizeof(xmp_namespace)) == 0)
		reader->xmp_orientation = vc_xmp_orientation(data + sizeof(xmp_namespace), size - sizeof(xmp_namespace));
}

/*
 * Reads an APP1 segment.  The source's buffer is the whole file, so a segment
 * that does not lie in it is cut off.
 */
static boolean
on_app1(j_decompress_ptr cinfo)
{
	vc_jpeg_reader *reader = cinfo->client_data;
	struct jpeg_source_mgr *source = cinfo->src;
	const uint8_t *data = source->next_input_byte;
	size_t		left = source->bytes_in_buffer;
	size_t		length = left >= 2 ? (size_t) (data[0] << 8 | data[1]) : left;

	if (length < 2)
		ERREXIT(cinfo, JERR_BAD_LENGTH);
	if (length <= left)
		take_metadata(reader, data + 2, length - 2);
	on_skip(cinfo, (long) length);
	return TRUE;
}

void
vc_jpeg_reader_header(vc_jpeg_reader *reader, const uint8_t *data, size_t size)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;

	jpeg_create_decompress(cinfo);
	reader->progress.progress_monitor = on_progress;
	cinfo->progress = &reader->progress;
	jpeg_set_marker_processor(cinfo, JPEG_APP0 + 1, on_app1);
	cinfo->src = &reader->source;
	reader->source.next_input_byte = data;
	reader->source.bytes_in_buffer = size;
	jpeg_read_header(cinfo, TRUE);

	if (cinfo->num_components != 1 && cinfo->num_components != 3 &&
		cinfo->num_components != 4)
	{
		vc_fail(reader->error, VC_INVALID_IMAGE,
				"JPEG image has %d components, not 1, 3 or 4",
				cinfo->num_components);
		vc_hint(reader->error, VC_INVALID_IMAGE,
				"Convert the image to a grayscale or RGB JPEG.");
		vc_jpeg_reader_escape(reader, VC_INVALID_IMAGE);
	}
}

/*
 * The most bytes that libjpeg has at one time: rows in several stages, and the
 * coefficients of all blocks where the image comes in several scans.
 */
static int64_t
memory_needed(struct jpeg_decompress_struct *cinfo)
{
	int64_t		row = (int64_t) cinfo->image_width * cinfo->num_components;
	int64_t		bytes = row * (11 * cinfo->max_v_samp_factor + 4);

	for (int i = 0; i < cinfo->num_components && jpeg_has_multiple_scans(cinfo); i++)
	{
		const jpeg_component_info *c = &cinfo->comp_info[i];
		int64_t		across = (int64_t) c->width_in_blocks + c->h_samp_factor;
		int64_t		down = (int64_t) c->height_in_blocks + c->v_samp_factor;

		bytes += across * down * (int64_t) sizeof(JBLOCK);
	}
	return bytes;
}

void
vc_jpeg_reader_take_memory(vc_jpeg_reader *reader)
{
	int64_t		bytes = memory_needed(&reader->cinfo);
	vc_status	status = vc_decode_memory_take(bytes, reader->limits, reader->error);

	if (status != VC_OK)
		vc_jpeg_reader_escape(reader, status);
	reader->memory = bytes;
}

int
vc_jpeg_reader_orientation(const vc_jpeg_reader *reader)
{
	if (reader->exif_orientation != 0)
		return reader->exif_orientation;
	return reader->xmp_orientation != 0 ? reader->xmp_orientation : 1;
}

void
vc_jpeg_reader_init(vc_jpeg_reader *reader, vc_error *error)
{
	memset(reader, 0, sizeof(*reader));
	reader->error = error;
	reader->cinfo.client_data = reader;
	reader->cinfo.err = jpeg_std_error(&reader->manager);
	reader->manager.error_exit = on_error;
	reader->manager.emit_message = on_message;
	reader->manager.output_message = on_output;
	reader->source.init_source = on_source;
	reader->source.fill_input_buffer = on_data_end;
	reader->source.skip_input_data = on_skip;
	reader->source.resync_to_restart = jpeg_resync_to_restart;
	reader->source.term_source = on_source;
}

void
vc_jpeg_reader_free(vc_jpeg_reader *reader)
{
	jpeg_destroy_decompress(&reader->cinfo);
	vc_decode_memory_give(reader->memory);
}

/*
 * jpeg_reader.h
 *		libjpeg's decoder, made safe for hostile files.
 *
 * Functions marked "may escape" report failure by longjmp to reader->escape,
 * with reader->status and *reader->error set.  The caller calls setjmp, and
 * owns the reader itself in a function above that one, for setjmp may lose
 * the locals of its own function.
 */
#ifndef VISCLF_JPEG_READER_H
#define VISCLF_JPEG_READER_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

#include "engine/image/image.h"

/* libjpeg's decoder and all that its callbacks need. */
typedef struct vc_jpeg_reader
{
	struct jpeg_decompress_struct cinfo;
	struct jpeg_source_mgr source;
	struct jpeg_error_mgr manager;
	struct jpeg_progress_mgr progress;
	jmp_buf		escape;
	vc_status	status;			/* why we escaped */
	vc_error   *error;
	const vc_decode_limits *limits;	/* NULL: only the header is read */
	int64_t		memory;			/* bytes taken, see decode_memory.h */
	bool		has_exif;
	int			exif_orientation;	/* 1..8; 0: none is stated */
	int			xmp_orientation;
	bool		ran_out;		/* libjpeg asked for more data than there are */
	int			cut_scan;		/* the first that the data end in; 0: in none */
	int			missing;		/* its rows, per cent, rounded up */
	int			places;			/* where the data make no sense */
} vc_jpeg_reader;

/* Makes a reader whose errors go to *error (NULL is allowed). */
extern void vc_jpeg_reader_init(vc_jpeg_reader *reader, vc_error *error);

/*
 * Starts libjpeg on an image and reads its header: 1, 3 or 4 components.  The
 * bytes must outlive the reader.  May escape.
 */
extern void vc_jpeg_reader_header(vc_jpeg_reader *reader,
								  const uint8_t *data, size_t size);

/* The image's orientation, 1..8: EXIF's before XMP's. */
extern int	vc_jpeg_reader_orientation(const vc_jpeg_reader *reader);

/* Takes the memory that decoding needs, from the header.  May escape. */
extern void vc_jpeg_reader_take_memory(vc_jpeg_reader *reader);

/* Gives up on the image for a reason that is already in *reader->error. */
extern void vc_jpeg_reader_escape(vc_jpeg_reader *reader, vc_status status)
			__attribute__((noreturn));

/* Frees all that a reader holds, whether or not it escaped. */
extern void vc_jpeg_reader_free(vc_jpeg_reader *reader);

#endif							/* VISCLF_JPEG_READER_H */

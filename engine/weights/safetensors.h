/*
 * safetensors.h
 *		Reading and writing weights in the safetensors format.
 *
 * A file is the length of its header (8 bytes, little-endian), the header
 * (JSON: a tensor's name to its dtype, shape and data_offsets; "__metadata__"
 * to strings by name) and the tensors' data, row-major and little-endian,
 * without holes.  The format is described in the README of
 * github.com/huggingface/safetensors.
 */
#ifndef VISCLF_SAFETENSORS_H
#define VISCLF_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/support/status.h"

#define VC_TENSOR_DIMENSIONS		8
#define VC_SAFETENSORS_MAX_HEADER	100000000	/* bytes; the format's limit */

typedef enum vc_dtype
{
	VC_DTYPE_F32,
	VC_DTYPE_F16,
	VC_DTYPE_BF16,
	VC_DTYPE_F64,
	VC_DTYPE_OTHER				/* known, but not read as floats */
} vc_dtype;

typedef struct vc_tensor
{
	const char *name;			/* UTF-8 */
	vc_dtype	dtype;
	const char *dtype_name;		/* as the format spells it */
	int			ndim;			/* 0 for a scalar */
	int64_t		shape[VC_TENSOR_DIMENSIONS];
	int64_t		count;			/* product of shape */
	const uint8_t *data;		/* not aligned */
	size_t		size;			/* bytes */
} vc_tensor;

typedef struct vc_safetensors vc_safetensors;

/*
 * Reads the header of a file that is all in memory, and checks it against the
 * file.  *file points into data, which must outlive it.  Memory is
 * proportional to the header.  Errors: VC_INVALID_ARGUMENT for all that the
 * format forbids, for fields other than dtype, shape and data_offsets, and
 * for U+0000 in a string; VC_UNSUPPORTED for more than VC_TENSOR_DIMENSIONS
 * dimensions.
 */
extern vc_status vc_safetensors_open(const uint8_t *data, size_t size,
									 vc_safetensors **file, vc_error *error);
extern void vc_safetensors_free(vc_safetensors *file);

extern int	vc_safetensors_count(const vc_safetensors *file);

/* Tensor 0..count-1, in the header's order; valid until the file is freed. */
extern const vc_tensor *vc_safetensors_tensor(const vc_safetensors *file, int index);

/* The tensor of that name, or NULL. */
extern const vc_tensor *vc_safetensors_find(const vc_safetensors *file, const char *name);

/* The metadata's string of that name, or NULL. */
extern const char *vc_safetensors_metadata(const vc_safetensors *file, const char *key);

/*
 * Writes a tensor's values to out[count]; F64 is rounded to nearest.
 * Errors: VC_UNSUPPORTED for dtypes other than F32, F16, BF16 and F64.
 */
extern vc_status vc_safetensors_to_float(const vc_tensor *tensor, float *out, vc_error *error);

/* A float32 tensor to be written.  Names are UTF-8 and distinct. */
typedef struct vc_tensor_entry
{
	const char *name;
	int			ndim;
	const int  *shape;
	size_t		offset;			/* set by the plan: of its data in the file */
	size_t		size;			/* set by the plan: bytes */
} vc_tensor_entry;

typedef struct vc_metadata_entry
{
	const char *key;			/* UTF-8, distinct */
	const char *value;			/* UTF-8 */
} vc_metadata_entry;

/* What a file to be written consists of. */
typedef struct vc_safetensors_layout
{
	vc_tensor_entry *tensors;	/* data in this order, without gaps */
	int			tensor_count;
	const vc_metadata_entry *metadata;
	int			metadata_count;
	size_t		header_size;	/* set: bytes before the data, a multiple of 8 */
	size_t		file_size;		/* set: bytes of the whole file */
} vc_safetensors_layout;

/*
 * Works out sizes and offsets.  Errors: VC_INVALID_ARGUMENT for a name or
 * metadata that is not UTF-8, a tensor called "__metadata__", a negative
 * dimension; VC_LIMIT_EXCEEDED for a header over the format's limit.
 */
extern vc_status vc_safetensors_lay_out(vc_safetensors_layout *plan, vc_error *error);

/* Writes the first header_size bytes of a plan that was laid out. */
extern void vc_safetensors_write_header(const vc_safetensors_layout *plan, uint8_t *out);

#endif							/* VISCLF_SAFETENSORS_H */

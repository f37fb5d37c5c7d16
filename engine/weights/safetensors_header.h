/*
 * safetensors_header.h
 *		What the files that read safetensors share.
 */
#ifndef VISCLF_SAFETENSORS_HEADER_H
#define VISCLF_SAFETENSORS_HEADER_H

#include "engine/weights/safetensors.h"

struct vc_safetensors
{
	char	   *strings;		/* all names and metadata */
	vc_tensor  *tensors;		/* in the header's order */
	int			tensor_count;
	int			tensor_room;
	const vc_tensor **by_name;	/* sorted */
	vc_metadata_entry *metadata;	/* sorted by key once the file is open */
	int			metadata_count;
	int			metadata_room;
};

/*
 * Reads the header's JSON, which is valid UTF-8, into an empty file; each
 * tensor's place is checked against the data's size, not against the other
 * tensors.  After an error the caller frees the file.
 */
extern vc_status vc_safetensors_read_header(vc_safetensors *file,
											const uint8_t *header, size_t header_size,
											size_t data_size, vc_error *error);

/* Fails with a message that names the tensor, or the header if that is NULL. */
extern vc_status vc_safetensors_fail(vc_error *error, vc_status code, const char *tensor,
									 const char *fmt,...) VC_PRINTF(4, 5);

#endif							/* VISCLF_SAFETENSORS_HEADER_H */

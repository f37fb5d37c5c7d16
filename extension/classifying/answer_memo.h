/*
 * answer_memo.h
 *		Remembers the answers for the last few images that a backend classified.
 *
 * PostgreSQL runs (classify(...)).* once for each column; all calls but the
 * first find their answer here. A memo belongs to one model in one precision
 * on one device.
 */
#ifndef VISCLF_ANSWER_MEMO_H
#define VISCLF_ANSWER_MEMO_H

#include "extension/support/pgcompat.h"

#include "common/sha2.h"

#include "engine/image/image.h"

/* Identifies an image: its bytes, and the settings that its decoding depends on. */
typedef struct ImageDigest
{
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
} ImageDigest;

typedef struct MemoAnswer
{
	ImageDigest image;
	vc_error	error;			/* if the code is VC_OK, flaw and logits are set */
	vc_flaw		flaw;
	float	   *logits;			/* [classes] */
} MemoAnswer;

typedef struct AnswerMemo AnswerMemo;

/* Creates an empty memo in the context, for a model with this number of classes. */
extern AnswerMemo *answer_memo_create(MemoryContext context, int classes);

extern ImageDigest image_digest(const bytea *image);

/* Returns the answer for the image, or NULL. It is valid until the next answer_memo_add. */
extern const MemoAnswer *answer_memo_find(const AnswerMemo *memo, const ImageDigest *image);

/* Stores logits[classes] and a flaw, or an error, in the oldest entry; returns the entry. */
extern const MemoAnswer *answer_memo_add(AnswerMemo *memo, const ImageDigest *image, const vc_error *error,
								 const vc_flaw *flaw, const float *logits);

#endif							/* VISCLF_ANSWER_MEMO_H */

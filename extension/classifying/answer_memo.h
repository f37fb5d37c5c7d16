/*
 * answer_memo.h
 *		The last few images that a backend has classified, and what was said.
 *
 * PostgreSQL runs (classify(...)).* once a column; all but the first find their
 * answer here.  A memo belongs to one model in one precision on one device.
 */
#ifndef VISCLF_ANSWER_MEMO_H
#define VISCLF_ANSWER_MEMO_H

#include "extension/support/pgcompat.h"

#include "common/sha2.h"

#include "engine/image/image.h"

/* What names an image: its bytes, and what else decides how it is decoded. */
typedef struct ImageDigest
{
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
} ImageDigest;

typedef struct MemoAnswer
{
	ImageDigest image;
	vc_error	error;			/* code VC_OK: flaw and logits count */
	vc_flaw		flaw;
	float	   *logits;			/* [classes] */
} MemoAnswer;

typedef struct AnswerMemo AnswerMemo;

/* An empty memo of a model of so many classes, in the context. */
extern AnswerMemo *answer_memo_create(MemoryContext context, int classes);

extern ImageDigest image_digest(const bytea *image);

/* What was said of the image, valid until the next answer_memo_add; NULL: not known. */
extern const MemoAnswer *answer_memo_find(const AnswerMemo *memo, const ImageDigest *image);

/* Keeps logits[classes] and a flaw, or an error, in the place of the oldest; the entry. */
extern const MemoAnswer *answer_memo_add(AnswerMemo *memo, const ImageDigest *image, const vc_error *error,
								 const vc_flaw *flaw, const float *logits);

#endif							/* VISCLF_ANSWER_MEMO_H */

/*
 * answer_memo.c
 *		Remembers the answers for the last few images that a backend classified.
 *
 * Images are compared by a cryptographic hash, since a wrong label is worse
 * than a slow one.
 */
#include "extension/classifying/answer_memo.h"

#include "common/cryptohash.h"

#include "extension/support/settings.h"

#define MEMO_ENTRIES 8

struct AnswerMemo
{
	int			classes;
	int			count;			/* entries that are filled */
	int			next;			/* index of the entry to fill next */
	MemoAnswer	entries[MEMO_ENTRIES];
};

AnswerMemo *
answer_memo_create(MemoryContext context, int classes)
{
	AnswerMemo	   *memo = MemoryContextAllocZero(context, sizeof(*memo));

	memo->classes = classes;
	for (int i = 0; i < MEMO_ENTRIES; i++)
		memo->entries[i].logits = MemoryContextAlloc(context, sizeof(float) * classes);
	return memo;
}

ImageDigest
image_digest(const bytea *image)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	int			limits[] = {setting_max_image_pixels, setting_decode_memory};
	ImageDigest digest;

	if (hash == NULL || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) limits, sizeof(limits)) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) VARDATA_ANY(image),
							 VARSIZE_ANY_EXHDR(image)) < 0 ||
		pg_cryptohash_final(hash, digest.bytes, sizeof(digest.bytes)) < 0)
		elog(ERROR, "could not hash an image: %s", pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
	return digest;
}

const MemoAnswer *
answer_memo_find(const AnswerMemo *memo, const ImageDigest *image)
{
	for (int i = 0; i < memo->count; i++)
		if (memcmp(&memo->entries[i].image, image, sizeof(*image)) == 0)
			return &memo->entries[i];
	return NULL;
}

const MemoAnswer *
answer_memo_add(AnswerMemo *memo, const ImageDigest *image, const vc_error *error, const vc_flaw *flaw,
		 const float *logits)
{
	MemoAnswer  *entry = &memo->entries[memo->next];

	entry->image = *image;
	entry->error = *error;
	entry->flaw = *flaw;
	if (error->code == VC_OK)
		memcpy(entry->logits, logits, sizeof(float) * memo->classes);
	memo->count = Max(memo->count, memo->next + 1);
	memo->next = (memo->next + 1) % MEMO_ENTRIES;
	return entry;
}

/*
 * pictures.h
 *		Small pictures of rows, for people to look at.
 *
 * SPI must be connected; the source is read as the current role.
 */
#ifndef VISCLF_PICTURES_H
#define VISCLF_PICTURES_H

#include "extension/support/pgcompat.h"

#include "engine/image/thumbnail.h"

/* A row to show. */
typedef struct Picture
{
	char	   *key;			/* as text */
	char	   *label;			/* what it is, as far as is known; or NULL */
	char	   *predicted;			/* what the model says; or NULL */
	double		confidence;		/* of that; NAN: not known */
	double		loss;			/* nats; NAN: not known */
	bool		found;			/* in the source; the image may still be missing */
	char	   *missing;		/* why there is no image; or NULL */
	vc_thumbnail image;			/* freed with the context */
} Picture;

typedef struct Pictures
{
	int			count;
	Picture    *list;			/* [count] */
} Pictures;

/* Where images are. */
typedef struct PictureSource
{
	Oid			relation;
	char	   *key_column;
	char	   *image_column;
} PictureSource;

/* The sentence for a place that has no image, in place of it. */
#define PICTURE_NOT_FOUND "not among the images"

/* The validation images of a version that it is most wrong about, the worst first. */
extern Pictures *pictures_top_losses(const char *model, int count);

/*
 * The rows of a relation with the least confidence.  The label is that of
 * label_column in it, as said by the model.
 */
extern Pictures *pictures_least_confident(Oid relation, const char *key_column, const char *label_column,
										  const char *confidence_column, int count);

/* Rows of the source at random, by a hash of seed and key; label_column may be NULL. */
extern Pictures *pictures_sample(const PictureSource *source, const char *label_column, int count,
								 int64 seed);

/* Reads the images, by their keys, and makes them small: no side over `side` pixels. */
extern void pictures_read(Pictures *pictures, const PictureSource *source, int side);

#endif							/* VISCLF_PICTURES_H */

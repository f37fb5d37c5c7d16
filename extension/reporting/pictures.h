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
	char	   *label;			/* true class, or NULL */
	char	   *predicted;			/* predicted class, or NULL */
	double		confidence;		/* of the prediction; NAN: not known */
	double		loss;			/* nats; NAN: not known */
	bool		found;			/* the source has the key; the image may still be missing */
	char	   *missing;		/* reason why there is no image, or NULL */
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

/* Returns the text to show in place of a missing image. */
#define PICTURE_NOT_FOUND "not among the images"

/* Returns the validation images of a version with the largest loss, in that order. */
extern Pictures *pictures_top_losses(const char *model, int count);

/*
 * Returns the rows of a relation with the least confidence. label_column has
 * the predicted class.
 */
extern Pictures *pictures_least_confident(Oid relation, const char *key_column, const char *label_column,
										  const char *confidence_column, int count);

/* Returns random rows of the source, by a hash of seed and key; label_column may be NULL. */
extern Pictures *pictures_sample(const PictureSource *source, const char *label_column, int count,
								 int64 seed);

/* Reads the images by their keys, and scales them down: no side is over `side` pixels. */
extern void pictures_read(Pictures *pictures, const PictureSource *source, int side);

#endif							/* VISCLF_PICTURES_H */

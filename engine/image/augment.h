/*
 * augment.h
 *		Random changes of training images, as fastai's batch transforms.
 *
 * VC_AUGMENT_FLIP is fastai's Flip(p=0.5).  VC_AUGMENT_LIGHT is
 * aug_transforms(do_flip=False): perspective warp of up to 0.2, rotation of up
 * to 10 degrees, zoom of up to 1.1, brightness and contrast by up to 0.2, each
 * with probability 0.75.  Pixels from outside are the image's reflection.
 */
#ifndef VISCLF_AUGMENT_H
#define VISCLF_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum vc_augment
{
	VC_AUGMENT_NONE,
	VC_AUGMENT_FLIP,
	VC_AUGMENT_LIGHT
} vc_augment;

/* What is done to one image, in fastai's units. */
typedef struct vc_change
{
	bool		flip;			/* left and right */
	double		warp_x;			/* -0.2 to 0.2; 0: none */
	double		warp_y;
	double		degrees;		/* of rotation; 0: none */
	double		zoom;			/* 1: none */
	double		zoom_x;			/* 0 to 1: where the zoom's centre is */
	double		zoom_y;
	double		brightness;		/* 0 to 1; 0.5: as it is */
	double		contrast;		/* 1: as it is */
} vc_change;

/* Draws what happens to image `index` of an epoch; equal calls draw equal changes. */
extern void vc_augment_draw(vc_augment kind, uint64_t seed, uint64_t epoch, uint64_t index,
							vc_change *change);

/* Applies a change: image[size][size][3] to out, which must not be the same. */
extern void vc_augment_apply(const vc_change *change, const uint8_t *image, int size,
							 uint8_t *out);

/* "none", "flip", "light"; false where the name is none of them. */
extern bool vc_augment_from_name(const char *name, vc_augment *kind);
extern const char *vc_augment_name(vc_augment kind);

#endif							/* VISCLF_AUGMENT_H */

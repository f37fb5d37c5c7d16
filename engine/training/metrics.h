/*
 * metrics.h
 *		From logits to probabilities, losses and labels.
 *
 * A network either says which one class an image is (softmax), or of each
 * class whether the image carries it (sigmoid; "multi-label").
 */
#ifndef VISCLF_METRICS_H
#define VISCLF_METRICS_H

#include <stdint.h>

#include "engine/support/status.h"

/* Softmax of logits[classes] into probabilities[classes] (may be the same). */
extern void vc_softmax(const float *logits, int classes, float *probabilities);

/* The sigmoid of each of logits[classes]; probabilities may be the same. */
extern void vc_sigmoid(const float *logits, int classes, float *probabilities);

/* Cross entropy of one image, in nats; label is 0-based. */
extern double vc_cross_entropy(const float *logits, int classes, int label);

/*
 * Binary cross entropy of one image, in nats, the mean over classes;
 * members[classes] is 1 where the image carries the class, else 0.
 */
extern double vc_binary_cross_entropy(const float *logits, int classes, const uint8_t *members);

/* Index of the largest; the first of equals. */
extern int	vc_argmax(const float *values, int count);

/*
 * How often each class was given which probability, for the figures of a
 * multi-label network at any threshold.  Memory is in proportion to the
 * classes, whatever the number of images.
 */
typedef struct vc_tally vc_tally;

/* Errors: VC_OUT_OF_MEMORY. */
extern vc_status vc_tally_create(int classes, vc_tally **tally, vc_error *error);
extern void vc_tally_free(vc_tally *tally);

/* Adds an image: probabilities[classes] (outside 0 to 1, or NaN: 0), members[classes]. */
extern void vc_tally_add(vc_tally *tally, const float *probabilities, const uint8_t *members);

/*
 * The share of all images and classes that are told right, and the mean of the
 * classes' F1, where a class counts as carried from `threshold` on; a class
 * that is neither carried nor said to be has an F1 of 0, as in scikit-learn.
 */
extern double vc_tally_accuracy(const vc_tally *tally, double threshold);
extern double vc_tally_f1(const vc_tally *tally, double threshold);

/*
 * The threshold with the best F1 of one class, of the multiples of 0.005; of
 * equals the nearest to 0.5.
 */
extern double vc_tally_best(const vc_tally *tally, int class_index);

#endif							/* VISCLF_METRICS_H */

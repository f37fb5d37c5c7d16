/*
 * metrics.h
 *		From logits to probabilities, losses and labels.
 *
 * A network either predicts the one class of an image (softmax), or for each
 * class whether the image has it (sigmoid; "multi-label").
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
 * members[classes] is 1 if the image has the class, else 0.
 */
extern double vc_binary_cross_entropy(const float *logits, int classes, const uint8_t *members);

/* Index of the largest value; the first of equals. */
extern int	vc_argmax(const float *values, int count);

/*
 * Counts how often each class got which probability, for metrics of a
 * multi-label network at any threshold.  Memory depends on the number of
 * classes, not of images.
 */
typedef struct vc_tally vc_tally;

/* Errors: VC_OUT_OF_MEMORY. */
extern vc_status vc_tally_create(int classes, vc_tally **tally, vc_error *error);
extern void vc_tally_free(vc_tally *tally);

/*
 * Adds an image: probabilities[classes] (those outside 0 to 1, and NaN, count
 * as 0), members[classes].
 */
extern void vc_tally_add(vc_tally *tally, const float *probabilities, const uint8_t *members);

/*
 * The share of all images and classes that are predicted right, and the mean
 * of the classes' F1.  A class is predicted if its probability is `threshold`
 * or more.  A class that no image has and none is predicted to have gets an
 * F1 of 0, as in scikit-learn.
 */
extern double vc_tally_accuracy(const vc_tally *tally, double threshold);
extern double vc_tally_f1(const vc_tally *tally, double threshold);

/*
 * The threshold with the best F1 of one class, among the multiples of 0.005;
 * of equal ones the nearest to 0.5.
 */
extern double vc_tally_best(const vc_tally *tally, int class_index);

#endif							/* VISCLF_METRICS_H */

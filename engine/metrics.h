/*
 * metrics.h
 *		From logits to probabilities, losses and labels.
 */
#ifndef VISCLF_METRICS_H
#define VISCLF_METRICS_H

/* Softmax of logits[classes] into probabilities[classes] (may be the same). */
extern void vc_softmax(const float *logits, int classes, float *probabilities);

/* Cross entropy of one image, in nats; label is 0-based. */
extern double vc_cross_entropy(const float *logits, int classes, int label);

/* Index of the largest; the first of equals. */
extern int	vc_argmax(const float *values, int count);

#endif							/* VISCLF_METRICS_H */

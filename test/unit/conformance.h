/*
 * conformance.h
 *		What the parts of the conformance program share.
 */
#ifndef VISCLF_CONFORMANCE_H
#define VISCLF_CONFORMANCE_H

#include "engine/device.h"

/* The kinds of error that are measured, each with its own tolerance. */
typedef enum measure
{
	FORWARD,					/* logits, features, loss: see difference() */
	GRADIENT,					/* where no jump was in reach: see distance() */
	NEAR_JUMP,					/* gradients where one was */
	STATISTICS,					/* running mean and variance */
	ADAM,						/* the update, from the device's own gradient */
	STEPS,						/* logits after three steps */
	REPEAT,						/* the same computation twice */
	MEASURES
} measure;

/* A device in one of its modes, what is allowed, and the worst that was seen. */
typedef struct subject
{
	const char *device_name;
	const char *mode;
	vc_precision precision;
	vc_algorithm algorithm;
	bool		rounds;			/* products of fewer bits than float32's */
	double		reach;			/* of rounding errors; see vc_oracle_margin */
	double		limit[MEASURES];
	double		worst[MEASURES];	/* less the slack */
	const vc_device_api *api;
	vc_device  *device;
} subject;

#define MAX_SUBJECTS 4			/* modes of a device: direct, auto, precisions */
extern int	subject_count;

/* The oracle, against which the subjects are held. */
extern subject reference;

/* The errors of one test, and where each was largest. */
typedef struct outcome
{
	double		slack;			/* for FORWARD and STATISTICS, where the subject
								 * rounds NEAR_JUMP too; 0 is 1 */
	bool		seen[MEASURES];
	double		error[MEASURES];
	char		where[MEASURES][96];
} outcome;

/* conformance_compare.c; first TAP's ok(), diag() and done() for all files. */
extern bool check(bool condition, const char *fmt,...) VC_PRINTF(2, 3);
extern void note(const char *fmt,...) VC_PRINTF(1, 2);
extern int	finish(void);
extern bool find_subjects(const char *device_name, const char *mode, subject *subjects);
extern double difference(const float *got, const float *expected, int64_t count);
extern double distance(const float *got, const float *expected, int64_t count, double least);
extern double norm(const float *data, int64_t count);
extern void record(outcome *o, measure m, double error, const char *fmt,...) VC_PRINTF(4, 5);
extern void report(subject *s, const char *name, const outcome *o);
extern void report_worst(const subject *s);

/*
 * Plans and parameters without error handling: a failure is a failed check
 * and then the end of the program, for the rest could not be trusted.
 */
extern vc_plan *make_plan(const subject *s, const vc_network *network, vc_purpose purpose,
						  int max_batch);
extern void must(vc_status status, const vc_error *error, const char *what);
extern void set_parameters(const subject *s, vc_plan *plan, const vc_network *network,
						   float *const *parameters);
extern float *get_parameter(const subject *s, vc_plan *plan, const vc_network *network, int index);
extern float step_of(const subject *s, vc_plan *plan, const uint8_t *images,
					 const vc_targets *targets, int count, const vc_step *step, float *logits);

/* conformance_networks.c */
extern uint8_t *find_batch(vc_plan *oracle, const vc_network *network, const vc_targets *targets,
						   int count, const vc_step *step, int tries, uint64_t seed,
						   double *margin);

/* A step that changes nothing but the running statistics. */
extern const vc_step idle_step;

/* A step as fastai takes it: three rates, decay, dropout's seed. */
extern const vc_step usual_step;

/* The parts of the program; `subjects` are the subject_count modes of a device. */
extern void conform_small_networks(subject *subjects, const char *filter);
extern void conform_whole_networks(subject *subjects, const char *filter);
extern void conform_training(subject *s);
extern void conform_errors(subject *s);
extern void conform_int8(const subject *s);
extern void conform_shared(const subject *s);
extern void check_oracle_gradients(void);

#endif							/* VISCLF_CONFORMANCE_H */

/*
 * model.h
 *		A version of a model: its row, its network, its tensors.
 */
#ifndef VISCLF_MODEL_H
#define VISCLF_MODEL_H

#include "extension/support/pgcompat.h"

#include "datatype/timestamp.h"

#include "engine/device.h"
#include "engine/image/image.h"
#include "engine/network/network.h"

/* Number of images that set the ranges for int8; more hardly raise them. */
#define CALIBRATION_IMAGES 64

#define MODEL_NAME_LENGTH 200	/* bytes */

/*
 * Identifies a version: its created_at differs from that of a version with the
 * same number in an extension created later, its xmin changes when it is
 * calibrated, or that is rolled back.
 */
typedef struct ModelKey
{
	int			model_id;
	TimestampTz created_at;
	TransactionId row_xmin;		/* xmin of the row */
} ModelKey;

typedef struct Model
{
	int			model_id;
	char	   *name;
	int			version;
	Oid			owner;
	char	   *architecture;
	vc_head		head;
	char	  **classes;
	int			class_count;
	bool		multi_label;	/* images have any number of classes */
	float	   *thresholds;		/* [class_count] least probability of a class; NULL: 0.5 */
	int			image_size;
	vc_resize	resize;
	float		mean[3];
	float		std[3];
	float	   *ranges;			/* of activations [node_count]; NULL: not calibrated */
	float		int8_agreement; /* with float32, 0 to 1; set if there are ranges */
	vc_network *network;		/* freed with the model's context */
} Model;

/*
 * Returns the active version of a name; throws if the current role may read
 * none. Connects to SPI itself.
 */
extern ModelKey model_find_active(const char *name);

/*
 * Reads a version's row and describes its network, in the context. With
 * latest, it sees this statement's own writes. SPI must be connected.
 */
extern Model *model_read(int model_id, bool latest, MemoryContext context);

/* Sets model->network from the other fields. */
extern void model_describe(Model *model, float dropout, MemoryContext context);

/*
 * Throws unless all of values[count], outputs of the network, are finite.
 * Others mean that the weights are damaged or far too large.
 */
extern void model_check_numbers(const Model *model, const float *values, int64 count);

/* Throws unless the name is valid for a model. */
extern void model_check_name(const char *name);

/*
 * Returns a hint for a model that does not exist: the most similar name that
 * the current role may see, then the text. SPI must be connected.
 */
extern char *suggest_model(const char *name, const char *text);

/* Sets out[class_count], the probabilities of one image's logits. */
extern void model_probabilities(const Model *model, const float *logits, float *out);

/*
 * Sets labels[class_count] to the predicted classes, ascending, and returns
 * their number. It is 1 unless the model is multi-label.
 */
extern int	model_labels(const Model *model, const float *probabilities, int *labels);

/*
 * Returns a hash of the predicted classes of one image's logits; fills
 * probabilities[class_count].
 */
extern uint64 model_predicted(const Model *model, const float *logits, float *probabilities);

typedef void (*weight_function) (int index, const float *data, void *argument);

/* Calls use() for each of the version's tensors, in any order. SPI must be connected. */
extern void weights_each(const Model *model, weight_function use, void *argument);

/* Allocate a parameter's numbers; write them as a row. */
extern bytea *tensor_alloc(const vc_parameter *parameter);
extern void weight_write(const Model *model, int index, bytea *data);

/* Sets every parameter of a plan from the version's rows. SPI must be connected. */
extern void weights_read(const Model *model, const vc_device_api *api, vc_plan *plan);

/* Writes every parameter of a plan as rows, new or again. SPI must be connected. */
extern void weights_write(const Model *model, const vc_device_api *api, vc_plan *plan);

/* The same for the optimiser's averages of the trainable parameters. */
extern void optimizer_read(const Model *model, const vc_device_api *api, vc_plan *plan);
extern void optimizer_write(const Model *model, const vc_device_api *api, vc_plan *plan);

extern const char *head_name(vc_head head);
extern bool head_from_name(const char *name, vc_head *head);

#endif							/* VISCLF_MODEL_H */

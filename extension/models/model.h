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

/* Images that a version is calibrated for int8 on: their largest activations hardly grow beyond. */
#define CALIBRATION_IMAGES 64

#define MODEL_NAME_LENGTH 200	/* bytes, at most */

/*
 * A version, told apart from one of the same number in a later extension, and
 * from itself before it was calibrated or had that rolled back.
 */
typedef struct ModelKey
{
	int			model_id;
	TimestampTz created_at;
	TransactionId row_xmin;		/* that wrote the row as it is */
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
	bool		multi_label;	/* images carry any number of classes */
	float	   *thresholds;		/* [class_count] from which a class is carried; NULL: 0.5 */
	int			image_size;
	vc_resize	resize;
	float		mean[3];
	float		std[3];
	float	   *ranges;			/* of activations [node_count]; NULL: not known */
	float		int8_agreement; /* with float32, 0 to 1; where there are ranges */
	vc_network *network;		/* freed with the context the model is in */
} Model;

/*
 * The active version that the current role may read; an error where there is
 * none.  Connects to SPI itself.
 */
extern ModelKey model_find_active(const char *name);

/*
 * Reads a version's row and describes its network, in the context.  With
 * latest, rows that this transaction wrote in the same statement count too.
 * SPI must be connected.
 */
extern Model *model_read(int model_id, bool latest, MemoryContext context);

/* Describes model->network from the other fields. */
extern void model_describe(Model *model, float dropout, MemoryContext context);

/*
 * Throws where what the network gives for images, values[count], are no finite
 * numbers, as only weights make them that are damaged or far too large.
 */
extern void model_check_numbers(const Model *model, const float *values, int64 count);

/* Throws unless a model may have the name. */
extern void model_check_name(const char *name);

/*
 * A hint for a model that is not there: the name of one that the current role
 * may see, where it is nearly the same, before the text.  SPI connected.
 */
extern char *suggest_model(const char *name, const char *text);

/* What the logits of one image say of each class; out[class_count]. */
extern void model_probabilities(const Model *model, const float *logits, float *out);

/*
 * The classes that an image is said to carry, ascending, into
 * labels[class_count]; their number, which is 1 but for multi-label models.
 */
extern int	model_labels(const Model *model, const float *probabilities, int *labels);

/*
 * Identifies those classes, by the logits of one image; probabilities[class_count]
 * are filled.
 */
extern uint64 model_predicted(const Model *model, const float *logits, float *probabilities);

typedef void (*weight_function) (int index, const float *data, void *argument);

/* Calls use() for each of the version's tensors, in any order.  SPI connected. */
extern void weights_each(const Model *model, weight_function use, void *argument);

/* Room for a parameter's numbers, and writing it as a row. */
extern bytea *tensor_alloc(const vc_parameter *parameter);
extern void weight_write(const Model *model, int index, bytea *data);

/* Sets every parameter of a plan from the version's rows.  SPI connected. */
extern void weights_read(const Model *model, const vc_device_api *api, vc_plan *plan);

/* Writes every parameter of a plan as rows, new or again.  SPI connected. */
extern void weights_write(const Model *model, const vc_device_api *api, vc_plan *plan);

/* The same for the optimiser's averages of the parameters that train. */
extern void optimizer_read(const Model *model, const vc_device_api *api, vc_plan *plan);
extern void optimizer_write(const Model *model, const vc_device_api *api, vc_plan *plan);

extern const char *head_name(vc_head head);
extern bool head_from_name(const char *name, vc_head *head);

#endif							/* VISCLF_MODEL_H */

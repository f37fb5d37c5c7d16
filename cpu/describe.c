/*
 * describe.c
 *		Descriptions of a convolution and of its tensors for oneDNN.
 */
#include "cpu/convolution.h"

/* The type of a layout's elements. */
dnnl_data_type_t
vc_cpu_data_type(int layout)
{
	return layout == VC_CPU_SIGNED ? dnnl_s8 : layout == VC_CPU_UNSIGNED ? dnnl_u8 : dnnl_f32;
}

static vc_md
activation_md(const vc_device *device, int count, int channels, int height, int width,
			  int layout)
{
	dnnl_dim_t	dims[4] = {count, channels, height, width};

	return vc_md_create_typed(4, dims, vc_cpu_data_type(layout),
							  layout == VC_CPU_PLAIN ? dnnl_nchw :
							  layout != VC_CPU_BLOCKED ? dnnl_nhwc :
							  device->block == 16 ? dnnl_nChw16c : dnnl_nChw8c);
}

/*
 * Describes a convolution's weights in a layout; free with vc_md_free.  If an
 * int8 kernel may choose the layout, elements are bytes.
 */
vc_md
vc_cpu_weights_md(const vc_cpu_shape *s, dnnl_format_tag_t tag)
{
	dnnl_dim_t	dims[4] = {s->out_channels, s->channels, s->kernel, s->kernel};
	bool		int8 = tag == dnnl_format_tag_any && vc_cpu_is_int8(s->source);

	return vc_md_create_typed(4, dims, int8 ? dnnl_s8 : dnnl_f32, tag);
}

vc_status
vc_cpu_convolution_desc(const vc_device *device, const vc_cpu_shape *s, int count,
						vc_direction direction, bool winograd, vc_md weights, bool bias,
						const_dnnl_primitive_attr_t attr,
						dnnl_primitive_desc_t *desc, vc_error *error)
{
	dnnl_dim_t	bias_dims[1] = {s->out_channels};
	vc_md		source = activation_md(device, count, s->channels, s->height, s->width,
									   s->source);
	vc_md		destination = activation_md(device, count, s->out_channels, s->out_height,
											s->out_width, s->destination);
	vc_md		any = vc_cpu_weights_md(s, dnnl_format_tag_any);
	vc_md		bias_md = bias ? vc_md_create(1, bias_dims, dnnl_x) : NULL;
	dnnl_primitive_desc_t hint = NULL;
	dnnl_status_t status = dnnl_out_of_memory;

	*desc = NULL;
	if (source != NULL && destination != NULL && any != NULL && (bias_md != NULL || !bias) &&
		vc_cpu_room() == dnnl_success)
	{
		status = dnnl_success;
		if (direction == VC_BACKWARD_DATA || direction == VC_BACKWARD_WEIGHTS)
			status = vc_dnnl_convolution_create(&hint, device->engine, VC_FORWARD_TRAINING,
												winograd, source, any, NULL, destination,
												s->stride, s->padding, NULL, NULL);
		if (status == dnnl_success)
			status = vc_dnnl_convolution_create(desc, device->engine, direction, winograd,
												source, weights != NULL ? weights : any,
												bias_md, destination, s->stride, s->padding,
												attr, hint);
	}
	dnnl_primitive_desc_destroy(hint);
	vc_md_free(source);
	vc_md_free(destination);
	vc_md_free(any);
	vc_md_free(bias_md);
	if (status == dnnl_success || status == dnnl_unimplemented)
		return VC_OK;
	return vc_cpu_dnnl_failed(error, status, "describing a convolution");
}

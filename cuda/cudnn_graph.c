/*
 * cudnn_graph.c
 *		A convolution as a graph of cuDNN's operations.
 */
#include "cuda/cudnn_private.h"

/* At most: convolution, bias, addition, relu; tensors; the convolution and three modes. */
#define OPERATIONS	4
#define PARTS		24

/* A graph in the making, and all that it refers to. */
typedef struct builder
{
	const vc_cuda_problem *problem;
	cudnnStatus_t status;		/* the first failure */
	cudnnBackendDescriptor_t parts[PARTS];
	int			part_count;
	cudnnBackendDescriptor_t operations[OPERATIONS];
	int			operation_count;
} builder;

void
vc_cudnn_destroy(cudnnBackendDescriptor_t descriptor)
{
	if (descriptor != NULL)
		cudnnBackendDestroyDescriptor(descriptor);
}

static void
note(builder *b, cudnnStatus_t status)
{
	if (b->status == CUDNN_STATUS_SUCCESS)
		b->status = status;
}

/* Makes a descriptor, which lives as long as the builder; NULL after a failure. */
static cudnnBackendDescriptor_t
make(builder *b, cudnnBackendDescriptorType_t type)
{
	cudnnBackendDescriptor_t descriptor = NULL;

	if (b->status == CUDNN_STATUS_SUCCESS)
		note(b, cudnnBackendCreateDescriptor(type, &descriptor));
	if (b->status != CUDNN_STATUS_SUCCESS)
		return NULL;
	b->parts[b->part_count++] = descriptor;
	return descriptor;
}

static void
set(builder *b, cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
	cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
	if (b->status == CUDNN_STATUS_SUCCESS)
		note(b, cudnnBackendSetAttribute(descriptor, name, type, count, values));
}

static void
refer(builder *b, cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
	  cudnnBackendDescriptor_t to)
{
	set(b, descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &to);
}

static void
finalize(builder *b, cudnnBackendDescriptor_t descriptor)
{
	if (b->status == CUDNN_STATUS_SUCCESS)
		note(b, cudnnBackendFinalize(descriptor));
}

static cudnnDataType_t
data_type(int type)
{
	switch (type)
	{
		case VC_CUDA_BFLOAT16:
			return CUDNN_DATA_BFLOAT16;
		case VC_CUDA_HALF:
			return CUDNN_DATA_HALF;
		default:
			return CUDNN_DATA_FLOAT;
	}
}

/*
 * Makes a tensor of n, c, h, w whose channels lie together.  A virtual one
 * exists only between operations and is float32, as sums are.
 */
static cudnnBackendDescriptor_t
make_tensor(builder *b, int64_t id, cudnnDataType_t type, bool is_virtual,
			int64_t n, int64_t c, int64_t h, int64_t w)
{
	const int64_t dims[4] = {n, c, h, w};
	const int64_t strides[4] = {h * w * c, 1, w * c, c};
	const int64_t alignment = 16;
	cudnnBackendDescriptor_t tensor = make(b, CUDNN_BACKEND_TENSOR_DESCRIPTOR);

	set(b, tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
	set(b, tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims);
	set(b, tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
	set(b, tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
	set(b, tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
	set(b, tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
	finalize(b, tensor);
	return tensor;
}

static cudnnBackendDescriptor_t
make_x(builder *b)
{
	const vc_cuda_problem *p = b->problem;

	return make_tensor(b, VC_CUDNN_X, data_type(p->type), false,
					   p->count, p->channels, p->height, p->width);
}

static cudnnBackendDescriptor_t
make_w(builder *b)
{
	const vc_cuda_problem *p = b->problem;

	return make_tensor(b, VC_CUDNN_W, data_type(p->type), false,
					   p->out_channels, p->channels, p->kernel, p->kernel);
}

/* Like y: y itself and others of its shape. */
static cudnnBackendDescriptor_t
make_like_y(builder *b, int64_t id)
{
	const vc_cuda_problem *p = b->problem;
	bool		is_virtual = id >= VC_CUDNN_PRODUCT;

	return make_tensor(b, id, is_virtual ? CUDNN_DATA_FLOAT : data_type(p->type), is_virtual,
					   p->count, p->out_channels, p->out_height, p->out_width);
}

/* Strides, padding and the type that sums are made in. */
static cudnnBackendDescriptor_t
make_convolution(builder *b)
{
	const vc_cuda_problem *p = b->problem;
	const cudnnDataType_t type = CUDNN_DATA_FLOAT;
	const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
	const int64_t axes = 2;
	const int64_t ones[2] = {1, 1};
	const int64_t strides[2] = {p->stride, p->stride};
	const int64_t padding[2] = {p->padding, p->padding};
	cudnnBackendDescriptor_t c = make(b, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);

	set(b, c, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
	set(b, c, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
	set(b, c, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &axes);
	set(b, c, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
	set(b, c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, strides);
	set(b, c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, padding);
	set(b, c, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, padding);
	finalize(b, c);
	return c;
}

/* Ends an operation and puts it into the graph. */
static void
add_operation(builder *b, cudnnBackendDescriptor_t operation)
{
	finalize(b, operation);
	if (b->status == CUDNN_STATUS_SUCCESS)
		b->operations[b->operation_count++] = operation;
}

static void
set_scales(builder *b, cudnnBackendDescriptor_t operation, cudnnBackendAttributeName_t alpha,
		   cudnnBackendAttributeName_t beta)
{
	const float one = 1;
	const float zero = 0;

	set(b, operation, alpha, CUDNN_TYPE_FLOAT, 1, &one);
	set(b, operation, beta, CUDNN_TYPE_FLOAT, 1, &zero);
}

static void
add_forward(builder *b, cudnnBackendDescriptor_t y)
{
	cudnnBackendDescriptor_t o = make(b, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);

	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, make_convolution(b));
	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, make_x(b));
	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, make_w(b));
	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
	set_scales(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
			   CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA);
	add_operation(b, o);
}

static void
add_backward_data(builder *b)
{
	cudnnBackendDescriptor_t o =
		make(b, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR);

	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, make_convolution(b));
	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, make_x(b));
	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, make_w(b));
	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, make_like_y(b, VC_CUDNN_Y));
	set_scales(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
			   CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA);
	add_operation(b, o);
}

static void
add_backward_weights(builder *b)
{
	cudnnBackendDescriptor_t o =
		make(b, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);

	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, make_convolution(b));
	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, make_x(b));
	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, make_w(b));
	refer(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, make_like_y(b, VC_CUDNN_Y));
	set_scales(b, o, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
			   CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA);
	add_operation(b, o);
}

/* y = mode(x, operand), in float32; operand is NULL if the mode has none. */
static void
add_pointwise(builder *b, cudnnPointwiseMode_t mode, cudnnBackendDescriptor_t x,
			  cudnnBackendDescriptor_t operand, cudnnBackendDescriptor_t y)
{
	const cudnnDataType_t type = CUDNN_DATA_FLOAT;
	cudnnBackendDescriptor_t how = make(b, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
	cudnnBackendDescriptor_t o;

	set(b, how, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
	set(b, how, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
	finalize(b, how);
	o = make(b, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
	refer(b, o, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
	refer(b, o, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
	if (operand != NULL)
		refer(b, o, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, operand);
	refer(b, o, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
	add_operation(b, o);
}

/* y = relu(convolution + bias + other); other and relu only if the problem has them. */
static void
add_fused(builder *b)
{
	const vc_cuda_problem *p = b->problem;
	cudnnBackendDescriptor_t x = make_like_y(b, VC_CUDNN_PRODUCT);
	cudnnBackendDescriptor_t y = make_like_y(b, p->adds || p->relu ? VC_CUDNN_BIASED : VC_CUDNN_Y);

	add_forward(b, x);
	add_pointwise(b, CUDNN_POINTWISE_ADD, x,
				  make_tensor(b, VC_CUDNN_BIAS, CUDNN_DATA_FLOAT, false, 1, p->out_channels, 1, 1), y);
	if (p->adds)
	{
		x = y;
		y = make_like_y(b, p->relu ? VC_CUDNN_SUM : VC_CUDNN_Y);
		add_pointwise(b, CUDNN_POINTWISE_ADD, x, make_like_y(b, VC_CUDNN_OTHER), y);
	}
	if (p->relu)
		add_pointwise(b, CUDNN_POINTWISE_RELU_FWD, y, NULL, make_like_y(b, VC_CUDNN_Y));
}

static void
add_problem(builder *b)
{
	if (b->problem->direction == VC_CUDA_BACKWARD_DATA)
		add_backward_data(b);
	else if (b->problem->direction == VC_CUDA_BACKWARD_WEIGHTS)
		add_backward_weights(b);
	else if (b->problem->fused)
		add_fused(b);
	else
		add_forward(b, make_like_y(b, VC_CUDNN_Y));
}

cudnnStatus_t
vc_cudnn_graph(const vc_cuda_library *library, const vc_cuda_problem *problem,
			   cudnnBackendDescriptor_t *graph)
{
	builder		b = {.problem = problem,.status = CUDNN_STATUS_SUCCESS};
	cudnnBackendDescriptor_t g;

	*graph = NULL;
	add_problem(&b);
	g = make(&b, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
	if (library->handle != NULL)
		set(&b, g, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &library->handle);
	set(&b, g, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
		b.operation_count, b.operations);
	finalize(&b, g);
	if (b.status == CUDNN_STATUS_SUCCESS)
	{
		*graph = g;
		b.part_count--;			/* it was the last */
	}
	while (b.part_count > 0)
		vc_cudnn_destroy(b.parts[--b.part_count]);
	return b.status;
}

/*
 * linear.cu
 *		Matrix products of the head, in float32.
 *
 * The head is a hundredth of a network's work, so a plain tiled product is
 * enough: a block computes 64 x 64 results, a thread 4 x 4 of them.  Products
 * are not rounded to TF32, so the head is as exact as its inputs.
 */
#include "cuda/element.cuh"

#define TILE	64
#define DEPTH	16
#define THREADS	256

/* An element of a factor: row `i` of the result's side, `k` of the sum. */
static __device__ __forceinline__ float
element(const float *x, bool transposed, int i, int k, int rows, int depth)
{
	if (i >= rows || k >= depth)
		return 0;
	return transposed ? x[(int64_t) k * rows + i] : x[(int64_t) i * depth + k];
}

/*
 * Fills one tile [DEPTH][TILE] of a factor.  Neighbouring threads read
 * neighbouring elements, whichever way the factor lies.
 */
static __device__ __forceinline__ void
load_tile(float (*tile)[TILE + 1], const float *x, bool transposed, int first, int k0,
		  int rows, int depth)
{
	for (int e = threadIdx.x; e < TILE * DEPTH; e += THREADS)
	{
		int			i = transposed ? e % TILE : e / DEPTH;
		int			k = transposed ? e / TILE : e % DEPTH;

		tile[k][i] = element(x, transposed, first + i, k0 + k, rows, depth);
	}
}

static __global__ void
product_kernel(vc_cuda_product p)
{
	__shared__ float a[DEPTH][TILE + 1];
	__shared__ float b[DEPTH][TILE + 1];
	int			row = threadIdx.x / 16;
	int			column = threadIdx.x % 16;
	float		sum[4][4] = {{0}};

	for (int k0 = 0; k0 < p.k; k0 += DEPTH)
	{
		load_tile(a, p.a, p.transpose_a, blockIdx.y * TILE, k0, p.m, p.k);
		load_tile(b, p.b, !p.transpose_b, blockIdx.x * TILE, k0, p.n, p.k);
		__syncthreads();
#pragma unroll
		for (int k = 0; k < DEPTH; k++)
#pragma unroll
			for (int i = 0; i < 4; i++)
#pragma unroll
				for (int j = 0; j < 4; j++)
					sum[i][j] += a[k][row + 16 * i] * b[k][column + 16 * j];
		__syncthreads();
	}
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
		{
			int			y = blockIdx.y * TILE + row + 16 * i;
			int			x = blockIdx.x * TILE + column + 16 * j;

			if (y < p.m && x < p.n)
				p.c[(int64_t) y * p.n + x] = sum[i][j] + (p.bias != NULL ? p.bias[x] : 0);
		}
}

cudaError_t
vc_cuda_launch_product(const vc_cuda_product *product, cudaStream_t stream)
{
	dim3		grid(blocks_for(product->n, TILE), blocks_for(product->m, TILE));

	return VC_LAUNCH(product_kernel, grid, THREADS, stream, *product);
}

static __global__ void
column_sums_kernel(const float *x, int rows, int columns, float *sums)
{
	int			column = (int) thread_number();
	float		sum = 0;

	if (column >= columns)
		return;
	for (int row = 0; row < rows; row++)
		sum += x[(int64_t) row * columns + column];
	sums[column] = sum;
}

cudaError_t
vc_cuda_launch_column_sums(const float *x, int rows, int columns, float *sums,
						   cudaStream_t stream)
{
	return VC_LAUNCH(column_sums_kernel, blocks_for(columns, 128), 128, stream,
					 x, rows, columns, sums);
}

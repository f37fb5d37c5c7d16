/*
 * random.h
 *		Random numbers that are the same on every machine and device.
 *
 * Counter-based: a value is a function of (seed, stream, index), so that a
 * device may draw values in any order, and a resumed run draws the same as an
 * uninterrupted one.  The mixing function is SplitMix64's finaliser (Steele,
 * Lea, Flood 2014).  Plain C that nvcc also compiles.
 */
#ifndef VISCLF_RANDOM_H
#define VISCLF_RANDOM_H

#include <stdint.h>

#ifdef __CUDACC__
#define VC_INLINE static __host__ __device__ inline
#else
#define VC_INLINE static inline
#endif

VC_INLINE uint64_t
vc_mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

/* 64 random bits. */
VC_INLINE uint64_t
vc_random_bits(uint64_t seed, uint64_t stream, uint64_t index)
{
	return vc_mix(vc_mix(vc_mix(seed) ^ stream) ^ index);
}

/* Uniform in [0, 1), a multiple of 2^-24: exact as a float. */
VC_INLINE float
vc_random_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
	return (float) (vc_random_bits(seed, stream, index) >> 40) * (1.0f / 16777216.0f);
}

/*
 * Tells whether dropout keeps an element. node is the dropout node's index,
 * row the image's place in the batch, column the feature; rate is the share
 * that is dropped.
 */
VC_INLINE int
vc_dropout_keep(uint64_t seed, int64_t step, int node, int row, int column, float rate)
{
	uint64_t	stream = ((uint64_t) step << 16) ^ (uint64_t) node;
	uint64_t	index = ((uint64_t) row << 32) | (uint32_t) column;

	return vc_random_uniform(seed, stream, index) >= rate;
}

#endif							/* VISCLF_RANDOM_H */

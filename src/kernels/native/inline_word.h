// SPIKESHIP_INLINE: a function of one element, which kernel files of every instruction set and device libraries compile into their own
// loops. Always inlined: the linker must not keep one file's copy for another (see isa.h).
#pragma once

#if defined(__CUDACC__)
#define SPIKESHIP_INLINE static __host__ __device__ __forceinline__
#else
#define SPIKESHIP_INLINE static inline __attribute__((always_inline))
#endif

// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), the generator of core/random.ts: block b
// of a stream has counter (low word of b, high word of b, stream, 0) and key (seed, 0). And what is made of its words. Included like
// element_ops.h.
#pragma once

#include <cmath>
#include <cstdint>

#include "random_kernels.h"
#include "vector_math.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

struct PhiloxWords {
  uint32_t word0, word1, word2, word3;
};

// The four words of block `number`.
SPIKESHIP_INLINE PhiloxWords philox(uint32_t seed, uint32_t stream, uint64_t number) {
  uint32_t c0 = static_cast<uint32_t>(number);
  uint32_t c1 = static_cast<uint32_t>(number >> 32);
  uint32_t c2 = stream;
  uint32_t c3 = 0;
  uint32_t k0 = seed;
  uint32_t k1 = 0;
#if defined(__CUDA_ARCH__)
#pragma unroll
#elif !defined(__CUDACC__)
#pragma GCC unroll 10
#endif
  for (int round = 0; round < 10; round++) {
    const uint64_t product0 = uint64_t{0xd2511f53u} * c0;
    const uint64_t product1 = uint64_t{0xcd9e8d57u} * c2;
    c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(product1);
    c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(product0);
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return {c0, c1, c2, c3};
}

// In [0, 1), a multiple of 2^-24.
SPIKESHIP_INLINE float uniform_of(uint32_t word) { return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24f; }

// Box and Muller: sqrt(-2 ln u) cos(2 pi v), u = (first word + 1) / 2^32 in (0, 1], v = second word / 2^32.
SPIKESHIP_INLINE float normal_of(uint32_t first, uint32_t second) {
  const double u = (static_cast<double>(first) + 1.0) * 0x1p-32;
  const double v = static_cast<double>(second) * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * log_double(u)) * cos_turns(v));
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE

// How a block's rows reach memory: results that are larger than the caches are streamed past them, which saves reading
// the lines that are about to be overwritten. Constants and inline functions of the including file's namespace only.
#pragma once

#include <cstddef>
#include <cstdint>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {
namespace {

// Outputs of a call from this size on are streamed: nothing of them would still be in a cache when the next operation
// reads it.
constexpr size_t stream_from_bytes = size_t{8} << 20;

inline __attribute__((always_inline)) bool is_aligned(const float* row) {
  return reinterpret_cast<uintptr_t>(row) % 64 == 0;
}

// Copies n floats from a scratch row (64-byte aligned, readable up to the next multiple of 16) past the caches.
inline void stream_row(float* to, const float* from, size_t n) {
  size_t i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16) _mm512_stream_ps(to + i, _mm512_load_ps(from + i));
#elif defined(__AVX2__)
  for (; i + 8 <= n; i += 8) _mm256_stream_ps(to + i, _mm256_load_ps(from + i));
#elif defined(__x86_64__)
  for (; i + 4 <= n; i += 4) _mm_stream_ps(to + i, _mm_load_ps(from + i));
#endif
  for (; i < n; i++) to[i] = from[i];
}

// Asks for n floats from `row` on, which will be read soon.
inline void prefetch_row(const float* row, size_t n) {
  constexpr size_t line = 64 / sizeof(float);
  for (size_t i = 0; i < n; i += line) __builtin_prefetch(row + i);
}

// Streamed stores are weakly ordered: a thread calls this before others may read them.
inline void finish_streams() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

}  // namespace
}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
